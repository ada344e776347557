"""The example's mistakes: each makes the difference that it should make, and no other, and a load comes to its end.

What clients can't see is seen by a witness inside the server process, which owes nothing to the auditor.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from agent_chat.app import ChatApplication
from agent_chat.clients import EVENTS, drive
from agent_chat.faults import FAULTS, application_class
from agent_chat.results import LoadError
from agent_chat.settings import Settings
from test_agent_chat import EVENTS_PER_RUN, EXAMPLE, serving

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_chat.results import LoadResult

LONG = 1.0
"""Seconds; what is slow on purpose sleeps as long, and nothing else sleeps. A clock would count a busy machine too."""

WITNESS = f"""
import asyncio, atexit, json
from collections import Counter, defaultdict
from contextvars import ContextVar
from starlette.websockets import WebSocket
from agent_chat import app, bridge, connections, contexts, emitters, factory, user_engine
from agent_chat.auth import current_user

seen = Counter()
delivered = Counter()
owners = defaultdict(set)
inside = []
watches = ContextVar("watches", default=())

async def sleep(seconds, *args, _sleep=asyncio.sleep):
    for watch in watches.get():
        watch.append(seconds)
    return await _sleep(seconds, *args)
asyncio.sleep = sleep

def around(cls, name, before=None, after=None):
    call = getattr(cls, name)
    async def watched(self, *args, **kwargs):
        slept = []
        token = watches.set((*watches.get(), slept))
        try:
            if before:
                before(self, *args, **kwargs)
            result = await call(self, *args, **kwargs)
        except Exception as error:
            result = error
            raise
        finally:
            watches.reset(token)
            if after:
                after(self, result, sum(slept), *args, **kwargs)
        return result
    setattr(cls, name, watched)

def engine_built(self, context, *_):
    seen["engines past the factory"] += not inside
    if context is None:
        seen["engines without a context"] += 1
    elif not isinstance(context, contexts.UserExecutionContext):
        seen["engines with a lookalike"] += 1
        seen["engines for another user"] += context.user_id != current_user.get()
    else:
        seen["engines for " + ("a placeholder" if context.user_id == "anonymous" else "another user")] += (
            context.user_id != current_user.get()
        )

def init(self, *args, _init=user_engine.UserExecutionEngine.__init__):
    _init(self, *args)
    engine_built(self, *args)
user_engine.UserExecutionEngine.__init__ = init

around(factory.ExecutionEngineFactory, "create_for_user", lambda *_: inside.append(1), lambda *_: inside.pop())

def through(cls):
    def emitted(self, *_, **__):
        seen["events through another user's emitter"] += self.user_context.user_id != current_user.get()
    for name in [name for name in vars(cls) if name.startswith("emit_")]:
        around(cls, name, emitted)

through(emitters.UserWebSocketEmitter)
if "kept_emitter" in __import__("sys").argv:
    from agent_chat.faults.crossings import SendingEmitter
    through(SendingEmitter)

def sent(self, result, _slept, user_id, message):
    if user_id is None:
        seen["events for nobody"] += 1
        seen["events for nobody in somebody's run"] += current_user.get() is not None
    else:
        seen["events sent to another user"] += user_id != current_user.get()
        seen["sends of what had been delivered"] += delivered[message["run_id"], message["seq"]] > 0
        delivered[message["run_id"], message["seq"]] += result is True
    seen["sends that returned False"] += result is False
    seen["sends that raised"] += isinstance(result, Exception)

around(connections.ConnectionManager, "send_to_user", None, sent)

def broadcast(self, _message):
    seen["broadcasts"] += 1
around(connections.ConnectionManager, "broadcast", broadcast)

def notified(self, result, *_, **__):
    seen["notices that raised"] += isinstance(result, Exception)
for name in [name for name in vars(bridge.AgentWebSocketBridge) if name.startswith("notify_")]:
    around(bridge.AgentWebSocketBridge, name, None, notified)

def context(*args, _new=app.new_context):
    made = _new(*args)
    owners[made.websocket_client_id].add(made.user_id)
    seen["contexts"] += 1
    return made
app.new_context = context

def wired(self, result, _slept, message):
    if isinstance(result, Exception):
        begun = self.application_state.name != "CONNECTING"
        seen["frames after the end" if begun else "frames before the handshake"] += 1
    seen["closed with 1011"] += message.get("code") == 1011
around(WebSocket, "send", None, wired)

def ran(self, _result, slept, *_):
    seen["runs"] += 1
    seen["slow runs"] += slept >= {LONG}
around(user_engine.UserExecutionEngine, "execute_pipeline", None, ran)

def cleaned(self, _result, slept):
    seen["cleanups"] += 1
    seen["slow cleanups"] += slept >= {LONG}
around(user_engine.UserExecutionEngine, "cleanup", None, cleaned)

