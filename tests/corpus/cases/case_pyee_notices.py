# requires: pyee==9.0.4
# Every session hears all notices of the emitter, and shows them: also those that say that they are for somebody else.
# An auditor should find: the listener of bob's session is given a notice to alice.
import asyncio
from contextvars import ContextVar

from pyee import EventEmitter

current_user = ContextVar("current_user", default=None)
notices = EventEmitter()


class Session:
    def __init__(self, user):
        self.user = user
        self.shown = []
        notices.on("notice", self.show)

    def show(self, notice):
        self.shown.append(notice["text"])


async def session(user):
    current_user.set(user)
    opened = Session(user)
    await asyncio.sleep(0.02)
    if user == "alice":
        notices.emit("notice", {"to": user, "text": "your code is 4711"})
    await asyncio.sleep(0.02)
    return opened.shown


async def main():
    alice, bob = await asyncio.gather(*(asyncio.create_task(session(user)) for user in ("alice", "bob")))
    print(alice, bob, "->", "LEAK" if bob else "OK")


asyncio.run(main())
