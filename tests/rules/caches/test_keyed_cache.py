"""Caches with keys, of every library that is known; a leak and its clean twin each."""

from __future__ import annotations

import asyncio
import functools
import threading
from pathlib import Path
from typing import Any

import cachetools
import pytest
from auditing import Audit, config, current_user

from isolation_audit import canary
from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.building_blocks.keyed_cache import FetchPoint, StorePoint
from isolation_audit.rules.caches import keyed_cache as entries

HERE = Path(__file__).name
KINDS = {
    "ttl": lambda: cachetools.TTLCache(100, 60),
    "lru": lambda: cachetools.LRUCache(100),
    "lfu": lambda: cachetools.LFUCache(100),
    "plain": lambda: cachetools.Cache(100),
}


def who():
    return current_user.get()


def mine():
    return {"of": who()}


@pytest.fixture
def django_cache():
    """Django's cache in the memory of this process."""
    from django.conf import settings

    if not settings.configured:
        settings.configure(DEFAULT_CHARSET="utf-8", CACHES={})
    from django.core.cache.backends.locmem import LocMemCache

    cache = LocMemCache("of-the-tests", {})
    yield cache
    cache.clear()


# cachetools


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("locked", [False, True])
def test_cachetools_decorator(audit: Audit, kind: str, locked: bool) -> None:
    @cachetools.cached(KINDS[kind](), lock=threading.RLock() if locked else None)
    def dashboard(page):
        return {"of": who(), "page": page}

    @cachetools.cached(KINDS[kind]())
    def by_user(user, page):
        return {"of": who(), "page": page}

    def handle():
        by_user(who(), "home")
        return dashboard("home")

    assert audit.as_user("alice", handle) is audit.as_user("bob", handle)
    (finding,) = audit.found("IA404")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert finding.target.endswith("dashboard")
    assert (Path(finding.site.top.file).name, finding.site.top.function.rpartition(".")[2]) == (HERE, "handle")
    assert finding.origin.top.function.endswith("dashboard")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_cachetools_method(audit: Audit) -> None:
    class Shop:
        def __init__(self):
            self.cache = cachetools.TTLCache(10, 60)

        @cachetools.cachedmethod(lambda self: self.cache)
        def basket(self, page):
            return [who(), page]

        @cachetools.cachedmethod(lambda self: self.cache, key=functools.partial(cachetools.keys.hashkey, "prices"))
        def prices(self, page):
            return [5, page]

    shop = Shop()
    for user in ("alice", "bob"):
        audit.as_user(user, shop.basket, 1)
        audit.as_user(user, shop.prices, 1)
    assert {finding.target.rpartition(".")[2] for finding in audit.found("IA404")} == {"basket"}


def test_cachetools_by_hand(audit: Audit) -> None:
    cache = cachetools.LRUCache(100)

    def dashboard():
        if "dashboard" not in cache:
            cache["dashboard"] = {"of": who()}
        return cache["dashboard"]

    def prices():
        user = who()
        if "prices" not in cache:
            cache["prices"] = {"price": 5}
        return {"of": user, **cache["prices"]}

    def mine():
        key = f"mine-{who()}"
        if key not in cache:
            cache[key] = {"of": who()}
        return cache[key]

    for user in ("alice", "bob"):
        for page in (dashboard, prices, mine):
            audit.as_user(user, page)
    (finding,) = audit.found("IA404")
    assert finding.target.rpartition(".")[2] == "dashboard"


def test_a_canary_by_hand(audit: Audit) -> None:
    cache = cachetools.LRUCache(100)
    row = {"code": canary("alice")}

    def put():
        cache["row"] = row

    audit.as_user("alice", put)
    audit.as_user("bob", cache.get, "row")
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_who_stored_last_is_the_writer(audit: Audit) -> None:
    cache = cachetools.LRUCache(100)

    def put():
        cache["row"] = {"of": who()}

    for user in ("alice", None):
        audit.as_user(user, put)
    audit.as_user("carol", cache.get, "row")
    assert audit.found("IA404") == []
    audit.as_user("bob", put)
    audit.as_user("carol", cache.get, "row")
    assert audit.pairs("IA404") == {("bob", "carol")}


