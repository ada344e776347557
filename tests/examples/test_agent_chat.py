"""The example application, as real server processes on loopback with real WebSocket clients."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import operator
import os
import shutil
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import websockets
from agent_chat.auth import AuthError, current_user, issue_token, user_id_for, verify_token
from agent_chat.clients import drive
from agent_chat.contexts import new_context
from agent_chat.login import connect
from agent_chat.model import LanguageModel
from agent_chat.results import LoadError
from agent_chat.settings import Settings
from agent_chat.user_engine import UserExecutionEngine

from receivers import STRICT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_chat.clients import LoadResult

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "agent_chat"
EVENTS_PER_RUN = 8
BATCHES_PER_RUN = 4


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=280)
        return self.process.returncode, out, err


@contextmanager
def serving(
    engine: str, *options: str, start: tuple[str, ...] = ("-m", "agent_chat"), directory: Path = EXAMPLE
) -> Iterator[Server]:
    command = [*STRICT, *start, "--engine", engine, "--port", "0", *options]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("agent_chat listening on http://127.0.0.1:"):
                process.kill()
                raise AssertionError(f"no server: {line!r} {process.communicate()[1]}")
            yield Server(process, line.split()[-1])
        finally:
            if process.poll() is None:
                process.kill()


def load(engine: str, users: int, questions: int, seed: int) -> LoadResult:
    """One load on a fresh server, whose model waits for all users."""
    with serving(engine, "--seed", str(seed), "--batch-size", str(users), "--batch-window", "60") as server:
        result = asyncio.run(drive(server.url, users, questions, seed))
        assert server.stop() == (0, "", "")
        return result


def post(url: str, body: Any, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def token_for(server: Server, name: str) -> str:
    status, answer = post(server.url + "/login", {"name": name})
    assert status == 200
    return answer["token"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for what has nothing to do with the load; its model does not wait."""
    with serving("user", "--batch-window", "0") as running:
        yield running


@pytest.mark.parametrize(("users", "seed"), [(2, 3), (10, 1), (10, 2), (50, 1)])
def test_legacy_engine_sends_events_to_wrong_users_and_loses_none(users: int, seed: int) -> None:
    result = load("legacy", users, 2, seed)
    assert result.events_total == users * 2 * EVENTS_PER_RUN
    assert 0 < result.foreign_events < result.events_total
    for user in result.per_user:
        assert user.received - user.foreign + user.own_received_elsewhere == 2 * EVENTS_PER_RUN


@pytest.mark.parametrize(("users", "seed"), [(1, 1), (10, 1), (10, 2), (50, 1)])
def test_user_engine_sends_everything_to_its_user(users: int, seed: int) -> None:
    result = load("user", users, 2, seed)
    assert result.foreign_events == 0
    for user in result.per_user:
        assert (user.received, user.own_received_elsewhere) == (2 * EVENTS_PER_RUN, 0)


def test_legacy_engine_is_right_for_a_single_user() -> None:
    assert load("legacy", 1, 2, 1).foreign_events == 0


@pytest.mark.parametrize("engine", ["legacy", "user"])
def test_same_load_gives_every_client_the_same_bytes(engine: str) -> None:
    first, second, other = (load(engine, 10, 2, seed) for seed in (7, 7, 8))
    assert first == second
    assert first.transcripts != other.transcripts


@pytest.mark.parametrize(("engine", "digest"), [("legacy", "6760190e4a272b50"), ("user", "8689cead54ad271a")])
def test_same_load_gives_the_same_bytes_as_ever(engine: str, digest: str) -> None:
    """Whatever is added for the sake of mistakes changes nothing without them."""
    transcripts = json.dumps(load(engine, 10, 2, 1).transcripts, sort_keys=True)
    assert hashlib.sha256(transcripts.encode()).hexdigest()[:16] == digest


