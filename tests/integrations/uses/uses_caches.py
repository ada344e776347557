"""Uses of caches."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from typing import Any

from uses import as_user, async_outcome, current_user, outcome, use
from uses_wsgi import django_settings

__all__: list[str] = []


@use("functools")
def decorated() -> Any:
    @functools.lru_cache
    def mine(page: str) -> str:
        if page == "none":
            raise LookupError(page)
        return f"{page} of {current_user.get()}"

    @functools.cache
    def prices() -> dict[str, int]:
        return {"apple": 1}

    users = ("alice", "bob", None, "alice")
    asked = [as_user(user, outcome, mine, page) for user in users for page in ("home", "none", "home")]
    return [asked, [as_user(user, prices) for user in users], mine.cache_info(), prices.cache_info()]


@use("cached_property")
def property_of_a_class() -> Any:
    return kept_property(functools.cached_property)


@use("django_cached_property")
def property_of_djangos() -> Any:
    from django.utils.functional import cached_property

    return kept_property(cached_property)


def kept_property(cached_property: Any) -> Any:
    """Two users read a property; it is set, and deleted."""

    class Settings:
        @cached_property
        def theme(self) -> str:
            return f"of {current_user.get()}"

    settings = Settings()
    read = [as_user(user, lambda: settings.theme) for user in ("alice", "alice", "bob", None)]
    as_user("bob", setattr, settings, "theme", "blue")
    read.append(as_user("alice", lambda: settings.theme))
    as_user("bob", delattr, settings, "theme")
    return [read, vars(settings), as_user("bob", lambda: settings.theme)]


def by_hand(get: Any, put: Any) -> Any:
    """Two users ask for one key, and for one that is not there."""

    def page(user: str) -> Any:
        found = outcome(get, "page")
        if found is None or type(found) is str:
            outcome(put, "page", {"of": user})
        return [found, outcome(get, "page"), outcome(get, "nothing")]

    return [as_user(user, page, user) for user in ("alice", "bob", "alice")]


@use("cachetools")
def cachetools() -> Any:
    import cachetools

    cache = cachetools.LRUCache(10)

    @cachetools.cached(cachetools.TTLCache(10, 60))
    def page(name: str) -> Any:
        return [name, current_user.get()]

    asked = [as_user(user, page, "home") for user in ("alice", "bob")]
    return [asked, by_hand(cache.__getitem__, cache.__setitem__), outcome(cache.__setitem__, [], 1), len(cache)]


@use("aiocache")
def aiocache() -> Any:
    from aiocache import Cache, cached

    @cached(ttl=60)
    async def page(name: str) -> Any:
        return [name, current_user.get()]

    async def main() -> Any:
        async def ask(user: str) -> Any:
            current_user.set(user)
            return [await page("home"), await page("home")]

        async def set_by_hand(user: str) -> Any:
            current_user.set(user)
            found = await cache.get("mine")
            await cache.set("mine", {"of": user})
            return [found, await cache.get("mine"), await async_outcome(cache.add("mine", 1))]

        cache = Cache(Cache.MEMORY)
        got = [await asyncio.create_task(work(user)) for user in ("alice", "bob") for work in (ask, set_by_hand)]
        await cache.clear()
        return got

    return asyncio.run(main())


@use("async_lru")
def async_lru() -> Any:
    from async_lru import alru_cache

    @alru_cache
    async def page(name: str) -> Any:
        if name == "none":
            raise LookupError(name)
        return [name, current_user.get()]

    async def main() -> Any:
        async def ask(user: str) -> Any:
            current_user.set(user)
            return [await async_outcome(page(name)) for name in ("home", "none", "home")]

        got = [await asyncio.create_task(ask(user)) for user in ("alice", "bob")]
        return [got, page.cache_info(), await page.cache_close()]

    return asyncio.run(main())


@use("cachelib")
def cachelib() -> Any:
    from cachelib import FileSystemCache, MemcachedCache, RedisCache, SimpleCache

    with tempfile.TemporaryDirectory() as folder:
        found = []
        for cache in (SimpleCache(), FileSystemCache(folder), RedisCache(FakeServer()), MemcachedCache(FakeServer())):
            got = by_hand(cache.get, cache.set)
            found.append([got, as_user("alice", cache.add, "page", 1), as_user("bob", cache.add, "new", 1)])
        return found


class FakeRedis:
    """As much of an asynchronous client as the backend asks for."""

    def __init__(self) -> None:
        self.kept: dict[Any, Any] = {}

    def pipeline(self, **_options: Any) -> Any:
        return Pipeline(self)

    async def get(self, key: Any) -> Any:
        return self.kept.get(key)

    async def set(self, key: Any, value: Any, ex: Any = None) -> None:
        self.kept[key] = value


class Pipeline:
    """Its pipeline."""

    def __init__(self, redis: FakeRedis) -> None:
        self._redis = redis

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_error: object) -> None:
        pass

    def ttl(self, key: Any) -> Any:
        return self

    def get(self, key: Any) -> Any:
        self._key = key
        return self

    async def execute(self) -> Any:
        return 60, self._redis.kept.get(self._key)


@use("fastapi_cache")
def fastapi_cache() -> Any:
    from fastapi_cache.backends.inmemory import InMemoryBackend
    from fastapi_cache.backends.redis import RedisBackend

    async def main(backend: Any) -> Any:
        async def ask(user: str) -> Any:
            current_user.set(user)
            found = await backend.get_with_ttl("page")
            if found[1] is None:
                await backend.set("page", f"of {user}".encode(), 60)
            return [str(found[1]), str((await backend.get_with_ttl("page"))[1])]

        InMemoryBackend._store.clear()
        return [await asyncio.create_task(ask(user)) for user in ("alice", "bob", "alice")]

    return [asyncio.run(main(backend)) for backend in (InMemoryBackend(), RedisBackend(FakeRedis()))]  # type: ignore[arg-type]


class FakeServer:
    """As much of a client of a cache server as Django and cachelib ask for."""

    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, name: str, value: Any, *_timeout: Any, **_options: Any) -> bool:
        self.kept[name] = value
        return True

    def add(self, name: str, value: Any, *_timeout: Any) -> bool:
        return name not in self.kept and self.set(name, value)

    def setex(self, name: str, value: Any, **_time: Any) -> bool:
        return self.set(name, value)

    def setnx(self, name: str, value: Any) -> bool:
        return self.add(name, value)

    def expire(self, **_time: Any) -> bool:
        return True

    def delete(self, key: str) -> bool:
        return self.kept.pop(key, None) is not None


@use("django_cache")
def django_cache() -> Any:
    django_settings()
    from django.core.cache.backends.db import DatabaseCache
    from django.core.cache.backends.filebased import FileBasedCache
    from django.core.cache.backends.locmem import LocMemCache
    from django.core.cache.backends.memcached import BaseMemcachedCache
    from django.core.cache.backends.redis import RedisCache
    from django.core.management import call_command

    class Memcached(BaseMemcachedCache):
        _class = FakeServer

        def __init__(self) -> None:
            super().__init__("127.0.0.1:11211", {}, library=self, value_not_found_exception=LookupError)

        Client = FakeServer

    redis = RedisCache("redis://127.0.0.1:1", {})
    redis._class = FakeServer
    call_command("createcachetable", "kept", verbosity=0)
    with tempfile.TemporaryDirectory() as folder:
        caches = [LocMemCache("used", {}), FileBasedCache(folder, {}), DatabaseCache("kept", {}), redis, Memcached()]
        found = []
        for cache in caches:
            cache.clear() if cache not in caches[3:] else None
            got = by_hand(cache.get, cache.set)
            found.append([got, as_user("alice", cache.add, "page", 1), as_user("bob", cache.add, "new", 1)])
        caches[0].clear()
        caches[2].clear()
        return found


@use("requests_cache")
def answers_of_other_services() -> Any:
    from requests import Request, Response
    from requests_cache.backends.base import BaseCache

    cache = BaseCache()

    def save(key: str | None) -> Any:
        answer = Response()
        answer.status_code, answer._content = 200, f"for {current_user.get()}".encode()
        answer.request = Request("GET", "http://localhost/", headers={"Authorization": "x"}).prepare()
        answer.url = "http://localhost/"
        return outcome(cache.save_response, answer, key)

    def find(key: Any) -> Any:
        found = outcome(cache.get_response, key)
        return found if found is None or type(found) is str else found.text

    got = [as_user("alice", save, key) for key in ("me", None)]
    got += [as_user(user, find, key) for user in ("alice", "bob", None) for key in ("me", "nothing", [])]
    return [str(one) for one in got]


@use("dogpile")
def dogpile() -> Any:
    from dogpile.cache import make_region

    region = make_region().configure("dogpile.cache.memory")

    @region.cache_on_arguments()
    def page(name: str) -> Any:
        return [name, current_user.get()]

    def put(key: str, value: Any) -> Any:
        return outcome(region.set, key, value)

    def got(key: str) -> Any:
        return region.get(key) or None

    asked = [as_user(user, page, "home") for user in ("alice", "bob")]
    return [asked, by_hand(got, put), outcome(region.get, []), outcome(region.set, [], 1)]


@use("diskcache")
def diskcache() -> Any:
    from diskcache import Cache, FanoutCache

    with tempfile.TemporaryDirectory() as folder, Cache(folder) as cache, FanoutCache(f"{folder}/more") as several:

        @cache.memoize()
        def page(name: str) -> Any:
            return [name, current_user.get()]

        asked = [as_user(user, page, "home") for user in ("alice", "bob")]
        found = [by_hand(one.get, one.set) for one in (cache, several)]
        return [asked, found, as_user("bob", cache.add, "page", 1), outcome(cache.get, {}.items())]


@use("hishel")
def hishel() -> Any:
    import httpx
    from hishel import AsyncSqliteStorage, SqliteStorage
    from hishel.httpx import AsyncCacheTransport, CacheTransport

    def answer(request: Any) -> Any:
        if request.url.path == "/broken":
            raise httpx.ConnectError("broken")
        return httpx.Response(200, text=f"for {request.headers['x-user']}", headers={"cache-control": "max-age=60"})

    upstream = httpx.MockTransport(answer)
    asked = [(user, path) for path in ("/mine", "/mine", "/broken") for user in ("alice", "bob")]

    async def main(folder: str) -> Any:
        transport = AsyncCacheTransport(upstream, AsyncSqliteStorage(database_path=f"{folder}/a.db"), rfc=True)
        async with httpx.AsyncClient(transport=transport) as client:
            got = []
            for user, path in asked:
                current_user.set(user)
                found = await async_outcome(client.get(f"http://service{path}", headers={"x-user": user}))
                got.append(getattr(found, "text", found))
            return got

    with tempfile.TemporaryDirectory() as folder:
        transport = CacheTransport(upstream, SqliteStorage(database_path=f"{folder}/b.db"))
        with httpx.Client(transport=transport) as client:
            found = [
                as_user(user, outcome, client.get, f"http://service{path}", headers={"x-user": user})
                for user, path in asked
            ]
        return [asyncio.run(main(folder)), [getattr(one, "text", one) for one in found]]
