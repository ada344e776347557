"""Law 8: no rule without a proof. Each rule's own example, run as the module ``app`` that it says it is."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sqlite3
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity
from isolation_audit.rules import all_monitors, all_rules

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

RULES = all_rules()


def close(app: ModuleType | None) -> None:
    """Close the connections that an example has left open, as the end of its process would."""
    for value in [] if app is None else vars(app).values():
        if isinstance(value, sqlite3.Connection):
            value.close()


@pytest.fixture
def findings_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs source text as the module ``app`` under an auditor with this configuration; gives findings by rule."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "app", raising=False)

    def run(config: str, source: str) -> dict[str, list[Any]]:
        tmp_path.joinpath("app.py").write_text(source, encoding="utf-8")
        path = tmp_path / "isolation-audit.toml"
        path.write_text(config, encoding="utf-8")
        for deprecated in tomllib.loads(config).get("deprecations", ()):
            monkeypatch.delitem(sys.modules, deprecated["target"].partition(":")[0], raising=False)
        found: dict[str, list[Any]] = {}
        try:
            with Auditor(load_config(path)) as auditor:
                app = importlib.import_module("app")
                result = app.main()
                if inspect.iscoroutine(result):
                    asyncio.run(result)
        finally:
            close(sys.modules.pop("app", None))
        for entry in auditor.recorder.entries():
            found.setdefault(entry.finding.rule, []).append(entry.finding)
        return found

    return run


@pytest.mark.parametrize("code", RULES)
def test_the_bad_example_is_reported(findings_of, code: str) -> None:
    rule = RULES[code]
    found = findings_of(rule.example.config, rule.example.bad)
    assert code in found, f"reported instead: {sorted(found)}"
    (finding, *_others) = found[code]
    assert finding.severity is rule.severity
    assert finding.help == rule.help
    assert "{" not in finding.message
    if finding.site is not None:
        assert finding.site.top.file.endswith("app.py")


@pytest.mark.parametrize("code", RULES)
def test_the_good_example_is_not(findings_of, code: str) -> None:
    rule = RULES[code]
    found = findings_of(rule.example.config, rule.example.good)
    assert code not in found
    assert not [other for other in found if RULES[other].severity is Severity.ERROR]


@pytest.mark.parametrize("code", RULES)
def test_a_rule_that_is_switched_off_is_silent(findings_of, code: str) -> None:
    rule = RULES[code]
    assert code not in findings_of(rule.example.config + f'\n[select]\ndisable = ["{code}"]\n', rule.example.bad)


def test_words_of_the_rules() -> None:
    families = [{rule.code[:3] for rule in monitor.rules} for monitor in all_monitors()]
    assert list(RULES) == sorted(RULES)
    assert len(RULES) == sum(len(monitor.rules) for monitor in all_monitors())
    assert all(len(family) == 1 for family in families), "one file a family"
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    for rule in RULES.values():
        assert rule.summary.endswith(".")
        assert not rule.help.endswith(".")
        assert rule.why
