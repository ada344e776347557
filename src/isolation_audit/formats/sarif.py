"""SARIF 2.1.0 (OASIS), as code scanning services take it in: one run, the rules that exist, one result a finding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from isolation_audit._version import __version__
from isolation_audit.analysis.texts import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.rules import Rule

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_BASE: Final = "SRCROOT"


def log(rules: Iterable[Rule], results: list[dict[str, Any]], base: Path) -> dict[str, Any]:
    """The whole log; relative paths of its places count from the folder ``base``."""
    described = [_rule(rule) for rule in rules]
    indexes = {rule["id"]: number for number, rule in enumerate(described)}
    for one in results:
        if one["ruleId"] in indexes:
            one["ruleIndex"] = indexes[one["ruleId"]]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "isolation-audit", "version": __version__, "rules": described}},
                "originalUriBaseIds": {_BASE: {"uri": base.as_uri().rstrip("/") + "/"}},
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }


def result(
    rule: str,
    level: str,
    message: str,
    *,
    places: list[dict[str, Any]],
    fingerprint: str,
    properties: dict[str, Any],
) -> dict[str, Any]:
    """One finding; ``places`` is from :func:`place`."""
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": printable(message)},
        "locations": places,
        "partialFingerprints": {"isolationAudit/v1": fingerprint},
        "properties": properties,
    }


def place(file: str, region: dict[str, int] | None = None) -> dict[str, Any]:
    """Where something is; a file that is not absolute counts from the base of the log."""
    if file.startswith("/"):
        artifact = {"uri": Path(file).as_uri()}
    else:
        artifact = {"uri": quote(file, errors="surrogateescape"), "uriBaseId": _BASE}
    physical: dict[str, Any] = {"artifactLocation": artifact}
    return {"physicalLocation": physical if region is None else {**physical, "region": region}}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.help},
        "defaultConfiguration": {"level": rule.severity.value},
    }
