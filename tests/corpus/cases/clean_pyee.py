# requires: pyee==13.0.1
# A chat and personal notices on one emitter: every session gets all that is said, and only the notices named for it.
import asyncio
from contextvars import ContextVar

from pyee.asyncio import AsyncIOEventEmitter

current_user = ContextVar("current_user", default=None)


async def session(user, room):
    current_user.set(user)
    heard, notices = [], []
    room.on("said", heard.append)
    room.on(f"notice:{user}", notices.append)

    @room.once("closed")
    async def leave(reason):
        heard.append(reason)

    await asyncio.sleep(0.02)
    room.emit("said", {"from": user, "text": "hello all"})
    room.emit(f"notice:{user}", {"to": user, "text": "your code is 4711"})
    await asyncio.sleep(0.02)
    return len(heard), len(notices)


async def main():
    room = AsyncIOEventEmitter()
    counts = await asyncio.gather(*(asyncio.create_task(session(user, room)) for user in ("alice", "bob", "carol")))
    room.emit("closed", "maintenance at five")
    await asyncio.sleep(0.01)
    print(counts, "->", "OK" if counts == [(3, 1)] * 3 else "LEAK")


asyncio.run(main())
