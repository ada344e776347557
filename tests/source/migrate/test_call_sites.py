"""Generated call sites: the migrated module compiles and passes equal arguments, in the same order, or is listed."""

from __future__ import annotations

import asyncio
import random
import re
import sys
import types
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.source.migrate.planning import make_plan
from isolation_audit.source.migrate.rescanning import rescan
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Sequence
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


def comparable(value: Any) -> Any:
    """A value as it compares between two runs of different modules."""
    if isinstance(value, types.GeneratorType):
        return list(value)
    if type(value).__name__ in ("Engine", "UserEngine"):
        return "an engine"
    return value() if callable(value) else value


def run(source: str | bytes, order: tuple[str, str], sites: Sequence[Any]) -> list[list[tuple[str, dict[str, Any]]]]:
    """What each site builds: which engine, and its arguments by their new names; values leave a trace."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def v(number: int) -> int:
        calls.append(("value", {"number": number}))
        return number

    def record(kind: str, **arguments: Any) -> None:
        calls.append((kind, {name: comparable(value) for name, value in arguments.items()}))

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


NASTY = {
    "nested": "return Engine(v(1), Engine(v(2), bridge=v(3), ctx=v(4)), ctx=Engine(v(5), v(6), v(7)).ready())",
    "chained": "return Engine(v(1), v(2), v(3)).ready().ready() is Engine(v(4), v(5), v(6))",
    "brackets around the class": "return (Engine)(v(1), v(2), v(3)), ((Engine))(v(4), (v(5)), ctx=((v(6)))).ready()",
    "brackets around both": "return ((Engine)(v(1), bridge=(Engine)(v(2), v(3), v(4)), ctx=v(5)))",
    "a walrus": "return [made := Engine(v(1), v(2), v(3)), made.ready()]",
    "a walrus as an argument": "return Engine(v(1), (w := v(2)), ctx=(u := v(3))), w, u",
    "an argument by expression": "return Engine(v(1) if v(0) else v(2), v(3) or v(4), ctx=not v(5), limit=-v(6) ** 2)",
    "lambdas and displays": "return Engine(lambda: v(1), {v(2): [v(3)]}, ctx=(v(4), v(5)), limit={*[v(6)]})",
    "a conditional": "return Engine(v(1), v(2), v(3)) if Engine(v(4), v(5), v(6)) else Engine(v(7), v(8), v(9))",
    "operators": "return not Engine(v(1), v(2), v(3)), Engine(v(4), v(5), v(6)) is None, Engine(v(7), v(8), v(9)) or 1",
    "a default": "return (lambda made=Engine(v(1), v(2), v(3)): made)()",
    "an inner function": "def inner(made=Engine(v(1), v(2), v(3))): return made\n    return inner()",
    "a comprehension of comprehensions": (
        "return [[Engine(v(i), v(j), v(3)) for i in (1, 2)] for j in [4, Engine(v(5), v(6), v(7)) and 8]]"
    ),
    "an asynchronous comprehension": (
        "async def each():\n        yield 1\n        yield 2\n"
        "    return {Engine(v(i), v(3), v(4)) async for i in each()}"
    ),
    "an asynchronous generator": (
        "async def each():\n        yield Engine(v(1), v(2), v(3))\n        return\n"
        "    return [one async for one in each()]"
    ),
    "unpacked results": "return [*(Engine(v(1), v(2), v(3)),)], {**{1: Engine(v(4), v(5), v(6))}}",
    "statements": (
        "assert Engine(v(1), v(2), v(3)), Engine(v(4), v(5), v(6))\n    "
        "for one in [Engine(v(7), v(8), v(9))]: one.ready()\n"
        "    box = {}; box[Engine(v(10), v(11), v(12))] = Engine(v(13), v(14), v(15)); del box\n"
        "    while (made := Engine(v(16), v(17), v(18))): break\n    return made"
    ),
    "a match": "match Engine(v(1), v(2), v(3)):\n        case made: return made",
    "comments inside": (
        "return Engine(  # one (\n        # two, )\n        v(1),  # three\n        (  # four\n"
        "            v(2)\n        )\n"
        "        # five\n        , ctx  # six\n        =  # seven\n        v(3),  # eight\n    )  # nine"
    ),
    "continued lines": (
        "return \\\n        Engine \\\n        (v(1), \\\n         bridge \\\n = v(2), ctx=v(3)) \\\n        .ready()"
    ),
    "tabs and odd blanks": "return Engine\t(\tv(1)\t,\x0cbridge\t=\tv(2)  ,\tctx=v(3)\t,)\t.\tready\t(\t)",
    "letters of many bytes": "return ('\u00e9\U0001f600', Engine(v(1), v(2), ctx=['\u00e9', v(3)]).ready(), '\u00e9')",
    "a generator in brackets": "return Engine(v(1), v(2), (i for i in [v(3)])).ready()",
    "names by keyword alone": "return Engine(limit=v(4), ctx=v(3), bridge=v(2), registry=v(1))",
}


@pytest.mark.parametrize("encoded", ["lf", "crlf", "bom", "latin-1"])
@pytest.mark.parametrize("order", ORDERS, ids=["same order", "another order"])
def test_nasty_sites(tmp_path: Path, order: tuple[str, str], encoded: str) -> None:
    sites = [
        SimpleNamespace(is_async=True, source=f"async def site_{number}():\n    {body}\n")
        for number, body in enumerate(NASTY.values())
    ]
    source = "from app.old import Engine\n\n\n" + "\n\n".join(site.source for site in sites)
    if encoded == "latin-1":
        source = "# coding: latin-1\n" + source.replace("\U0001f600", "\u00ff")
    data = source.replace("\n", "\r\n" if encoded == "crlf" else "\n").encode(
        "latin-1" if encoded == "latin-1" else "utf-8"
    )
    files = {
        "isolation-audit.toml": CONFIG,
        "app/__init__.py": "",
        "app/old.py": OLD,
        "app/new.py": NEW.format(second=order[0], third=order[1]),
        "site.py": b"\xef\xbb\xbf" + data if encoded == "bom" else data,
    }
    plan = make_plan(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert plan.manual == []
    rescan(plan)
    (change,) = plan.changes
    before, after = run(change.before, order, sites), run(change.after, order, sites)
    for case, old, new in zip(NASTY, before, after, strict=True):
        assert [called[1] for called in old] == [called[1] for called in new], case
        assert {kind for kind, _ in new} - {"value"} == {"new"}, case
    old_notes, new_notes = (re.findall(rb"# \w+", text) for text in (change.before, change.after))
    assert old_notes == new_notes
    assert change.before.count(b"\r\n") == change.after.count(b"\r\n")


LEFT = {
    "sync": "def f():\n    return Engine(1, 2, 3)",
    "a lambda": "async def f():\n    return lambda: Engine(1, 2, 3)",
    "a generator": "async def f():\n    return (Engine(1, 2, 3) for _ in x)",
    "a class body": "async def f():\n    class A:\n        e = Engine(1, 2, 3)",
    "a default of a plain function": "def f(e=Engine(1, 2, 3)): pass",
    "a decorator": "@Engine(1, 2, 3).ready\nasync def f(): pass",
    "a part of an f-string": "async def f():\n    return f'{Engine(1, 2, 3)}'",
    "awaited already": "async def f():\n    return await Engine(1, 2, 3)",
    "a starred argument": "async def f():\n    return Engine(1, *x)",
    "the user left out": "async def f():\n    return Engine(1, 2)",
    "None for the user": "async def f():\n    return Engine(1, 2, ctx=None)",
}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_stays_byte_for_byte(tmp_path: Path, case: str) -> None:
    source = f"from app.old import Engine\n\n{LEFT[case]}\n"
    new = NEW.format(second=ORDERS[0][0], third=ORDERS[0][1])
    files = {"isolation-audit.toml": CONFIG, "app/__init__.py": "", "app/old.py": OLD, "app/new.py": new}
    plan = make_plan(scan_tree(write_tree(tmp_path, {**files, "site.py": source})).source, lambda _: True)
    assert plan.changes == []
    assert "call" in {one.form for one in plan.manual}


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
    rescan(plan)
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
