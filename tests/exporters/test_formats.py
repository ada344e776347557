"""SARIF, Markdown and JUnit of what was found at run time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from isolation_audit.exporters.junit import as_junit
from isolation_audit.exporters.markdown import as_markdown
from isolation_audit.exporters.sarif import as_sarif
from sample_report import finding, report

SCHEMA = json.loads((Path(__file__).parents[1] / "source" / "scan" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
BASE = Path("/srv/words")


def _valid(log: dict[str, Any]) -> dict[str, Any]:
    validator = jsonschema.validators.validator_for(SCHEMA)
    validator(SCHEMA, format_checker=validator.FORMAT_CHECKER).validate(json.loads(json.dumps(log)))
    return log["runs"][0]


def test_sarif_has_both_places_and_the_stack() -> None:
    run = _valid(as_sarif(report(finding(), finding(1, severity="note", rule="IA209")), BASE))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["IA202", "IA209"]
    error, note = run["results"]
    assert (error["ruleId"], error["level"], note["level"]) == ("IA202", "error", "note")
    place = error["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "views.py", "uriBaseId": "SRCROOT"}
    assert place["region"] == {"startLine": 3}
    assert error["relatedLocations"][0]["message"] == {"text": "sent words here"}
    assert len(error["stacks"][0]["frames"]) == 2
    assert error["partialFingerprints"] == {"isolationAudit/v1": f"{0:016x}"}
    assert error["properties"]["request"] == "GET /items/words, field $.words"


def test_sarif_of_a_rule_of_another_package_of_a_place_that_is_elsewhere_and_of_none() -> None:
    frame = {"file": "/opt/other app/x.py", "line": 0, "function": "f", "label": "here"}
    there = finding(rule="XY1", site={**frame, "stack": [frame]}, origin=None)
    nowhere = finding(site=None, origin=None)
    results = _valid(as_sarif(report(there, nowhere), BASE))["results"]
    assert "ruleIndex" not in results[0]
    place = results[0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "file:///opt/other%20app/x.py"}}
    assert results[1]["locations"] == []


def test_markdown_tells_verdict_and_findings_and_shows_marks_as_they_are() -> None:
    text = as_markdown(report(finding(text="a|b `c` <d> [e](f)")))
    assert "- partly blind: because words" in text
    assert "| error | IA202 | 2 | message a\\|b \\`c\\` \\<d> \\[e](f) |" in text
    assert "- what to do: help" in text
    assert "No findings in what was seen." in as_markdown(report())


def test_markdown_of_many_findings_fits_an_issue() -> None:
    text = as_markdown(report(*(finding(number) for number in range(1000))))
    assert "800 further findings are left out." in text
    assert "The first 20 findings are told in full." in text


def test_junit_has_a_failure_for_each_error_and_none_for_a_note() -> None:
    text = as_junit(report(finding(text="a<b> & ]]>"), finding(1, severity="note")))
    suite = ET.fromstring(text)[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")
    coverage, error, note = suite
    assert coverage.find("failure") is None
    failure = error.find("failure")
    assert failure is not None
    assert failure.get("message") == "message a<b> & ]]>"
    assert "sent a<b> & ]]> here" in str(failure.text)
    assert note.find("failure") is None


def test_junit_of_a_blind_run_fails() -> None:
    coverage = {"verdict": "blind", "reasons": [{"reason": "nothing is watched", "remedy": "do", "told_by": None}]}
    suite = ET.fromstring(as_junit(report(coverage=coverage)))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite[0][0].get("message") == "blind: nothing is watched"


@pytest.mark.parametrize("write", [as_junit, as_markdown])
def test_no_file_that_a_report_names_is_read(write: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("the secret\n")
    frame = {"file": str(tmp_path / "secret.py"), "line": 1, "function": "f", "label": "here"}
    text = write(report(finding(site={**frame, "stack": [frame]})))
    assert "secret.py" in text
    assert "the secret" not in text
