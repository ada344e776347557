"""Buses of events: blinker and with it Flask's signals, pyee, and Django's signals, as applications use them."""

from __future__ import annotations

import asyncio
import gc
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from isolation_audit import Auditor
from isolation_audit.config import Config, parse_config
from isolation_audit.rules.listeners.registered import Listeners, Topic
from isolation_audit.rules.listeners.selectivity import Selectivity

blinker = pytest.importorskip("blinker")
dispatcher = pytest.importorskip("django.dispatch.dispatcher")
EventEmitter = pytest.importorskip("pyee.base").EventEmitter
AsyncIOEventEmitter = pytest.importorskip("pyee.asyncio").AsyncIOEventEmitter

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
LETTER = {"to": "alice", "text": "your code is 4711"}


def config(**tables: Any) -> Config:
    return parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}, **tables})


class Inbox:
    """What one session hears."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    def keep(self, *_senders: Any, **letter: Any) -> None:
        self.letters.append(letter)

    async def keep_later(self, *_senders: Any, **letter: Any) -> None:
        self.letters.append(letter)


class Blinker:
    connect_to = staticmethod(lambda bus, inbox: bus.connect(inbox.keep))
    methods = (blinker.Signal.connect, blinker.Signal.send, blinker.Signal.send_async)
    make = blinker.Signal

    @staticmethod
    async def tell(bus: Any) -> Any:
        return bus.send("office", **LETTER)


class BlinkerAsync(Blinker):
    connect_to = staticmethod(lambda bus, inbox: bus.connect(inbox.keep_later))

    @staticmethod
    async def tell(bus: Any) -> Any:
        return await bus.send_async("office", **LETTER)


class Django:
    connect_to = staticmethod(lambda bus, inbox: bus.connect(inbox.keep))
    methods = (dispatcher.Signal.connect, dispatcher.Signal.send, dispatcher.Signal.send_robust)
    make = dispatcher.Signal

    @staticmethod
    async def tell(bus: Any) -> Any:
        return bus.send(sender="office", **LETTER)


class DjangoRobust(Django):
    @staticmethod
    async def tell(bus: Any) -> Any:
        return bus.send_robust(sender="office", **LETTER)


class Pyee:
    connect_to = staticmethod(lambda bus, inbox: bus.on("letter", inbox.keep))
    methods = (EventEmitter._add_event_handler, EventEmitter.emit)
    make = EventEmitter

    @staticmethod
    async def tell(bus: Any) -> Any:
        return bus.emit("letter", **LETTER)


class PyeeOnce(Pyee):
    connect_to = staticmethod(lambda bus, inbox: bus.once("letter", inbox.keep))


class PyeeAsync(Pyee):
    connect_to = staticmethod(lambda bus, inbox: bus.listens_to("letter")(inbox.keep_later))
    make = AsyncIOEventEmitter

    @staticmethod
    async def tell(bus: Any) -> Any:
        told = bus.emit("letter", **LETTER)
        await asyncio.sleep(0)
        return told


EVERY = pytest.mark.parametrize("kind", [Blinker, BlinkerAsync, Django, DjangoRobust, Pyee, PyeeOnce, PyeeAsync])


def sessions(kind: Any, tells: str = "alice") -> Any:
    """A scenario: alice and bob listen, and then one of them makes the bus tell something that is for alice."""

    async def session(bus: Any, user: str, inbox: Inbox) -> int:
        current_user.set(user)
        kind.connect_to(bus, inbox)
        await asyncio.sleep(0.01)
        if user == tells:
            await kind.tell(bus)
        await asyncio.sleep(0.01)
        return len(inbox.letters)

    async def scenario() -> list[int]:
        bus = kind.make()
        return await asyncio.gather(*(asyncio.create_task(session(bus, user, Inbox())) for user in ("alice", "bob")))

    return scenario


@EVERY
def test_a_letter_for_alice_in_bob_s_inbox(audited, kind: Any) -> None:
    done = audited(sessions(kind), config())
    assert done.result == [1, 1]
    (found,) = done.findings.pop("IA202")
    assert done.findings == {}
    assert len({found.witnesses.addressee, found.witnesses.content}) == 2
    assert found.witnesses.ambient == found.witnesses.content
    assert found.site.top.file == found.origin.top.file == __file__
    assert found.site.top.function.endswith(".tell")
    assert "lambda" in found.origin.top.function
    assert done.auditor.runtime.tally.crossings == 1


@EVERY
def test_what_is_patched_comes_back(kind: Any) -> None:
    before = [method.__code__ for method in kind.methods]
    with Auditor(config()):
        assert not {method.__code__ for method in kind.methods} & {*before}
    assert [method.__code__ for method in kind.methods] == before
    with Auditor(config(watch={"addressees": False})):
        assert [method.__code__ for method in kind.methods] == before


@EVERY
@pytest.mark.parametrize(
    ("owner", "broken"),
    [
        (Listeners, "registered"),
        (Listeners, "topic"),
        (Listeners, "told"),
        (Listeners, "_tell"),
        (Topic, "add"),
        (Selectivity, "takes"),
    ],
)
def test_faults_in_it_change_nothing_for_the_application(monkeypatch, kind: Any, owner: type, broken: str) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise ArithmeticError("planted")

    monkeypatch.setattr(owner, broken, fail)
    with Auditor(config()) as auditor:
        assert asyncio.run(sessions(kind)()) == [1, 1]
        counts = auditor.runtime.barrier.counts
    assert sum(counts.values()) > 0


def test_results_and_exceptions_stay_as_they_were() -> None:
    def raising(sender: Any, **_letter: Any) -> None:
        raise LookupError(sender)

    def everything() -> list[Any]:
        seen: list[Any] = []
        signal, emitter, django = blinker.Signal(), EventEmitter(), dispatcher.Signal()
        inbox = Inbox()
        seen.append(signal.connect(inbox.keep) == inbox.keep)
        seen.append([result for _receiver, result in signal.send()])
        seen.append(len(signal.send(None, to="alice")))
        signal.disconnect(inbox.keep)  # whom blinker calls first is not defined
        signal.connect(raising)
        django.connect(raising)
        emitter.on("letter", raising)
        for tell in (
            lambda: signal.send("office"),
            lambda: signal.send("office", "too", "many"),
            lambda: django.send("office"),
            lambda: emitter.emit("letter", "office"),
            lambda: emitter.emit("error", ValueError("mine")),
        ):
            try:
                seen.append(tell())
            except Exception as error:
                seen.append((type(error), [str(one) for one in error.args][:1] if type(error) is LookupError else None))
        seen.append([type(error).__name__ for _receiver, error in django.send_robust("office")])
        seen += [emitter.emit("nobody listens"), inbox.letters]
        return seen

    def as_user() -> list[Any]:
        current_user.set("alice")
        return everything()

    bare = copy_context().run(as_user)
    with Auditor(config()) as auditor:
        assert copy_context().run(as_user) == bare
    assert auditor.runtime.barrier.counts == {}


def test_only_the_first_of_one_id_is_django_s_receiver(audited) -> None:
    """Whoever connects under an id means one receiver for all, whose request ever comes first."""

    class Once(Django):
        connect_to = staticmethod(lambda bus, inbox: bus.connect(inbox.keep, dispatch_uid="office", weak=False))

    done = audited(sessions(Once), config())
    assert sorted(done.result) == [0, 1]
    assert done.findings == {}


def test_a_bus_that_lives_as_long_as_its_session(audited) -> None:
    async def session(user: str) -> int:
        current_user.set(user)
        bus, inbox = EventEmitter(), Inbox()
        bus.on("letter", inbox.keep)
        bus.emit("letter", to=user)
        return len(inbox.letters)

    async def scenario() -> list[int]:
        heard = [await asyncio.create_task(session(user)) for user in ("alice", "bob") * 50]
        gc.collect()
        return heard

    done = audited(scenario, config())
    assert done.result == [1] * 100
    assert done.findings == {}
    assert done.auditor.runtime.part(Listeners)._buses == {}


def test_flask_s_own_signals_are_silent(audited) -> None:
    flask = pytest.importorskip("flask")
    app = flask.Flask(__name__)
    rendered: list[Any] = []

    @app.get("/<user>")
    def page(user: str) -> str:
        current_user.set(user)
        flask.request_started.connect(note)
        flask.template_rendered.connect(note, app)
        return flask.render_template_string("the page of {{ user }}", user=user)

    def note(sender: Any, **event: Any) -> None:
        rendered.append(event)

    async def scenario() -> list[str]:
        client = app.test_client()
        return [client.get(f"/{user}").text for user in ("alice", "bob", "alice")]

    done = audited(scenario, config())
    assert done.result == ["the page of alice", "the page of bob", "the page of alice"]
    assert len(rendered) > 3
    assert done.findings == {}
