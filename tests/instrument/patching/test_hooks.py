"""Hooks around imports: called in their order, once, and unseen by the module, its loader and its importer."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING

import pytest

from isolation_audit.instrument.patching import hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made: list[str] = []

    def make(source: str) -> str:
        name = f"hooked_{tmp_path.name.replace('-', '_')}_{len(made)}"
        made.append(name)
        (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)


def test_one_before_the_code_and_one_after_it(module: Callable[[str], str]) -> None:
    name = module("import sys\nsys.modules['told'].append('code')\n")
    told: list[str] = []
    sys.modules["told"] = told  # type: ignore[assignment]
    try:
        hooks.before_import(name, lambda: told.append("before"))
        hooks.when_imported(name, lambda _module: told.append("after"))
        importlib.import_module(name)
        del sys.modules[name]
        importlib.import_module(name)
    finally:
        del sys.modules["told"]
    assert told == ["before", "code", "after", "code"], "each once"


def test_what_is_taken_back_is_not_called(module: Callable[[str], str]) -> None:
    name = module("")
    told: list[str] = []

    def before() -> None:
        told.append("before")

    hooks.before_import(name, before)
    hooks.forget_before(name, before)
    importlib.import_module(name)
    assert told == []


def test_what_raises_does_not_fail_the_import(module: Callable[[str], str]) -> None:
    name = module("x = 1")

    def fail(*_module: object) -> None:
        raise RuntimeError

    hooks.before_import(name, fail)
    hooks.when_imported(name, fail)
    assert importlib.import_module(name).x == 1


def test_the_module_its_spec_and_its_code_have_the_real_loader(module: Callable[[str], str]) -> None:
    name = module("seen = type(__loader__), type(__spec__.loader)")
    hooks.when_imported(name, lambda _module: None)
    made = importlib.import_module(name)
    assert made.seen == (SourceFileLoader, SourceFileLoader)
    assert type(made.__loader__) is type(made.__spec__.loader) is SourceFileLoader
    assert importlib.reload(made) is made


def test_a_spec_that_is_only_looked_for_can_be_used_as_any_other(module: Callable[[str], str]) -> None:
    name = module("x = 1")
    told: list[object] = []
    hooks.when_imported(name, told.append)
    spec = importlib.util.find_spec(name)
    assert spec is not None
    loader: object = spec.loader
    assert isinstance(loader, SourceFileLoader)
    assert loader.get_filename(name) == spec.origin
    assert loader.get_source(name) == "x = 1"
    made = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    assert made.x == 1
    assert told == [made]


def test_a_package_and_what_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "hooked_package").mkdir()
    (tmp_path / "hooked_package" / "inner.py").write_text("x = 1")
    (tmp_path / "hooked_package" / "__init__.py").write_text("from hooked_package import inner")
    told: list[str] = []
    for name in ("hooked_package", "hooked_package.inner"):
        hooks.when_imported(name, lambda module: told.append(module.__name__))
    importlib.import_module("hooked_package")
    for name in ("hooked_package", "hooked_package.inner"):
        del sys.modules[name]
    assert told == ["hooked_package.inner", "hooked_package"]


def test_a_module_that_is_not_there_is_not_there() -> None:
    hooks.when_imported("hooked_by_nobody", lambda _module: None)
    with pytest.raises(ModuleNotFoundError, match="No module named 'hooked_by_nobody'"):
        importlib.import_module("hooked_by_nobody")


def test_a_hook_that_imports_the_module_itself_makes_no_second_one(module: Callable[[str], str]) -> None:
    name = module("import sys\nsys.runs = getattr(sys, 'runs', 0) + 1\n")
    seen = []
    hooks.before_import(name, lambda: seen.append(importlib.import_module(name)))
    try:
        imported = importlib.import_module(name)
        assert vars(sys).pop("runs") == 1
        assert seen == [imported]
        assert sys.modules[name] is imported
    finally:
        vars(sys).pop("runs", None)