WITNESS = """
import atexit, json, sys
from agent_chat import connections, emitters, legacy_engine, user_engine
from agent_chat.auth import current_user

counts = {"sent": 0, "crossing": 0, "foreign owner": 0, "undelivered": 0, "legacy": 0, "user": 0}
send = connections.ConnectionManager.send_to_user

async def send_to_user(self, user_id, message):
    counts["sent"] += 1
    counts["crossing"] += user_id != current_user.get()
    delivered = await send(self, user_id, message)
    counts["undelivered"] += not delivered
    return delivered

def watch(cls, owner, kind):
    init = cls.__init__
    def __init__(self, *args):
        init(self, *args)
        counts[kind] += 1
        counts["foreign owner"] += owner(self) != current_user.get()
    cls.__init__ = __init__
    for name in [name for name in vars(cls) if name.startswith(("emit_", "execute_"))]:
        def guarded(self, *args, _call=vars(cls)[name], **kwargs):
            counts["foreign owner"] += owner(self) != current_user.get()
            return _call(self, *args, **kwargs)
        setattr(cls, name, guarded)

connections.ConnectionManager.send_to_user = send_to_user
watch(legacy_engine.ExecutionEngine, lambda engine: engine.user_context.user_id, "legacy")
watch(user_engine.UserExecutionEngine, lambda engine: engine.context.user_id, "user")
counts["emitter"] = 0
watch(emitters.UserWebSocketEmitter, lambda emitter: emitter.user_context.user_id, "emitter")
atexit.register(lambda: print(json.dumps(counts), flush=True))
from agent_chat.__main__ import main
main()
"""


@pytest.mark.parametrize("engine", ["legacy", "user"])
def test_what_the_clients_count_is_what_the_server_sends_astray(engine: str) -> None:
    """Crossings are in the addressee only: every object is used by its own user, in its own user's task."""
    options = ("--batch-size", "10", "--batch-window", "60")
    with serving(engine, *options, start=("-c", WITNESS)) as server:
        result = asyncio.run(drive(server.url, 10, 2, 1))
        returncode, out, err = server.stop()
    assert (returncode, err) == (0, "")
    runs = {"legacy": 0, "user": 0, "emitter": 0} | (
        {"legacy": 20} if engine == "legacy" else {"user": 20, "emitter": 20}
    )
    counts = {"sent": 160, "crossing": result.foreign_events, "foreign owner": 0, "undelivered": 0} | runs
    assert json.loads(out) == counts
    assert (result.foreign_events > 0) == (engine == "legacy")


def test_legacy_service_is_healed_by_the_replacement_of_one_expression(tmp_path: Path) -> None:
    migrated = tmp_path / "agent_chat"
    shutil.copytree(EXAMPLE / "agent_chat", migrated, ignore=shutil.ignore_patterns("__pycache__"))
    service = migrated / "service.py"
    text = service.read_text()
    old, new = "legacy_engine import ExecutionEngine", "user_engine import UserExecutionEngine"
    assert text.count(old) == text.count("return ExecutionEngine(registry, bridge, context)") == 1
    text = text.replace(old, new).replace("ExecutionEngine(reg", "await UserExecutionEngine.create_from_legacy(reg")
    service.write_text(text)
    with serving("legacy", "--batch-size", "10", "--batch-window", "60", directory=tmp_path) as server:
        result = asyncio.run(drive(server.url, 10, 2, 1))
    assert (result.events_total, result.foreign_events) == (20 * EVENTS_PER_RUN, 0)


def test_reference_configuration_names_what_exists() -> None:
    config = tomllib.loads((EXAMPLE / "isolation-audit.toml").read_text())
    targets = [
        entry["target"]
        for key in ("engines", "factories", "deprecations", "emitters", "scopes")
        for entry in config[key]
    ]
    targets += [
        config["ambient"]["contextvar"],
        *config["identity"]["context_types"],
        config["deprecations"][0]["replacement"],
    ]
    for target in targets:
        module, _, qualname = target.partition(":")
        operator.attrgetter(qualname)(importlib.import_module(module))
    (engine,) = config["engines"]
    assert all(hasattr(UserExecutionEngine, name) for name in engine["requires"] + engine["constructors"])


