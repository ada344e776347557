"""SARIF: the shape that the standard's schema (2.1.0) asks for, of all that is written."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from isolation_audit.scan.markdown import as_markdown
from isolation_audit.scan.rules import RULES
from isolation_audit.scan.sarif import as_sarif
from trees import parts, scan_tree, write_tree

FILES = parts(Path(__file__).with_name("probe.txt").read_text(encoding="utf-8"))

MESSAGE = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
LOCATION = {
    "type": "object",
    "properties": {
        "physicalLocation": {
            "type": "object",
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "properties": {
                        "uri": {"type": "string", "format": "uri-reference", "pattern": r"^[!-~]+$"},
                        "uriBaseId": {"type": "string"},
                    },
                    "required": ["uri"],
                    "additionalProperties": False,
                },
                "region": {
                    "type": "object",
                    "properties": {
                        name: {"type": "integer", "minimum": 1}
                        for name in ("startLine", "startColumn", "endLine", "endColumn")
                    },
                    "required": ["startLine"],
                    "additionalProperties": False,
                },
            },
            "required": ["artifactLocation"],
            "additionalProperties": False,
        }
    },
    "required": ["physicalLocation"],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "tool": {
                        "type": "object",
                        "properties": {
                            "driver": {
                                "type": "object",
                                "properties": {
                                    "name": {"type": "string"},
                                    "version": {"type": "string"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "properties": {
                                                "id": {"type": "string"},
                                                "name": {"type": "string", "pattern": "^[A-Z][A-Za-z]+$"},
                                                "shortDescription": MESSAGE,
                                                "fullDescription": MESSAGE,
                                                "help": MESSAGE,
                                                "defaultConfiguration": {
                                                    "type": "object",
                                                    "properties": {"level": LEVEL},
                                                    "additionalProperties": False,
                                                },
                                            },
                                            "required": ["id"],
                                            "additionalProperties": False,
                                        },
                                    },
                                },
                                "required": ["name"],
                                "additionalProperties": False,
                            }
                        },
                        "required": ["driver"],
                        "additionalProperties": False,
                    },
                    "originalUriBaseIds": {
                        "type": "object",
                        "additionalProperties": {
                            "type": "object",
                            "properties": {"uri": {"type": "string", "pattern": "^file:///.*/$"}},
                            "additionalProperties": False,
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": LEVEL,
                                "message": MESSAGE,
                                "locations": {"type": "array", "items": LOCATION, "minItems": 1},
                                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                                "properties": {"type": "object"},
                            },
                            "required": ["message"],
                            "additionalProperties": False,
                        },
                    },
                },
                "required": ["tool"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["version", "runs"],
    "additionalProperties": False,
}


def test_the_log_has_the_shape(tmp_path: Path) -> None:
    outcome = scan_tree(
        write_tree(tmp_path, {**FILES, "odd name \u00e9.py": "from shop.legacy.engine import Engine\n"})
    )
    log = json.loads(json.dumps(as_sarif(outcome)))
    jsonschema.validate(log, SCHEMA)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert len(run["results"]) == len(outcome.references)
    for result, reference in zip(run["results"], outcome.references, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == reference.rule
        assert result["level"] == reference.severity
    assert {"odd%20name%20%C3%A9.py", "shop/core/uses.py"} <= {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]
    }


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
