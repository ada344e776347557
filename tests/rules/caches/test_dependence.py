"""What a function returns: from the ambient variable, from the context, or from elsewhere."""

from __future__ import annotations

import functools
import logging
import threading
from contextvars import ContextVar

import pytest
from flask import g, request, session
from flask_login import current_user

from isolation_audit.analysis.value_sources import Source
from isolation_audit.rules.caches.dependence import Dependence

user: ContextVar[str | None] = ContextVar("user", default=None)
language: ContextVar[str] = ContextVar("language", default="en")
local = threading.local()
log = logging.getLogger(__name__)


def who() -> str | None:
    return user.get()


def rows_of(someone: object) -> list[object]:
    return [someone]


class Shop:
    @property
    def buyer(self):
        return user.get()

    def greeting(self):
        return "hello " + self.buyer

    def page(self):
        return {"text": self.greeting()}

    @classmethod
    def of_class(cls):
        return cls.helper()

    @staticmethod
    def helper():
        return who()


class Dependent:
    @functools.wraps(who)
    def decorated(page):
        return {"of": user.get(), "page": page}

    def by_a_helper():
        return who()

    def by_a_list():
        rows = []
        for number in range(3):
            rows.append((who(), number))  # noqa: PERF401 - the form is what is tested
        return rows

    def by_a_branch():
        if user.get() in ("root",):  # noqa: SIM103 - the form is what is tested
            return True
        return False

    def by_who_it_is():
        return user.get() == "root"

    def by_an_item():
        someone = user.get()
        made = {}
        made["of"] = someone
        return made

    async def awaited():
        return {"mail": f"{user.get()}@example.org"}

    def yielded():
        yield user.get()

    def matched():
        match who():
            case str() as name:
                found = name
            case _:
                found = None
        return found

    def in_blocks():
        with threading.Lock():
            try:
                found = who()
            except KeyError:
                found = "?"
        return found

    def in_a_comprehension():
        return [row * 2 for row in rows_of(who())]

    def by_an_inner_function():
        def inner():
            return user.get()

        return inner()

    def unpacked():
        first, *rest = rows_of(user.get())
        return rest or first

    def with_a_walrus():
        if (someone := user.get()) is None:
            raise PermissionError
        return someone

    def handed_on():
        return rows_of(user)

    a_lambda = lambda: user.get()  # noqa: E731 - the form is what is tested


class Independent:
    def for_the_log():
        log.info("for %s", user.get())
        return 5

    def for_the_log_by_a_name():
        someone = user.get()
        log.info("for %s", someone)
        return 5

    def by_a_local_logger():
        logger = logging.getLogger("x")
        logger.info("%s", user.get())
        return [logger.name]

    def refused():
        if user.get() is None:
            raise PermissionError
        return 5

    def nothing_for_nobody():
        if user.get() is None:
            return None
        return 5

    def whether_anybody_is_there():
        return {"signed in": user.get() is not None}

    def set_and_reset():
        token = user.set("x")
        user.reset(token)
        return 5

    def its_name():
        return user.name

    def of_the_argument(user):
        return user.get()

    def of_itself(number):
        return Independent.of_itself(number - 1) if number else 0


class Contextual:
    def of_another_variable():
        return language.get()

    def of_a_thread_local():
        return local.language

    def of_the_request_it_serves():
        return request.args["user"]

    def of_the_session():
        return session["language"]


class Named:
    def of_a_thread_local():
        return local.user

    def of_the_request_s_own():
        return g.user.id

    def of_the_session():
        return session["user_id"]

    def of_the_session_if_any():
        return session.get("_user_id", None)

    def of_a_proxy():
        return f"of {current_user}"


def functions(owner: type):
    return [pytest.param(value, id=name) for name, value in vars(owner).items() if callable(value) and name[0] != "_"]


@pytest.mark.parametrize("function", functions(Dependent))
def test_made_from_the_ambient_variable(function) -> None:
    assert Dependence(user).of(function) is Source.AMBIENT
    assert Dependence(None).of(function) is not Source.AMBIENT, "no variable, nothing of it"