def test_user_engine_keeps_the_order_of_events() -> None:
    result = load("user", 3, 2, 1)
    for frames in result.transcripts.values():
        ready, *events = [json.loads(frame) for frame in frames]
        assert ready["type"] == "connection_ready"
        for run in (events[:EVENTS_PER_RUN], events[EVENTS_PER_RUN:]):
            assert [event["seq"] for event in run] == list(range(1, EVENTS_PER_RUN + 1))
            assert len({event["run_id"] for event in run}) == 1
            assert [event["type"] for event in run] == [
                *("agent_started", "agent_thinking", "agent_thinking"),
                *("tool_executing", "tool_completed") * 2,
                "agent_completed",
            ]


def test_history_is_found_again_and_is_the_users_own() -> None:
    result = load("user", 3, 3, 2)
    found = [
        hit
        for frames in result.transcripts.values()
        for frame in frames
        for hit in json.loads(frame).get("data", {}).get("result", {}).get("hits", [])
    ]
    assert found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_server_ends_cleanly_while_users_are_connected_and_waiting(number: signal.Signals) -> None:
    async def ask_and_wait(server: Server) -> tuple[int, str, str]:
        async with connect(server.url, token_for(server, "alice")) as socket:
            await socket.send(json.dumps({"type": "ask", "text": "will you be back?"}))
            while json.loads(await socket.recv())["type"] != "agent_started":
                pass
            return await asyncio.to_thread(server.stop, number)

    with serving("legacy", "--batch-window", "60") as server:
        assert asyncio.run(ask_and_wait(server)) == (0, "", "")


def test_public_notice_reaches_everyone(server: Server) -> None:
    async def listen() -> list[Any]:
        async with (
            connect(server.url, token_for(server, "alice")) as a,
            connect(server.url, token_for(server, "bob")) as b,
        ):
            for socket in (a, b):
                assert json.loads(await socket.recv())["type"] == "connection_ready"
            refused = await asyncio.to_thread(post, server.url + "/maintenance", {"text": "now"})
            assert refused[0] == 403
            key = {"x-operator-key": "demo-operator"}
            sent = await asyncio.to_thread(lambda: post(server.url + "/maintenance", {"text": "back at nine"}, **key))
            assert sent == (200, {"reached": 2})
            return [json.loads(await socket.recv()) for socket in (a, b)]

    notice = {"type": "maintenance", "data": {"text": "back at nine"}}
    assert asyncio.run(listen()) == [notice, notice]


@pytest.mark.parametrize("token", ["", "nonsense", issue_token("user-alice-1", "another secret"), "a.ü"])
def test_wrong_token_is_refused_with_a_close_code(server: Server, token: str) -> None:
    async def close_code() -> int | None:
        async with connect(server.url, token) as socket:
            with pytest.raises(websockets.ConnectionClosed):
                await socket.recv()
            return socket.close_code

    assert asyncio.run(close_code()) == 4401


def test_malformed_messages_are_answered_and_the_connection_stays(server: Server) -> None:
    malformed = ["{", "[]", '{"type": "dance"}', '{"type": "ask"}', '{"type": "ask", "text": ""}', b"\x00\xff"]

    async def talk() -> None:
        async with connect(server.url, token_for(server, "carol")) as socket:
            await socket.recv()
            for message in malformed:
                await socket.send(message)
                answer = json.loads(await socket.recv())
                assert (answer["type"], answer["code"]) == ("error", "malformed")
            await socket.send(json.dumps({"type": "ask", "text": "what is 6 * 7?"}))
            events = [json.loads(await socket.recv()) for _ in range(EVENTS_PER_RUN)]
            assert events[-1]["type"] == "agent_completed"
            assert events[-2]["data"]["result"] == {"expression": "6 * 7", "value": 42}

    asyncio.run(talk())


def test_user_who_leaves_in_the_middle_of_a_run_harms_nobody() -> None:
    async def leave_and_ask(server: Server) -> None:
        async with connect(server.url, token_for(server, "alice")) as socket:
            await socket.send(json.dumps({"type": "ask", "text": "am I still here?"}))
            while json.loads(await socket.recv())["type"] != "agent_started":
                pass
        assert (await drive(server.url, 2, 1, 1)).foreign_events == 0

    with serving("user", "--batch-window", "0.01") as server:
        asyncio.run(leave_and_ask(server))
        assert server.stop() == (0, "", "")


