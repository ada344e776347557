"""Caches of functions that are handed the user: values made from that parameter, under keys that leave it out."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cachetools
import pytest
from auditing import Audit, current_user

from isolation_audit.instrument.reading.user_arguments import of_call, of_frame

if TYPE_CHECKING:
    from collections.abc import Callable

BALANCES = {"alice": 4000, "bob": 12}


@dataclass
class Person:
    id: str
    name: str = "somebody"


def person() -> Person:
    return Person(current_user.get())


def balance_of(someone: Person) -> int:
    return BALANCES[someone.id]


def allowed(someone: Person, page: str) -> str:
    if someone.id not in BALANCES:
        raise PermissionError(page)
    return page


class Keys:
    """Ways to leave the user out of a key; each handles one request, of whoever is the ambient user."""

    def by_a_key_function() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10), key=lambda someone, page: page)
        def view(someone, page):
            return {"balance": balance_of(someone), "page": page}

        return lambda: view(person(), "home")

    def by_keyword() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10), key=lambda page, someone: page)
        def view(page, *, someone):
            return {"balance": balance_of(someone), "page": page}

        return lambda: view("home", someone=person())

    def by_the_id_itself() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10), key=lambda user_id, page: page)
        def view(user_id, page):
            return [BALANCES[user_id], page]

        return lambda: view(current_user.get(), "home")

    def by_a_request() -> Callable[[], Any]:
        class Request:
            def __init__(self, user):
                self.user = user

        @cachetools.cached(cachetools.Cache(10), key=lambda request: "home")
        def view(request):
            return balance_of(request.user)

        return lambda: view(Request(person()))

    def by_self() -> Callable[[], Any]:
        shared = cachetools.Cache(10)

        class Service:
            def __init__(self, user):
                self.user = user

            @cachetools.cached(shared, key=lambda self: "balance")
            def balance(self):
                return balance_of(self.user)

        return lambda: Service(person()).balance()

    def by_hand() -> Callable[[], Any]:
        cache = cachetools.Cache(10)

        def endpoint(user: Person):
            if "me" not in cache:
                made = {"balance": balance_of(user)}
                cache["me"] = made
            return cache["me"]

        return lambda: endpoint(person())

    def by_an_equal_object() -> Callable[[], Any]:
        @dataclass(frozen=True)
        class Session:
            tenant: str
            user_id: str = field(compare=False)

        @functools.lru_cache
        def view(session):
            return {"of": session.user_id}

        return lambda: view(Session("shop", current_user.get()))


class Clean:
    """The same without a leak."""

    def in_the_key() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10), key=lambda someone, page: (someone.id, page))
        def view(someone, page):
            return {"balance": balance_of(someone), "page": page}

        return lambda: view(person(), "home")

    def only_asked_for_permission() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10), key=lambda someone, page: page)
        def view(someone, page):
            return {"page": allowed(someone, page)}

        return lambda: view(person(), "home")

    def of_what_the_key_names() -> Callable[[], Any]:
        cache = cachetools.Cache(10)

        class Documents:
            def load(self, number, user):
                return {"number": number, "owner": "alice"}

        documents = Documents()

        def endpoint(user: Person, number: int):
            key = f"document:{number}"
            if key not in cache:
                cache[key] = documents.load(number, user)
            return cache[key]

        return lambda: endpoint(person(), 5)

    def about_one_of_them() -> Callable[[], Any]:
        @cachetools.cached(cachetools.Cache(10))
        def profile(user_id):
            return {"balance": BALANCES[user_id]}

        return lambda: profile("bob")

    def of_an_object_that_they_share() -> Callable[[], Any]:
        class Service:
            def __init__(self, owner):
                self.owner = owner

            @functools.cache
            def balance(self):
                return BALANCES[self.owner]

        service = Service("alice")
        return lambda: service.balance()

    def equal_and_nothing_of_it() -> Callable[[], Any]:
        @dataclass(frozen=True)
        class Session:
            tenant: str
            user_id: str = field(compare=False)

        @functools.lru_cache
        def view(session):
            return ["prices of", session.tenant]

        return lambda: view(Session("shop", current_user.get()))


def ways(owner: type) -> list[Any]:
    return [pytest.param(value, id=name) for name, value in vars(owner).items() if name[0] != "_"]


@pytest.mark.parametrize("make", ways(Keys))
def test_a_key_without_the_user_who_was_handed_over(audit: Audit, make: Callable[[], Any]) -> None:
    handle = make()
    assert audit.as_user("alice", handle) == audit.as_user("bob", handle)
    audit.as_user("alice", handle)
    assert audit.pairs("IA404") == {("alice", "bob")}
    audit.as_user("bob", handle)
    assert audit.auditor.recorder.counts["IA404"] == 2


@pytest.mark.parametrize("make", ways(Clean))
def test_a_key_with_the_user_or_a_value_without(audit: Audit, make: Callable[[], Any]) -> None:
    handle = make()
    for user in ("alice", "bob", "alice"):
        audit.as_user(user, handle)
    assert audit.found("IA404") == []


def test_fastapi_hands_the_user_in(audit: Audit) -> None:
    fastapi = pytest.importorskip("fastapi")

    cache = cachetools.TTLCache(10, 60)

    async def user(x_user: str = fastapi.Header()):
        current_user.set(x_user)
        return Person(x_user)

    app = fastapi.FastAPI()

    @app.get("/me")
    async def me(person=fastapi.Depends(user)):
        if "me" not in cache:
            cache["me"] = {"balance": balance_of(person)}
        return cache["me"]

    async def get(name: str) -> bytes:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"x-user", name.encode())]
        scope = {"type": "http", "method": "GET", "path": "/me", "query_string": b"", "headers": headers}
        await app(scope, receive, send)
        return b"".join(message.get("body", b"") for message in sent)

    for name in ("alice", "bob"):
        assert asyncio.run(get(name)) == b'{"balance":4000}'
    assert audit.pairs("IA404") == {("alice", "bob")}


def test_aiocache_with_a_key_of_its_own(audit: Audit) -> None:
    aiocache = pytest.importorskip("aiocache")

    @aiocache.cached(key_builder=lambda function, someone, page: page)
    async def leaking(someone, page):
        return {"balance": balance_of(someone)}

    @aiocache.cached(key_builder=lambda function, someone, page: f"{someone.id} {page}")
    async def clean(someone, page):
        return {"balance": balance_of(someone)}

    async def one(name):
        current_user.set(name)
        return await leaking(person(), "home"), await clean(person(), "home")

    async def both():
        return [await asyncio.create_task(one(name)) for name in ("alice", "bob")]

    assert [balances[0] for balances in asyncio.run(both())] == [{"balance": 4000}] * 2
    (finding,) = audit.found("IA404")
    assert finding.target.endswith("leaking")


def test_reading_a_frame_keeps_nothing_alive_and_asks_no_property() -> None:
    import gc
    import sys
    import weakref

    class Loud:
        id = property(lambda self: pytest.fail("it was asked"))

    def holders():
        return of_frame(sys._getframe(1), "alice")

    def run(user, other):
        gone = weakref.ref(other)
        found = holders()
        del other
        gc.collect()
        return found, gone()

    result = run(Person("alice"), Loud())
    assert result == (frozenset({"user"}), None)

    def with_locals(user):
        mine = locals()
        return holders(), mine["user"]

    assert with_locals("alice") == (frozenset(), "alice"), "its dict of names is its own"


def test_which_parameters_hold_a_user() -> None:
    def call(one, /, two, *rest, three=None, **others):
        pass

    alice = Person("alice")
    code = call.__code__
    assert of_call(code, (1, alice), {}, "alice") == {"two"}
    assert of_call(code, (1, 2, 3, "alice"), {}, "alice") == {"rest"}
    assert of_call(code, (1,), {"two": 2, "three": {"sub": "alice"}, "more": alice}, "alice") == {"three", "others"}
    assert of_call(code, (7, 2), {}, "7") == frozenset(), "a number is anything"
    assert of_call(code, (Person(7), 2), {}, "7") == {"one"}
    assert of_call(code, (1, 2, 3), {}, "alice") == frozenset()