def test_a_new_cache_where_an_old_one_was_knows_nothing_of_it(audit: Audit) -> None:
    def put(cache):
        cache["row"] = [who()]

    for _ in range(50):
        first = cachetools.LRUCache(10)
        audit.as_user("alice", put, first)
        del first
        second = cachetools.LRUCache(10)
        audit.as_user(None, second.__setitem__, "row", ["alice"])
        audit.as_user("bob", second.get, "row")
        del second
    assert audit.found("IA404") == []


def test_what_is_remembered_is_bounded(audit: Audit, monkeypatch) -> None:
    monkeypatch.setattr(entries, "LIMIT", 5)
    cache = cachetools.LRUCache(100)

    def put(key):
        cache[key] = [who()]

    for key in range(20):
        audit.as_user("alice", put, key)
    assert audit.auditor.snapshot()["summary"]["evicted"]["cache_entries"] == 15
    for key in range(20):
        audit.as_user("bob", cache.get, key)
    (entry,) = [entry for entry in audit.auditor.recorder.entries() if entry.finding.rule == "IA404"]
    assert entry.count == 5


def test_keys_that_can_t_be_hashed_are_the_application_s_mistake(audit: Audit) -> None:
    cache = cachetools.LRUCache(100)

    def put():
        with pytest.raises(TypeError, match="unhashable"):
            cache[[]] = 5
        cache["x"] = 5
        with pytest.raises(TypeError, match="unhashable"):
            cache[[]]
        with pytest.raises(KeyError):
            cache["y"]

    audit.as_user("alice", put)


# aiocache


def test_aiocache(audit: Audit) -> None:
    from aiocache import cached

    @cached(ttl=60)
    async def dashboard(page):
        return {"of": who(), "page": page}

    @cached(ttl=60)
    async def by_user(user, page):
        return {"of": who(), "page": page}

    @cached(ttl=60)
    async def prices():
        return {"price": 5}

    async def handle(user):
        current_user.set(user)
        return [await by_user(user, "home"), await prices(), await dashboard("home")]

    async def scenario():
        return [await asyncio.create_task(handle(user)) for user in ("alice", "bob")]

    (_first, _second) = asyncio.run(scenario())
    (finding,) = audit.found("IA404")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert finding.target.endswith("dashboard")
    assert finding.site.top.function.endswith("handle")


@pytest.mark.parametrize("timeout", [None, 5])
def test_aiocache_by_hand(audit: Audit, timeout) -> None:
    from aiocache import SimpleMemoryCache

    cache = SimpleMemoryCache(timeout=timeout)

    async def profile():
        found = await cache.get("profile")
        if found is None:
            found = {"of": who()}
            await cache.set("profile", found)
        return found

    async def prices():
        if await cache.get("prices") is None:
            await cache.add("prices", {"price": 5})
        return who(), await cache.get("prices")

    async def own():
        key = f"own:{who()}"
        if await cache.get(key) is None:
            await cache.set(key, [who()], ttl=60)
        return await cache.get(key)

    async def handle(user):
        current_user.set(user)
        return [await profile(), await prices(), await own()]

    async def scenario():
        return [await asyncio.create_task(handle(user)) for user in ("alice", "bob")]

    first, second = asyncio.run(scenario())
    assert (first[0], second[2]) == (second[0], ["bob"])
    (finding,) = audit.found("IA404")
    assert (finding.witnesses.owner, finding.witnesses.ambient) == ("alice", "bob")
    assert finding.target.endswith("profile")


# async-lru


