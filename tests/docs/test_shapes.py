"""Each shape in docs/howto/config-from-your-code.md is audited as the page says."""

import re
import sys
import tomllib
import types
from pathlib import Path

import pytest

from isolation_audit import Auditor
from isolation_audit.config import parse_config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "config-from-your-code.md"

DRIVES = {
    "Who is running: your own ContextVar": (
        """
        current_request.set(Request(User("alice")))
        send("alice", "hello")
        send("bob", "hello")
        """,
        {"IA202": 1},
    ),
    "Who is running: a call that names the user": (
        """
        async def handle(context):
            await notify("alice", "hello")
            await notify("bob", "hello")

        asyncio.run(Middleware()({"context": Context("alice")}, None, None))
        """,
        {"IA202": 1},
    ),
    "Engines and their subclasses": (
        """
        Engine(None, user=Context("alice"))
        PreviewEngine(None)
        Engine({"user_id": "alice"})
        class Later(Engine): pass
        Later(None)
        engine = ToolEngine(Context("alice"))
        with user_scope("alice"): engine.run("?")
        with user_scope("bob"): engine.run("?")
        """,
        {"IA103": 1, "IA104": 1, "IA201": 1},
    ),
    "Alternative constructors": (
        """
        engines = [
            Engine("alice"), Engine.from_settings({}, "alice"), asyncio.run(Engine.create("alice")),
            Engine.restore({"user": "alice"}), make_engine("alice"),
        ]
        with user_scope("bob"):
            assert auditor.snapshot()["summary"]["engines_built"] == 5
        """,
        {},
    ),
    "Several factories": (
        """
        asyncio.run(EngineFactory().create_for_user(Context("alice")))
        OldFactory().create(Context("alice"))
        Engine(Context("alice"))
        """,
        {"IA106": 2},
    ),
    "Deprecated classes, functions and modules": (
        """
        import sys
        sys.modules.pop("colorsys", None)
        LegacyEngine(None)
        LegacyEngine._from_factory(None)
        legacy_engine(None)
        import colorsys
        """,
        {"IA101": 3, "IA102": 1},
    ),
    "Only a run id is at hand": (
        """
        Engine(Context("alice", "run-1"))
        with user_scope("alice"): Bridge().notify_done("run-1", {})
        with user_scope("bob"): Bridge().notify_done("run-1", {})
        """,
        {"IA202": 1},
    ),
    "How an event is named": (
        """
        emitter = Emitter("alice")
        with user_scope("bob"):
            emitter.emit_started()
            emitter.emit("thinking")
            emitter.send({"type": "tool_executing"})
            emitter.close()
            push("late", "alice")
        events = {finding["event"] for finding in auditor.snapshot()["findings"]}
        assert events == {"started", "thinking", "tool_executing", "closed", "late"}
        """,
        {"IA201": 4, "IA202": 1},
    ),
    "One event through several layers": (
        """
        with user_scope("alice"): asyncio.run(Emitter("alice", Bridge(Manager())).emit_done({}))
        assert auditor.snapshot()["findings"] == []
        with user_scope("bob"): asyncio.run(Emitter("alice", Bridge(Manager())).emit_done({}))
        summary = auditor.snapshot()["summary"]
        assert (summary["events_total"], summary["crossing_events"]) == (2, 1)
        """,
        {"IA201": 1, "IA202": 1},
    ),
    "Placeholders and principals of the system": (
        """
        Engine("anonymous")
        Engine("default_user")
        Engine("service:cron")
        engine = Engine("alice")
        with user_scope("service:cron"): engine.run()
        with system_scope(): engine.run()
        """,
        {"IA105": 2},
    ),
    "Broadcasts and public events": (
        """
        with user_scope("alice"):
            Manager().broadcast({"type": "maintenance"})
            Manager().publish("price_up")
            Manager().publish("answer", to="alice")
            announce("maintenance")
            Manager().broadcast({"type": "answer"})
            Manager().publish("answer")
            announce("answer")
        """,
        {"IA205": 3},
    ),
    "Context managers": (
        """
        async def main():
            async with user_engine("alice") as engine:
                await engine.run("?")

        asyncio.run(main())
        assert auditor.snapshot()["summary"]["scopes"] == 1
        Engine("bob")
        """,
        {"IA106": 1},
    ),
    "Ids that are not text": (
        """
        import unittest.mock, uuid
        Engine(7)
        Engine(uuid.uuid4())
        Engine(unittest.mock.Mock())
        """,
        {"IA103": 1},
    ),
    "Targets that some versions don't have": (
        """
        Engine()
        """,
        {},
    ),
}


def sections():
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        heading = part.partition("\n")[0]
        code = re.findall(r"```python\n(.*?)```", part, re.DOTALL)
        config = re.findall(r"```toml\n(.*?)```", part, re.DOTALL)
        if code:  # what modules keep is no shape of a call: see tests/rules/state
            yield heading, code, config


SECTIONS = list(sections())


def test_every_shape_is_driven():
    assert [heading for heading, _code, _config in SECTIONS] == list(DRIVES)


@pytest.mark.parametrize(("heading", "code", "config"), SECTIONS, ids=list(DRIVES))
def test_shape(heading, code, config, monkeypatch):
    drive, expected = DRIVES[heading]
    module = types.ModuleType("app")
    monkeypatch.setitem(sys.modules, "app", module)
    exec(compile(code[0], "app.py", "exec"), vars(module))
    with Auditor(parse_config(tomllib.loads(config[0]))) as auditor:
        vars(module)["auditor"] = auditor
        preamble = "import asyncio\nfrom isolation_audit import system_scope, user_scope\n"
        indented = "\n".join(line.removeprefix("        ") for line in drive.splitlines())
        exec(compile(preamble + indented, "drive.py", "exec"), vars(module))
        found = auditor.snapshot()
    assert found["summary"]["findings"] == expected
    assert found["summary"]["faults"] == 0
    assert {target["state"] for target in found["targets"]} <= {"applied", "absent", "waiting"}