@pytest.mark.parametrize("body", [{"name": "Alice Smith"}, {"name": ""}, {"name": 7}, {}, []])
def test_login_with_an_unusable_name_is_refused(server: Server, body: Any) -> None:
    assert post(server.url + "/login", body)[0] == 400


def test_clients_say_what_they_waited_for() -> None:
    with (
        serving("user", "--batch-window", "60") as server,
        pytest.raises(LoadError, match="the last events of round 1; unfinished runs: run_thread_"),
    ):
        asyncio.run(drive(server.url, 2, 1, 1, patience=0.2))


def test_clients_say_that_nobody_answers() -> None:
    with pytest.raises(LoadError, match="no answer from"):
        asyncio.run(drive("http://127.0.0.1:9", 1, 1, 1))


def test_clients_on_the_command_line_print_json() -> None:
    with serving("user", "--batch-size", "2", "--batch-window", "60") as server:
        command = ["-m", "agent_chat.clients", "--url", server.url, "--users", "2", "--questions", "1", "--json"]
        done = subprocess.run(
            [sys.executable, *command], cwd=EXAMPLE, capture_output=True, text=True, timeout=280, check=True
        )
    result = json.loads(done.stdout)
    assert (result["users"], result["events_total"], result["foreign_events"]) == (2, 2 * EVENTS_PER_RUN, 0)
    assert "transcripts" not in result


def test_several_workers_share_history_and_settings_from_the_environment(tmp_path: Path) -> None:
    env = os.environ | {
        "AGENT_CHAT_ENGINE": "legacy",
        "AGENT_CHAT_DATABASE": str(tmp_path / "chat.db"),
        "AGENT_CHAT_BATCH_WINDOW": "0",
    }
    code = "import agent_chat.app as a; print(type(a.app).__name__, a.app is a.app, a.Settings.from_env().engine)"
    outputs = [
        subprocess.run([sys.executable, "-c", code], cwd=EXAMPLE, env=env, capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [output.stdout for output in outputs] == ["Starlette True legacy\n"] * 2


def test_model_wakes_up_in_an_order_that_depends_on_prompts_only() -> None:
    def order(seed: int, prompts: list[str]) -> list[str]:
        woken: list[str] = []

        async def ask(model: LanguageModel, prompt: str) -> None:
            assert current_user.get() == prompt
            await model.complete(prompt)
            assert current_user.get() == prompt
            woken.append(prompt)

        async def main() -> None:
            model = LanguageModel(seed, len(prompts), 60.0)
            async with asyncio.TaskGroup() as tasks:
                for prompt in prompts:
                    current_user.set(prompt)
                    tasks.create_task(ask(model, prompt))

        asyncio.run(main())
        return woken

    prompts = [f"prompt {number}" for number in range(8)]
    assert order(1, prompts) == order(1, prompts[::-1])
    assert order(1, prompts) != order(2, prompts)


def test_tokens_and_ids() -> None:
    alice, bob = user_id_for("alice"), user_id_for("bob")
    assert alice.startswith("user-alice-")
    assert verify_token(issue_token(alice, "s"), "s") == alice
    with pytest.raises(AuthError):
        verify_token(issue_token(alice, "s"), "t")
    context = new_context(1, alice, 1, None)
    assert context == new_context(1, alice, 1, None)
    assert context.run_id.startswith(f"run_{context.thread_id}_1_")
    assert "alice" not in context.run_id + context.thread_id + context.request_id
    assert len({new_context(1, user, number, None).run_id for user in (alice, bob) for number in (1, 2)}) == 4


def test_settings_from_the_environment() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings.from_env({"AGENT_CHAT_ENGINE": "legacy", "AGENT_CHAT_SEED": "5"}) == Settings("legacy", 5)
    for wrong in ({"ENGINE": "new"}, {"BATCH_SIZE": "0"}, {"BATCH_WINDOW": "-1"}):
        with pytest.raises(ValueError, match="must"):
            Settings.from_env({f"AGENT_CHAT_{key}": value for key, value in wrong.items()})


def test_application_knows_nothing_of_its_auditor() -> None:
    sources = list(EXAMPLE.rglob("*.py"))
    assert len(sources) > 10
    assert not [source.name for source in sources if "isolation_audit" in source.read_text()]
