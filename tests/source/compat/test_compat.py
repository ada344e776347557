"""`isolation-audit compat` on real files: what callers of the old class would notice, and nothing else."""

from __future__ import annotations

import json
import sys
from textwrap import dedent

import pytest
from click.testing import CliRunner

from isolation_audit.cli.commands import cli
from isolation_audit.config.targets import parse_target
from isolation_audit.exceptions import MissingExtraError, UsageError
from isolation_audit.source.compat.sources import Sources

OLD = """
from shop.base import Base

class Engine(Base):
    kind = "old"

    def __init__(self, registry, bridge, context=None, *, limit=5):
        self.registry = registry
        self._hidden = 1

    def execute(self, context, name="run"): ...
    def stats(self): ...
    def _private(self): ...
"""
BASE = """
class Base:
    def cleanup(self): ...
"""


@pytest.fixture
def compat(tmp_path, monkeypatch):
    """Runs the command on an old and a new class; gives the exit code and the gaps as ``member: difference``."""
    monkeypatch.chdir(tmp_path)

    def run(new: str, old: str = OLD, config: str = "", arguments=("shop.old:Engine", "shop.new:Engine")):
        package = tmp_path / "shop"
        package.mkdir()
        for name, text in {"__init__": "", "base": BASE, "old": old, "new": new}.items():
            (package / f"{name}.py").write_text(dedent(text))
        if config:
            (tmp_path / "isolation-audit.toml").write_text(config)
        done = CliRunner().invoke(cli, ["compat", *arguments, "--json"], catch_exceptions=False, standalone_mode=False)
        (pair,) = json.loads(done.output)["pairs"]
        return done.exit_code if done.exception is None else done.exception.code, pair

    return run


def said(pair) -> list[str]:
    return [f"{gap['member']}: {gap['difference']}" for gap in pair["gaps"]]


def changed(before: str, after: str) -> str:
    assert before in OLD
    return OLD.replace(before, after)


def test_the_same_interface_has_no_gap(compat) -> None:
    code, pair = compat(OLD + "\n    def more(self, anything): ...\n")
    assert (code, said(pair), pair["unread_bases"]) == (0, [], [])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("def stats(self)", "async def stats(self)", "stats: was a method, is a coroutine"),
        ("    def stats(self): ...", "    @property\n    def stats(self): ...", "stats: was a method, is an attribute"),
        ("    def stats(self): ...\n", "", "stats: the method is missing"),
        ("(Base)", "", "cleanup: the method is missing"),
        ("self.registry = registry", "pass", "registry: the attribute is missing"),
        ('name="run"', "name", "execute: parameter name is required now"),
        ('name="run"', 'name="go"', "execute: the default of parameter name was 'run', is 'go'"),
        ('name="run"', '*, name="run"', "execute: parameter name can only be given by name"),
        ('name="run"):', 'name="run", /):', "execute: parameter context can only be given by position"),
        ('context, name="run"', "context", "execute: parameter name is gone"),
        (
            'context, name="run"',
            'context, name="run", user=None, *, deep',
            "execute: parameter deep is new and required",
        ),
        ("registry, bridge", "bridge, registry", "__init__: parameter registry was number 1, is number 2"),
        ("registry, bridge", "registry, link", "__init__: parameter bridge is gone"),
    ],
)
def test_one_difference(compat, before: str, after: str, expected: str) -> None:
    code, pair = compat(changed(before, after))
    assert code == 1
    assert expected in said(pair)
    assert {gap["member"] for gap in pair["gaps"]} == {expected.partition(":")[0]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('context, name="run"', "*args, **kwargs"),
        ("def stats(self)", "def stats(self, deep=False)"),
        ("    def stats(self): ...", "    @staticmethod\n    def stats(): ..."),
        ("def _private", "def _other"),
    ],
)
def test_what_callers_do_not_notice(compat, before: str, after: str) -> None:
    assert said(compat(changed(before, after))[1]) == []


