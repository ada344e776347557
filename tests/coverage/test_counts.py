"""What coverage counts in one process: calls of every hook, values of every path, what is at work and not watched."""

from __future__ import annotations

import asyncio
import socket
import tomllib
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.instrument.work.jobs import CountedWork
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations.listening import serving_packages
from isolation_audit.integrations.sightings import LIBRARIES, Known

APP = """\
class Engine:
    def __init__(self, context=None):
        self.context = context

    def ask(self, user_id):
        return user_id


def send(to, text):
    return text
"""


@pytest.fixture(name="app")
def _app(load_app: Any) -> Any:
    return load_app(APP)


def audit(app: Any, text: str) -> Auditor:
    return Auditor(parse_config(tomllib.loads(text.replace("APP", app.__name__))))


def paths(auditor: Auditor) -> dict[str, tuple[int, int]]:
    return {row["path"]: (row["asked"], row["gave"]) for row in auditor.snapshot()["coverage"]["paths"]}


def test_each_path_counts_how_often_it_was_asked_and_gave_a_value(app: Any) -> None:
    config = '[[engines]]\ntarget = "APP:Engine"\nowner = ["args.context.user_id", "self.context.uid"]\n'
    with audit(app, config) as auditor:
        app.Engine({"user_id": "alice"})
        app.Engine({"uid": "bob"})
        app.Engine(None)
        assert paths(auditor) == {"args.context.user_id": (3, 1), "self.context.uid": (2, 1)}


def test_a_path_is_counted_once_for_all_methods_of_its_target(app: Any) -> None:
    config = '[[emitters]]\ntarget = "APP:send"\naddressee = ["args.to"]\npayload = ["args.txt"]\n'
    with audit(app, config) as auditor, user_scope("alice"):
        app.send("alice", "hello")
        app.send(None, "hello")
        found = paths(auditor)
    assert found["args.to"][1] > 0
    assert found["args.to"][0] > found["args.to"][1]
    assert found["args.txt"] == (2, 0)
    reasons = [row["reason"] for row in auditor.snapshot()["coverage"]["reasons"]]
    assert reasons == [f"args.txt of [[emitters]] {app.__name__}:send: payload gave no value in 2 call(s)"]


def test_every_hook_of_an_integration_counts_without_its_doing() -> None:
    import functools

    with Auditor(parse_config({})) as auditor:
        cached = functools.lru_cache(lambda number: number + 1)
        assert [cached(1), cached(1)] == [2, 2]
        coverage = auditor.snapshot()["coverage"]
        watched = {one.library: one for one in auditor.instrumentation.integrated}
        assert coverage["standard_library"]["functools"] > 0
        assert all(one.calls == [0] for one in watched.values() if one.state.value == "waiting")
    assert set(coverage["libraries"]).isdisjoint(coverage["standard_library"])


def test_a_forked_child_counts_from_nothing() -> None:
    with Auditor(parse_config({})) as auditor:
        listener = socket.create_server(("127.0.0.1", 0))
        with listener, socket.create_connection(listener.getsockname()) as client:
            server, _address = listener.accept()
            server.close()
            assert client.recv(1) == b""
        assert sum(row["accepted"] for row in auditor.snapshot()["coverage"]["listeners"].values()) == 1
        auditor.after_fork()
        coverage = auditor.snapshot()["coverage"]
    assert all(row["accepted"] == 0 for row in coverage["listeners"].values())
    assert set(coverage["libraries"].values()) <= {0}


def test_who_accepts_connections_is_told_by_whom_the_loop_was_given() -> None:
    found: list[tuple[str, ...]] = []

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.close()

    async def scenario(start: Any) -> None:
        server = await start()
        host = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*host)
        assert await reader.read() == b""
        writer.close()
        server.close()

    async def by_protocol() -> Any:
        return await asyncio.get_running_loop().create_server(partial(Protocol), "127.0.0.1", 0)

    async def by_stream() -> Any:
        return await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)

    for start in (by_protocol, by_stream):
        with Auditor(parse_config({})) as auditor:
            asyncio.run(scenario(start))
            (name,) = auditor.snapshot()["coverage"]["listeners"]
        found.append(name.rpartition(" on port ")[0])
    assert found == [__name__, __name__]


def test_code_that_accepts_by_itself_is_named() -> None:
    import sys

    assert serving_packages(sys._getframe()) == (__name__,)


def test_connections_between_the_processes_of_a_program_are_its_own_business() -> None:
    from multiprocessing.connection import Client, Listener

    with Auditor(parse_config({})) as auditor:
        with Listener(("127.0.0.1", 0)) as one, Client(one.address) as client, one.accept() as server:
            client.send("hello")
            assert server.recv() == "hello"
        coverage = auditor.snapshot()["coverage"]
    assert [row["accepted"] for row in coverage["listeners"].values()] == [0]
    assert coverage["verdict"] == "idle"


def _installed(known: Known) -> bool:
    return any(find_spec(target.partition(":")[0].partition(".")[0]) for target in known.targets)


@pytest.mark.parametrize("known", [*filter(_installed, LIBRARIES)], ids=lambda known: known.key)
def test_what_is_sighted_is_there_in_the_installed_version(known: Known) -> None:
    """A name that no version has would be silent for ever; a library may have several, in different versions."""
    missing = []
    for target in known.targets:
        module, _, qualname = target.partition(":")
        try:
            found: Any = import_module(module)
            for name in qualname.split("."):
                found = getattr(found, name)
        except (ImportError, AttributeError):
            missing.append(target)
    assert len(missing) < len(known.targets)


def test_what_listens_on_a_port_before_the_application_has_served_nobody() -> None:
    with Auditor(parse_config({})) as auditor:
        sightings = auditor.runtime.part(Sightings)
        names = ("splash", "tornado", "other"), (7, 7, 8), (2, 3, 4)
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in names[0]]
        for listener, name, port, accepted in zip(listeners, *names, strict=True):
            sightings.listening(listener, f"{name} on port {port}", (name,)).accepted = accepted
        seen = {name: row["watched"] for name, row in sightings.listeners_as_dict({"tornado"}).items()}
        assert seen == {"splash on port 7": 1, "tornado on port 7": 1, "other on port 8": 0}
        sightings.listening(listeners[0], "splash on port 7", ("splash",)).accepted = 4
        assert sightings.listeners_as_dict({"tornado"})["splash on port 7"]["watched"] == 0, "it served more itself"
        for listener in listeners:
            listener.close()


def test_work_is_known_where_a_scope_began_in_it() -> None:
    with Auditor(parse_config({})):
        assert CountedWork().end(None) is False
        told = CountedWork()
        with user_scope("alice"):
            pass
        assert told.end(None) is True