@pytest.mark.parametrize("function", functions(Independent))
def test_not_made_from_it(function) -> None:
    assert Dependence(user).of(function) is Source.ELSEWHERE


@pytest.mark.parametrize("function", functions(Contextual))
def test_made_from_the_context(function) -> None:
    assert Dependence(user).of(function) is Source.CONTEXT


@pytest.mark.parametrize("function", functions(Named))
def test_made_from_what_the_context_calls_the_user(function) -> None:
    assert Dependence(None).of(function) is Source.AMBIENT


def test_another_variable_that_holds_the_user_at_work() -> None:
    def greeting():
        return language.get()

    assert Dependence(user, says_who=lambda variable: variable is language).of(greeting) is Source.AMBIENT
    assert Dependence(user, says_who=lambda variable: False).of(greeting) is Source.CONTEXT


def test_methods_and_properties_of_the_receiver_are_followed() -> None:
    dependence = Dependence(user)
    assert dependence.of(Shop.page, Shop) is Source.AMBIENT
    assert dependence.of(Shop.page) is Source.ELSEWHERE, "whose method it is is not known"
    assert dependence.of(Shop.__dict__["of_class"].__func__, Shop) is Source.AMBIENT


def test_a_parameter_that_the_key_leaves_out() -> None:
    def page(request, number):
        return {"of": request.headers["authorization"], "number": number}

    dependence = Dependence(user)
    assert dependence.of(page, given=frozenset({("request", Source.CONTEXT)})) is Source.CONTEXT
    assert dependence.of(page) is Source.ELSEWHERE


def test_no_source_is_needed() -> None:
    namespace = {"user": user}
    exec("def made():\n    return user.get()\n", namespace)
    assert Dependence(user).of(namespace["made"]) is Source.AMBIENT


def test_two_functions_that_call_each_other_depend_alike_whichever_is_asked_first() -> None:
    namespace = {"user": user}
    exec(
        "def ping(n):\n    return pong(n - 1) if n else user.get()\ndef pong(n):\n    return ping(n - 1) if n else 0\n",
        namespace,
    )
    for first, second in (("ping", "pong"), ("pong", "ping")):
        dependence = Dependence(user)
        assert [dependence.of(namespace[name]) for name in (first, second)] == [Source.AMBIENT] * 2


class Handed:
    """Functions whose parameter ``person`` was handed the user, and whose cache leaves it out of the key."""

    def its_field(person, page):
        return {"balance": person.balance, "page": page}

    def in_a_text(person):
        return f"{person.name} {1}", str(person), Shop(person)

    def fetched_by_it(person):
        return unknown.balance_of(person.id)  # noqa: F821 - it can't be resolved, and that is the point

    def followed(person, page):
        return rows_of(person)


class Asked:
    """The same, but only to decide whether they may have it, or to tell who asks."""

    def refused(person, page):
        if page not in person.pages:
            raise PermissionError
        return [page]

    def asked_for(person, page):
        return unknown.page(page, person)  # noqa: F821 - it can't be resolved, and that is the point

    def followed(person, page):
        return checked(page, person)


def checked(page: str, person: object) -> list[str]:
    log.info("%s for %s", page, person)
    return [page]


PERSON = frozenset({("person", Source.USER)})


@pytest.mark.parametrize("function", functions(Handed))
def test_made_from_the_user_who_was_handed_over(function) -> None:
    assert Dependence(None).of(function, given=PERSON) is Source.USER
    assert Dependence(None).of(function) is Source.ELSEWHERE


@pytest.mark.parametrize("function", functions(Asked))
def test_not_made_from_the_user_who_was_handed_over(function) -> None:
    assert Dependence(None).of(function, given=PERSON) is Source.ELSEWHERE


def test_a_new_class_in_the_place_of_an_old_one_is_read_anew() -> None:
    dependence = Dependence(user)

    def page(self):
        return self.text()

    answers = set()
    for number in range(20):
        kind = type("Kind", (), {"text": Shop.greeting if number % 2 else rows_of, "buyer": Shop.buyer})
        answers.add((number % 2, dependence.of(page, kind)))
        del kind
    assert answers == {(0, Source.ELSEWHERE), (1, Source.AMBIENT)}