def test_async_lru(audit: Audit) -> None:
    from async_lru import alru_cache

    @alru_cache(maxsize=8)
    async def dashboard(page):
        await asyncio.sleep(0)
        return {"of": who(), "page": page}

    @alru_cache
    async def by_user(user, page):
        return {"of": who(), "page": page}

    @alru_cache
    async def prices():
        return {"price": 5}

    class Shop:
        @alru_cache
        async def basket(self):
            return [who()]

    shop = Shop()

    async def handle(user):
        current_user.set(user)
        return [await by_user(user, "home"), await prices(), await dashboard("home"), await shop.basket()]

    async def scenario():
        return [await asyncio.create_task(handle(user)) for user in ("alice", "bob")]

    first, second = asyncio.run(scenario())
    assert first[1:] == second[1:]
    assert {finding.target.rpartition(".")[2] for finding in audit.found("IA404")} == {"dashboard", "basket"}
    assert audit.pairs("IA404") == {("alice", "bob")}


# Flask-Caching, and cachelib below it


def test_flask_caching(audit: Audit) -> None:
    from flask import Flask
    from flask_caching import Cache

    app = Flask(__name__)
    app.config["CACHE_TYPE"] = "SimpleCache"
    cache = Cache(app)

    @cache.memoize(60)
    def orders(page):
        return [who(), page]

    @cache.memoize(60)
    def orders_of(user, page):
        return [who(), user, page]

    @cache.memoize(60)
    def prices():
        return {"price": 5}

    @app.get("/me")
    @cache.cached(60)
    def me():
        return {"me": who()}

    @app.get("/own")
    @cache.cached(60, key_prefix=lambda: f"own/{who()}")
    def own():
        return {"me": who()}

    def by_hand():
        found = cache.get("by hand")
        if found is None:
            found = [who()]
            cache.set("by hand", found, timeout=60)
        return found

    def request(user):
        with app.app_context():
            return [orders(1), orders_of(user, 1), prices(), by_hand(), prices()]

    for user in ("alice", "bob", "bob"):
        audit.as_user(user, request, user)
        for path in ("/me", "/own"):
            assert audit.as_user(user, app.test_client().get, path).status_code == 200
    assert {finding.target.rpartition(".")[2] for finding in audit.found("IA404")} == {"orders", "me", "by_hand"}
    assert audit.pairs("IA404") == {("alice", "bob")}


# fastapi-cache2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fastapi_cache(audit: Audit) -> None:
    from fastapi import FastAPI, Request
    from fastapi_cache import FastAPICache
    from fastapi_cache.backends.inmemory import InMemoryBackend
    from fastapi_cache.decorator import cache

    app = FastAPI()

    @app.middleware("http")
    async def sign_in(request, call_next):
        current_user.set(request.headers["x-user"])
        return await call_next(request)

    @app.get("/me")
    @cache(expire=60)
    async def me() -> dict[str, Any]:
        return {"me": who()}

    async def by_header(request: Request) -> dict[str, Any]:
        return {"me": request.headers["x-user"]}

    # The annotations of this file are texts, which FastAPI can't resolve inside of a function.
    by_header.__annotations__ = {"request": Request, "return": dict[str, Any]}
    me.__annotations__ = {}
    app.get("/by-header")(cache(expire=60)(by_header))

    @app.get("/articles")
    @cache(expire=60)
    async def articles() -> list[dict[str, str]]:
        return [{"author": "alice"}]

    @app.get("/for/{user}")
    @cache(expire=60)
    async def for_user(user: str) -> dict[str, Any]:
        return {"me": who(), "for": user}

    async def get(path: str, user: str) -> int:
        sent: list[Any] = []
        received = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            return received.pop() if len(received) > 1 else received[0]

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "http_version": "1.1"}
        await app({**scope, "headers": [(b"x-user", user.encode())]}, receive, send)
        return sent[0]["status"]

    async def scenario() -> set[int]:
        paths = ("/me", "/by-header", "/articles")
        return {
            await asyncio.create_task(get(path, user)) for user in ("alice", "bob") for path in (*paths, f"/for/{user}")
        }

    FastAPICache.reset()
    FastAPICache.init(InMemoryBackend())
    assert asyncio.run(scenario()) == {200}
    FastAPICache.reset()
    assert {finding.target.rpartition(".")[2] for finding in audit.found("IA404")} == {"me", "by_header"}
    assert audit.pairs("IA404") == {("alice", "bob")}


