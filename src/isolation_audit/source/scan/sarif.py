"""SARIF 2.1.0 (OASIS), as code scanning services take it in: one run, the rules that exist, one result a finding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from isolation_audit._version import __version__
from isolation_audit.analysis.texts import printable
from isolation_audit.source.scan.outcome import finding_of
from isolation_audit.source.scan.rules import RULES

if TYPE_CHECKING:
    from isolation_audit.model.rules import Rule
    from isolation_audit.source.scan.findings import Reference
    from isolation_audit.source.scan.outcome import Outcome

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BASE = "SRCROOT"


def as_sarif(outcome: Outcome) -> dict[str, Any]:
    """The outcome as one SARIF log; paths are relative to the folder of the configuration."""
    codes = list(RULES)
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "isolation-audit",
                        "version": __version__,
                        "rules": [_rule(rule) for rule in RULES.values()],
                    }
                },
                "originalUriBaseIds": {_BASE: {"uri": Path(outcome.source.tree.base).as_uri().rstrip("/") + "/"}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(one, codes) for one in outcome.references],
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.severity.value},
    }


def _result(one: Reference, codes: list[str]) -> dict[str, Any]:
    absolute = one.file.startswith("/")
    file = (
        {"uri": Path(one.file).as_uri()}
        if absolute
        else {"uri": quote(one.file, errors="surrogateescape"), "uriBaseId": _BASE}
    )
    place: dict[str, Any] = {"artifactLocation": file}
    if one.span is not None:
        place["region"] = {
            "startLine": one.span.line,
            "startColumn": one.span.column + 1,
            "endLine": one.span.end_line,
            "endColumn": max(one.span.end_column + 1, 1),
        }
    return {
        "ruleId": one.rule,
        "ruleIndex": codes.index(one.rule),
        "level": one.severity.value,
        "message": {"text": printable(f"{one.message}; {one.help}")},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"isolationAudit/v1": finding_of(one).fingerprint},
        "properties": {"form": one.form, "phase": one.phase, "owners": list(one.owners)},
    }