def test_an_alternative_constructor_with_renamed_arguments(compat) -> None:
    new = """
    class Engine:
        kind = registry = None
        @classmethod
        async def from_legacy(cls, registry, websocket_bridge, user_context, *, limit=5): ...
        def execute(self, context, name="run"): ...
        def stats(self): ...
        def cleanup(self): ...
    """
    config = """
    [[engines]]
    target = "shop.new:Engine"
    requires = ["execute", "flush"]

    [[deprecations]]
    target = "shop.old:Engine"
    replacement = "shop.new:Engine.from_legacy"
    arguments = { bridge = "websocket_bridge", context = "user_context" }
    """
    code, pair = compat(new, config=dedent(config), arguments=())
    assert code == 1
    assert said(pair) == [
        "__init__: from_legacy() is a coroutine",
        "__init__: parameter context -> user_context is required now",
        "flush: required by [[engines]], and missing",
    ]


def test_re_exports_dataclasses_and_bases_elsewhere(compat) -> None:
    old = """
    from dataclasses import dataclass
    from elsewhere import Foreign
    @dataclass
    class Engine(Foreign):
        user: str
        limit: int = 5
    """
    new = """
    from shop.base import Base as Ground
    class Real(Ground):
        def __init__(self, user, limit=6):
            self.user = user
            self.limit = limit
    Engine = Real
    """
    code, pair = compat(new, old=old, arguments=("shop.old:Engine", "shop.new:Real"))
    assert said(pair) == ["__init__: the default of parameter limit was 5, is 6"]
    assert (code, pair["unread_bases"]) == (1, ["elsewhere.Foreign"])


def test_nothing_is_imported(compat) -> None:
    assert compat("raise SystemExit('imported')\n" + OLD)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("shop.old:Engin", "shop.old:Engine"), "did you mean 'Engine'?"),
        (("shop.gone:Engine", "shop.old:Engine"), "no module 'shop.gone'"),
        (("shop.broken:Engine", "shop.old:Engine"), "broken.py:1: can't be parsed"),
        (("shop.nulls:Engine", "shop.old:Engine"), "can't be parsed"),
        (("shop.old:Engine", "shop/old.py"), "is a file, not a module"),
        (("shop.old:Engine",), "compat takes two targets"),
        (("shop.old:Engine.stats", "shop.old:Engine"), "is not a class"),
        ((), "nothing to compare"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, arguments, cause: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    for name, text in {"old": OLD, "base": BASE, "broken": "def (", "nulls": "x = '\0'"}.items():
        (tmp_path / "shop" / f"{name}.py").write_text(text)
    with pytest.raises(UsageError, match=cause.replace("?", r"\?").replace(".", r"\.")):
        CliRunner().invoke(cli, ["compat", *arguments], catch_exceptions=False, standalone_mode=False)


def test_without_the_extra(compat, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "griffe", None)
    with pytest.raises(MissingExtraError, match=r"compat needs .* pip install 'isolation-audit\[migrate\]'"):
        CliRunner().invoke(
            cli, ["compat", "shop.old:Engine", "shop.new:Engine"], catch_exceptions=False, standalone_mode=False
        )


def test_bases_are_read_once(tmp_path, monkeypatch) -> None:
    (tmp_path / "shop.py").write_text("import gone\nclass A(gone.Top): ...\nclass B(A): ...\nclass Engine(A, B): ...\n")
    sources = Sources([tmp_path])
    asked = []
    by_path = sources._by_path
    monkeypatch.setattr(sources, "_by_path", lambda path: asked.append(path) or by_path(path))
    engine = sources.find(parse_target("shop:Engine"))
    assert sources.bases(engine) == ["gone.Top"]
    assert sorted(asked) == ["gone.Top", "shop.A", "shop.A", "shop.B"]


def test_a_base_that_is_the_class_itself(tmp_path) -> None:
    (tmp_path / "shop.py").write_text("class Engine(Engine): ...\n")
    sources = Sources([tmp_path])
    assert sources.bases(sources.find(parse_target("shop:Engine"))) == []