def tell():
    seen["connections of several users"] = sum(len(users) > 1 for users in owners.values())
    print(json.dumps(+seen), flush=True)
atexit.register(tell)
from agent_chat.__main__ import main
main()
"""

THINK, USE = ("agent_thinking",), ("tool_executing", "tool_completed")
HEALTHY = ("agent_started", *THINK * 2, *USE * 2, "agent_completed")
QUESTIONS = 2

# What differs from the healthy load, for so many users who ask twice: what the witness counts, the number of events
# that clients count as foreign, and the order in which the runs' events reach their own user.
Difference = tuple[dict[str, int], int, dict[tuple[str, ...], int]]


def runs(users: int, *order: str, healthy: int = 0) -> dict[tuple[str, ...], int]:
    return {order: QUESTIONS * users - healthy} | ({HEALTHY: healthy} if healthy else {})


DIFFERENCES: dict[str, Callable[[int], Difference]] = {
    "": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "anonymous_user": lambda n: ({"engines for a placeholder": 2 * n}, 0, runs(n, *HEALTHY)),
    "userless_engine": lambda n: ({"engines without a context": 2 * n}, 0, runs(n, *HEALTHY)),
    "lookalike_context": lambda n: ({"engines with a lookalike": 2 * n}, 0, runs(n, *HEALTHY)),
    "direct_construction": lambda n: ({"engines past the factory": 2 * n}, 0, runs(n, *HEALTHY)),
    "two_factories": lambda n: ({"engines past the factory": 2 * n, "cleanups": 4 * n}, 0, runs(n, *HEALTHY)),
    "raced_factory": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "fallback_factory": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "two_registers": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "second_counter": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "kept_engines": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "kept_emitter": lambda n: (
        {"events through another user's emitter": 2 * (n - 1) * EVENTS_PER_RUN},
        0,
        runs(n, *HEALTHY),
    ),
    "wrong_addressee": lambda n: (
        {"events sent to another user": 2 * (n - 1)},
        2 * (n - 1),
        runs(n, "agent_started", *THINK, *USE * 2, "agent_completed", healthy=2),
    ),
    "nobodys_event": lambda n: ({"events for nobody": 2 * n}, 0, runs(n, *HEALTHY)),
    "private_broadcast": lambda n: ({"broadcasts": 2 * n}, 2 * n * (n - 1), runs(n, *HEALTHY)),
    "foreign_record": lambda n: ({}, 2 * n, runs(n, *HEALTHY)),
    "rebound_connection": lambda n: ({"connections of several users": 1}, 0, runs(n, *HEALTHY)),
    "missing_start": lambda n: ({}, 0, runs(n, *HEALTHY[1:])),
    "late_start": lambda n: ({}, 0, runs(n, *THINK, "agent_started", *HEALTHY[2:])),
    "thinking_after_end": lambda n: ({}, 0, runs(n, *HEALTHY, *THINK)),
    # Nobody's first search finds anything, and the second does where the two questions have a word in common.
    "lost_tool_completed": lambda n: (
        {},
        0,
        runs(n, *HEALTHY[:3], "tool_executing", *USE, "agent_completed", healthy={10: 6, 50: 36}[n]),
    ),
    "never_completed": lambda n: ({}, 0, runs(n, *HEALTHY[:-1])),
    "duplicate_after_retry": lambda n: (
        {"sends of what had been delivered": 2 * n * 4},
        0,
        runs(n, "agent_started", *THINK * 4, *(*USE, "tool_completed") * 2, "agent_completed"),
    ),
    "swallowed_delivery": lambda n: (
        {"sends that raised": 2 * n},
        0,
        runs(n, "agent_started", *THINK, *USE * 2, "agent_completed"),
    ),
    "failed_delivery": lambda n: (
        {"sends that returned False": 2 * n},
        0,
        runs(n, "agent_started", *THINK, *USE * 2, "agent_completed"),
    ),
    "send_before_accept": lambda n: ({"frames before the handshake": n}, 0, runs(n, *HEALTHY)),
    "send_after_close": lambda n: ({"frames after the end": n}, 0, runs(n, *HEALTHY)),
    "internal_error_close": lambda n: ({"closed with 1011": 7}, 0, runs(n, *HEALTHY)),
    "left_tasks": lambda n: ({}, 0, runs(n, *HEALTHY)),
    "forgotten_cleanup": lambda n: ({"cleanups": n}, 0, runs(n, *HEALTHY)),
    "lost_in_bridge": lambda n: ({}, 0, runs(n, *(one for one in HEALTHY if one != "tool_completed"))),
    "slow_run": lambda n: ({"slow runs": 2 * n}, 0, runs(n, *HEALTHY)),
    "slow_cleanup": lambda n: ({"slow cleanups": 2 * n}, 0, runs(n, *HEALTHY)),
}


def orders(result: LoadResult) -> Counter[tuple[str, ...]]:
    """The types of each run's events, as its own user received them."""
    counted: Counter[tuple[str, ...]] = Counter()
    markers = {user.user_id: user.marker for user in result.per_user}
    for user_id, frames in result.transcripts.items():
        own: dict[str, list[str]] = {}
        for message in map(json.loads, frames):
            if message["type"] in EVENTS and markers[user_id] in message["data"]["question"]:
                own.setdefault(message["run_id"], []).append(message["type"])
        counted.update(map(tuple, own.values()))
    return counted


