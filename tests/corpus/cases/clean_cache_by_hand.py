# requires: aiocache==0.12.3
# The clean twin of case_cache_by_hand: the key says whose it is; prices and articles are everybody's.
import asyncio
from contextvars import ContextVar

from aiocache import Cache

current_user = ContextVar("current_user", default=None)
cache = Cache(Cache.MEMORY)


async def profile():
    key = f"profile:{current_user.get()}"
    found = await cache.get(key)
    if found is None:
        found = {"mail": f"{current_user.get()}@example.com"}
        await cache.set(key, found, ttl=60)
    return found


async def shop():
    if await cache.get("prices") is None:
        await cache.set("prices", {"tea": 5, "signed in": current_user.get() is not None})
    if not await cache.exists("article"):
        await cache.add("article", {"title": "spring", "author": "alice"})
    return await cache.get("prices"), await cache.get("article")


async def request(user):
    current_user.set(user)
    await shop()
    return await profile()


async def main():
    return [await asyncio.create_task(request(user)) for user in ("alice", "bob", "alice")]


got = asyncio.run(main())
print(got, "->", "LEAK" if "alice" in got[1]["mail"] else "OK")