# Django


def test_django_by_hand(audit: Audit, django_cache) -> None:
    def dashboard():
        found = django_cache.get("dashboard")
        if found is None:
            found = {"of": who()}
            django_cache.set("dashboard", found, 60)
        return found

    def prices():
        found = django_cache.get("prices")
        if found is None:
            found = {"price": 5}
            django_cache.set("prices", found, timeout=60)
        return [who(), found]

    def default():
        return django_cache.get_or_set("default", lambda: [who()])

    def made():
        return django_cache.get_or_set("made", mine)

    for user in ("alice", "bob"):
        for page in (dashboard, prices, default, made):
            audit.as_user(user, page)
    found = {finding.target.rpartition(".")[2]: finding for finding in audit.found("IA404")}
    assert set(found) == {"dashboard", "default", "made"}
    assert audit.pairs("IA404") == {("alice", "bob")}
    assert found["dashboard"].site.top.function.endswith("dashboard")


def test_django_objects_of_two_threads_are_one_cache(audit: Audit, django_cache) -> None:
    other = type(django_cache)("of-the-tests", {})

    def put():
        django_cache.set("row", [who()])

    audit.as_user("alice", put)
    assert audit.as_user("bob", other.get, "row") == ["alice"]
    assert audit.as_user("bob", type(django_cache)("another", {}).get, "row") is None
    assert audit.pairs("IA404") == {("alice", "bob")}


@pytest.mark.parametrize("vary", [False, True])
def test_a_cached_page_of_django_s(audit: Audit, django_cache, monkeypatch, vary: bool) -> None:
    from django.conf import settings
    from django.core import cache
    from django.http import HttpResponse
    from django.test import RequestFactory
    from django.views.decorators.cache import cache_page
    from django.views.decorators.vary import vary_on_headers

    def me(_request):
        return HttpResponse(who())

    without = {"CACHE_MIDDLEWARE_KEY_PREFIX": "", "USE_I18N": False, "USE_TZ": False, "ALLOWED_HOSTS": ["127.0.0.1"]}
    for name, value in without.items():
        monkeypatch.setattr(settings, name, value, raising=False)
    monkeypatch.setattr(cache.caches._connections, "default", django_cache, raising=False)
    page = cache_page(60)(vary_on_headers("x-user")(me) if vary else me)
    for user in ("alice", "bob", "bob"):
        got = audit.as_user(user, page, RequestFactory(SERVER_NAME="127.0.0.1").get("/me", headers={"x-user": user}))
        assert got.content.decode() == (user if vary else "alice")
    assert audit.pairs("IA404") == (set() if vary else {("alice", "bob")})


# Every library


@pytest.mark.parametrize("point", [StorePoint, FetchPoint])
def test_faults_change_nothing(monkeypatch, point, django_cache) -> None:
    def broken(*_args):
        raise RuntimeError("broken on purpose")

    for method in ("before", "after", "failed"):
        monkeypatch.setattr(point, method, broken)
    with Auditor(config()) as auditor:
        cache = cachetools.LRUCache(10)
        cached = cachetools.cached(cache)(lambda: [who()])
        assert Audit.as_user("alice", cached) is Audit.as_user("bob", cached)
        Audit.as_user("alice", django_cache.set, "row", [5])
        assert Audit.as_user("bob", django_cache.get, "row") == [5]
    assert auditor.runtime.barrier.counts


def test_nothing_is_patched_where_it_is_switched_off_and_all_comes_back() -> None:
    get, code = cachetools.Cache.__dict__["__getitem__"], cachetools.Cache.__getitem__.__code__
    with Auditor(config(watch=model.Watch(caches=False))):
        assert cachetools.Cache.__getitem__.__code__ is code
    with Auditor(config()):
        assert cachetools.Cache.__getitem__.__code__ is not code
    assert cachetools.Cache.__dict__["__getitem__"] is get
    assert get.__code__ is code