SIZES = [
    pytest.param(fault, users, marks=[pytest.mark.long] if users > 10 and fault else [])
    for fault in DIFFERENCES
    for users in (10, 50)
    if users == 10 or not fault.startswith("slow")
]


@pytest.mark.parametrize(("fault", "users"), SIZES)
def test_exactly_the_meant_mistake_happens(fault: str, users: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_CHAT_SLOW_SECONDS", str(LONG))
    options = ("--batch-size", str(users), "--batch-window", "60", *(("--fault", fault) if fault else ()))
    with serving("user", *options, start=("-c", WITNESS)) as server:
        result = asyncio.run(drive(server.url, users, QUESTIONS, 1))
        returncode, out, err = server.stop()
    seen: dict[str, Any] = json.loads(out)
    differences, foreign, order = DIFFERENCES[fault](users)
    everything = dict.fromkeys(("contexts", "runs", "cleanups"), QUESTIONS * users)
    assert (seen, result.foreign_events, orders(result)) == (everything | differences, foreign, order)
    assert returncode == 0
    assert err.count("Traceback") == (7 if fault == "internal_error_close" else 0), err


@pytest.mark.parametrize("fault", ["wrong_addressee", "foreign_record", "duplicate_after_retry"])
def test_mistakes_are_the_same_on_every_server_and_go_on_in_the_next_load(fault: str) -> None:
    def loads() -> list[LoadResult]:
        with serving("user", "--batch-size", "5", "--batch-window", "60", "--fault", fault) as server:
            return [asyncio.run(drive(server.url, 5, 1, 1)) for _ in range(2)]

    first, second = loads()
    assert [first, second] == loads()
    assert first.foreign_events <= second.foreign_events
    assert first.events_total == second.events_total


def test_a_load_by_hand_comes_to_its_end_too() -> None:
    """Without lockstep batches, and with more users than one: the window decides when the model answers."""
    with serving("user", "--fault", "private_broadcast") as server:
        result = asyncio.run(drive(server.url, 3, 2, 1))
    assert (result.events_total, result.foreign_events) == (6 * (EVENTS_PER_RUN + 2), 12)


def test_a_server_that_always_breaks_down_is_given_up() -> None:
    """The second chance is one chance."""
    broken = "from agent_chat.connections import ConnectionManager\nConnectionManager.connect = None\n" + WITNESS
    with (
        serving("user", "--fault", "internal_error_close", start=("-c", broken)) as server,
        pytest.raises(LoadError, match="1011"),
    ):
        asyncio.run(drive(server.url, 1, 1, 1))


def test_faults_are_described() -> None:
    described = tomllib.loads((EXAMPLE / "faults.toml").read_text())
    assert list(described) == list(FAULTS) == list(filter(None, DIFFERENCES))
    for fault in described.values():
        assert set(fault) == {"description", "rule", "engine"}
        assert fault["engine"] == "user"


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_healthy_applications_but_for_a_part(fault: str) -> None:
    kind = application_class(fault)
    assert issubclass(kind, ChatApplication)
    assert kind.__doc__


def test_slow_is_slower_than_the_limits_by_default() -> None:
    settings = Settings()
    run = application_class("slow_run")(replace(settings, fault="slow_run"))
    cleanup = application_class("slow_cleanup")(replace(settings, fault="slow_cleanup"))
    for app, seconds in ((run, (2.2, 0.0)), (cleanup, (0.0, 1.2))):
        assert (app.registry.seconds_to_look_up, app.registry.seconds_to_close) == seconds  # type: ignore[attr-defined]
        app.history.close()


def test_faults_in_the_settings() -> None:
    given = Settings.from_env({"AGENT_CHAT_FAULT": "slow_run", "AGENT_CHAT_SLOW_SECONDS": "3"})
    assert given == Settings(fault="slow_run", slow_seconds=3.0)
    assert Settings.from_env({"AGENT_CHAT_FAULT": "", "AGENT_CHAT_SLOW_SECONDS": ""}) == Settings()
    for wrong in ({"FAULT": "no_such"}, {"FAULT": "slow_run", "ENGINE": "legacy"}, {"SLOW_SECONDS": "-1"}):
        with pytest.raises(ValueError, match="must"):
            Settings.from_env({f"AGENT_CHAT_{key}": value for key, value in wrong.items()})
