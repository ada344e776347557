"""Arguments that the replacement does not take, and that the configuration says to leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.config import load_config
from isolation_audit.exceptions import ConfigError
from isolation_audit.source.migrate.planning import make_plan
from isolation_audit.source.migrate.rescanning import rescan
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine"
arguments = { registry = "", bridge = "socket", ctx = "context" }
"""
TREE = {
    "isolation-audit.toml": CONFIG,
    "app/__init__.py": "",
    "app/old.py": "class Engine:\n    def __init__(self, registry, bridge=None, ctx=None, *, mode=1): pass\n",
    "app/new.py": "class UserEngine:\n    def __init__(self, context=None, socket=None): pass\n",
}

CALLS = {
    "Engine(r, b, c)": "UserEngine(socket=b, context=c)",
    "Engine(r)": "UserEngine()",
    "Engine(r,)": "UserEngine()",
    "Engine(registry=r)": "UserEngine()",
    "Engine(b, registry)": "UserEngine(socket=registry)",
    "Engine(registry=r, ctx=c)": "UserEngine(context=c)",
    "Engine(ctx=c, registry=r)": "UserEngine(context=c)",
    "Engine(ctx=c, registry=r,)": "UserEngine(context=c,)",
    "Engine(ctx=c, registry=r.a.b, bridge=b)": "UserEngine(context=c, socket=b)",
    "Engine((r), (b))": "UserEngine(socket=(b))",
    "Engine( ( (r) ) , ctx = (c) )": "UserEngine( context = (c) )",
    "Engine(\n    r,  # the registry\n    b,  # the bridge\n)": "UserEngine(\n    socket=b,  # the bridge\n)",
    "Engine(\n    ctx=c,\n    registry=r,  # gone (really)\n)": "UserEngine(\n    context=c,  # gone (really)\n)",
    "Engine(None, ctx=Engine(r, ctx=c))": "UserEngine(context=UserEngine(context=c))",
    "Engine('a, b', (x for x in c))": "UserEngine(socket=(x for x in c))",
}


@pytest.mark.parametrize("call", CALLS)
def test_left_out(tmp_path: Path, call: str) -> None:
    source = f"from app.old import Engine\nx = {call}\n"
    plan = make_plan(scan_tree(write_tree(tmp_path, {**TREE, "chat.py": source})).source, lambda _: True)
    rescan(plan)
    (change,) = plan.changes
    assert change.after.decode() == f"from app.new import UserEngine\nx = {CALLS[call]}\n"
    assert plan.manual == []


LEFT = {
    "Engine(connect(), b)": "argument 'registry' is left out, and working it out may do something",
    "Engine(registry=(y := 1))": "argument 'registry' is left out, and working it out may do something",
    "Engine([r for r in s])": "argument 'registry' is left out, and working it out may do something",
    "Engine(r, mode=2)": "argument 'mode' has no counterpart",
    "Engine(*r)": "it unpacks its arguments with *",
}


@pytest.mark.parametrize("call", LEFT)
def test_left_to_people(tmp_path: Path, call: str) -> None:
    source = f"from app.old import Engine\nx = {call}\n"
    plan = make_plan(scan_tree(write_tree(tmp_path, {**TREE, "chat.py": source})).source, lambda _: True)
    assert plan.changes == []
    assert [one.reason for one in plan.manual] == [LEFT[call]]


def test_several_may_be_left_out_and_two_may_not_become_one(tmp_path: Path) -> None:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(CONFIG.replace('"socket"', '""'))
    assert load_config(file).deprecations[0].arguments == (("registry", ""), ("bridge", ""), ("ctx", "context"))
    file.write_text(CONFIG.replace('"socket"', '"context"'))
    with pytest.raises(ConfigError, match="both become"):
        load_config(file)
    file.write_text(CONFIG.replace('"socket"', '"no name"'))
    with pytest.raises(ConfigError, match="arguments"):
        load_config(file)
