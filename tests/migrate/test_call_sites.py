"""Generated call sites: the migrated module compiles and passes equal arguments, in the same order, or is listed."""

from __future__ import annotations

import asyncio
import random
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.migrate.planning import make_plan
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine.create"
await = true
arguments = { registry = "registry", bridge = "websocket", ctx = "context", limit = "limit" }
owner = ["args.ctx.user_id"]
"""
OLD = """\
class Engine:
    def __init__(self, registry, bridge, ctx=None, *, limit=3):
        record("old", registry=registry, websocket=bridge, context=ctx, limit=limit)

    def ready(self):
        return self
"""
NEW = """\
class UserEngine:
    @classmethod
    async def create(cls, registry, {second}, {third}, *, limit=3):
        record("new", registry=registry, websocket=websocket, context=context, limit=limit)
        return cls()

    def ready(self):
        return self
"""
ORDERS = [("websocket", "context=None"), ("context=None", "websocket=None")]
SPELLINGS = {
    "from app.old import Engine": "Engine",
    "from app.old import Engine as Motor": "Motor",
    "from app.old import (\n    other,\n    Engine,  # old\n)": "Engine",
    "from app.old import Engine, other": "Engine",
    "from app.handed import Handed": "Handed",
    "import app.old": "app.old.Engine",
    "import app.old as legacy": "legacy.Engine",
    "from app import old": "old.Engine",
    "from app import old as o; x = 1": "o.Engine",
}


class Site:
    """One call: its source as a function, and whether it can be rewritten."""

    def __init__(self, number: int, draw: random.Random, spelled: str) -> None:
        self._draw = draw
        self._values = 10 * number
        shape = draw.choice(SHAPES)
        arguments, passes_user = self._arguments()
        call = f"{spelled}({arguments})"
        unpacked = draw.random() < 0.08
        if unpacked:
            call = draw.choice([f"{spelled}(*[v(1), v(2), v(3)])", f"{spelled}(v(1), v(2), **dict(ctx=v(3)))"])
        self.is_async = "async def NAME" in shape
        asynchronous = self.is_async and "lambda" not in shape and "any(" not in shape
        self.is_safe = asynchronous and passes_user and not unpacked
        self.source = shape.replace("NAME", f"site_{number}").replace("CALL", call)

    def _value(self) -> str:
        self._values += 1
        form = self._draw.choice(["v({})", "(v({}))", "((v({})))", "v({}) or 1", "[v({}), 2]", "lambda n=v({}): n"])
        return form.format(self._values)

    def _arguments(self) -> tuple[str, bool]:
        names = ["registry", "bridge", "ctx"]
        by_position = self._draw.randint(0, 3)
        passes_user = self._draw.random() < 0.9
        rest = [name for name in names[by_position:] if name != "ctx" or passes_user]
        passes_user = passes_user or by_position == 3
        if self._draw.random() < 0.3:
            rest.append("limit")
        self._draw.shuffle(rest)
        parts = [self._value() for _ in range(by_position)] + [
            f"{name}{self._equals()}{self._value()}" for name in rest
        ]
        if self._draw.random() < 0.1 and "ctx" in rest:
            parts = [part if not part.startswith("ctx") else "ctx=None" for part in parts]
            passes_user = False
        if self._draw.random() < 0.3:
            return "\n        " + ",  # (a, comment\n        ".join(parts) + ",\n    ", passes_user
        return ", ".join(parts), passes_user

    def _equals(self) -> str:
        return self._draw.choice(["=", "=", " = "])


SHAPES = [
    "async def NAME():\n    return CALL\n",
    "async def NAME():\n    engine = CALL  # kept\n    return engine\n",
    "async def NAME():\n    return CALL.ready()\n",
    "async def NAME():\n    return [CALL for _ in range(2)]\n",
    "async def NAME():\n    return {1: CALL, 2: 3}\n",
    "async def NAME():\n    return (lambda: CALL)()\n",
    "async def NAME():\n    return any(CALL for _ in range(2))\n",
    "async def NAME():\n    if (made := CALL) is not None:\n        return made\n",
    "@plain\nasync def NAME(default=1):\n    return same(CALL, CALL)\n",
    "async def NAME():\n    async def inner():\n        return CALL\n    return await inner()\n",
    "def NAME():\n    return CALL\n",
    "def NAME():\n    return [CALL for _ in range(2)]\n",
]
PREAMBLE = "def plain(function):\n    return function\n\n\ndef same(*values):\n    return values\n\n\n"


def run(source: str, order: tuple[str, str], sites: list[Site]) -> list[list[tuple[str, dict[str, Any]]]]:
    """What each site builds: which engine, and its arguments by their new names; values leave a trace."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def v(number: int) -> int:
        calls.append(("value", {"number": number}))
        return number

    def record(kind: str, **arguments: Any) -> None:
        known = {name: value() if callable(value) else value for name, value in arguments.items()}
        calls.append((kind, known))

    modules = {name: types.ModuleType(name) for name in ("app", "app.old", "app.new", "app.handed", "site")}
    for name, text in (("app.old", OLD), ("app.new", NEW.format(second=order[0], third=order[1]))):
        vars(modules[name])["record"] = record
        exec(compile(text, name, "exec"), vars(modules[name]))
    modules["app.old"].other = None
    modules["app"].old, modules["app"].new = modules["app.old"], modules["app.new"]
    modules["app.handed"].Handed = modules["app.old"].Engine
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        vars(modules["site"])["v"] = v
        exec(compile(source, "site.py", "exec"), vars(modules["site"]))
        results = []
        for number, site in enumerate(sites):
            calls.clear()
            function = vars(modules["site"])[f"site_{number}"]
            asyncio.run(function()) if site.is_async else function()
            results.append(list(calls))
        return results
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


@pytest.mark.parametrize("order", ORDERS, ids=["same order", "another order"])
@pytest.mark.parametrize("number", range(len(SPELLINGS)))
def test_the_same_arguments_arrive(tmp_path: Path, number: int, order: tuple[str, str]) -> None:
    statement, spelled = list(SPELLINGS.items())[number]
    draw = random.Random(number)
    sites = [Site(place, draw, spelled) for place in range(20)]
    source = f"{statement}\n\n\n{PREAMBLE}" + "\n\n".join(site.source for site in sites)
    files = {
        "isolation-audit.toml": CONFIG,
        "app/__init__.py": "",
        "app/old.py": "other = None\n\n\n" + OLD,
        "app/new.py": NEW.format(second=order[0], third=order[1]),
        "app/handed.py": "from .old import Engine as Handed\n",
        "site.py": source,
    }
    plan = make_plan(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    change = next((change for change in plan.changes if change.shown == "site.py"), None)
    migrated = change.after.decode() if change else source
    before, after = run(source, order, sites), run(migrated, order, sites)
    for site, old, new in zip(sites, before, after, strict=True):
        assert [called[1] for called in old] == [called[1] for called in new], site.source
        kinds = {kind for kind, _ in new} - {"value"}
        assert kinds == {"new" if site.is_safe else "old"}, site.source
    listed = sum(one.file == "site.py" and one.form == "call" for one in plan.manual)
    assert listed == sum(site.source.count(spelled + "(") for site in sites if not site.is_safe)
    write_tree(tmp_path, {change.shown: change.after for change in plan.changes})
    assert make_plan(scan_tree(tmp_path).source, lambda _: True).changes == []
