"""SARIF: all that is written fits the standard's schema (2.1.0), and code scanning."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from isolation_audit.config import load_config
from isolation_audit.source.scan.cache import Cache
from isolation_audit.source.scan.markdown import as_markdown
from isolation_audit.source.scan.outcome import judge
from isolation_audit.source.scan.rules import RULES
from isolation_audit.source.scan.sarif import as_sarif
from isolation_audit.source.scan.scanner import read_source
from trees import parts, scan_tree, write_tree

FILES = parts(Path(__file__).with_name("probe.txt").read_text(encoding="utf-8"))

SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text(encoding="utf-8"))
"""The schema of OASIS, as Microsoft's tools ship it; see sarif-2.1.0.LICENSE."""

Validator = jsonschema.validators.validator_for(SCHEMA)
BREAKS = {
    "no version": lambda log: log.pop("version"),
    "no driver": lambda log: log["runs"][0]["tool"].pop("driver"),
    "a key that the standard does not know": lambda log: log["runs"][0]["results"][0].update(form="call"),
    "a level of our own": lambda log: log["runs"][0]["results"][0].update(level="fatal"),
    "a line 0": lambda log: region_of(log).update(startLine=0),
    "the same rule twice": lambda log: log["runs"][0]["tool"]["driver"]["rules"].append(
        log["runs"][0]["tool"]["driver"]["rules"][0]
    ),
    "a message without text": lambda log: log["runs"][0]["results"][0].update(message={}),
    "fingerprints that are no text": lambda log: log["runs"][0]["results"][0].update(partialFingerprints={"a": 1}),
}


def region_of(log):
    located = (one["locations"][0]["physicalLocation"] for one in log["runs"][0]["results"])
    return next(place["region"] for place in located if "region" in place)


def test_the_log_is_sarif(tmp_path: Path) -> None:
    outcome = scan_tree(
        write_tree(tmp_path, {**FILES, "odd name \u00e9.py": "from shop.legacy.engine import Engine\n"})
    )
    log = json.loads(json.dumps(as_sarif(outcome)))
    Validator(SCHEMA, format_checker=Validator.FORMAT_CHECKER).validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert len(run["results"]) == len(outcome.references)
    for result, reference in zip(run["results"], outcome.references, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == reference.rule
        assert result["level"] == reference.severity
    uris = {result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]}
    assert {"odd%20name%20%C3%A9.py", "shop/core/uses.py"} <= uris
    # What code scanning asks for beyond the schema.
    assert all(re.fullmatch(r"[!-~]+", uri) for uri in uris)
    assert all(re.fullmatch(r"file:///.*/", base["uri"]) for base in run["originalUriBaseIds"].values())
    assert all(re.fullmatch(r"[A-Z][A-Za-z]+", rule["name"]) for rule in rules)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of the probe project."""
    return json.dumps(as_sarif(scan_tree(write_tree(tmp_path_factory.mktemp("probe"), FILES))))


@pytest.mark.parametrize("broken", BREAKS)
def test_the_schema_would_tell(written: str, broken: str) -> None:
    log = json.loads(written)
    assert Validator(SCHEMA).is_valid(log)
    BREAKS[broken](log)
    assert not Validator(SCHEMA).is_valid(log)


def test_nothing_found_and_files_elsewhere_are_sarif(tmp_path: Path) -> None:
    config = '[[deprecations]]\ntarget = "app.old:Engine"\n'
    write_tree(tmp_path, {"here/isolation-audit.toml": config, "there/a.py": "from app.old import Engine\n"})
    config_of = load_config(tmp_path / "here" / "isolation-audit.toml")
    for folder, number in ((tmp_path / "here", 0), (tmp_path / "there", 1)):
        outcome = judge(read_source(config_of, [folder], Cache(None, config_of)))
        log = json.loads(json.dumps(as_sarif(outcome)))
        Validator(SCHEMA).validate(log)
        assert len(log["runs"][0]["results"]) == number


def test_columns_begin_at_one_and_end_after_the_last(tmp_path: Path) -> None:
    files = {
        "isolation-audit.toml": '[[deprecations]]\ntarget = "app.old:Engine"\n',
        "a.py": "import app.old\napp.old.Engine()\n",
    }
    results = as_sarif(scan_tree(write_tree(tmp_path, files)))["runs"][0]["results"]
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in results]
    assert regions == [
        {"startLine": 1, "startColumn": 8, "endLine": 1, "endColumn": 15},
        {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 15},
    ]


def test_markdown_counts_and_lists(tmp_path: Path) -> None:
    outcome = scan_tree(write_tree(tmp_path, FILES))
    text = as_markdown(outcome)
    for title, counted in outcome.counts().items():
        assert f"| {title} | findings |" in text
        for name, number in counted.items():
            assert f"| {name} | {number} |" in text.replace("\\", "")
    assert text.count("\n- line ") == len(outcome.references)
    assert text.count("\n## ") == len({one.file for one in outcome.references})
