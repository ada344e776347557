# requires: aiocache==0.12.3
# A profile is kept by hand under a name that does not say whose it is.
# An auditor should find: the value that was stored for alice is given to bob.
import asyncio
from contextvars import ContextVar

from aiocache import Cache

current_user = ContextVar("current_user", default=None)
cache = Cache(Cache.MEMORY)


async def profile():
    found = await cache.get("profile")
    if found is None:
        found = {"mail": f"{current_user.get()}@example.com"}
        await cache.set("profile", found, ttl=60)
    return found


async def request(user):
    current_user.set(user)
    return await profile()


async def main():
    return [await asyncio.create_task(request(user)) for user in ("alice", "bob")]


got = asyncio.run(main())
print(got, "->", "LEAK" if "alice" in got[1]["mail"] else "OK")
