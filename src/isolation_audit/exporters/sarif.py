"""Findings of run time as SARIF: where it happened, and, as a related place, where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from isolation_audit.exporters.terminal import address
from isolation_audit.formats import sarif
from isolation_audit.rules import all_rules

if TYPE_CHECKING:
    from isolation_audit.exporters.report import Report


def as_sarif(report: Report, base: Path) -> dict[str, Any]:
    """The report as one SARIF log; files below ``base`` are relative to it."""
    known = all_rules()
    codes = sorted({finding["rule"] for finding in report["findings"]} & known.keys())
    results = [_result(finding, base) for finding in report["findings"]]
    return sarif.log([known[code] for code in codes], results, base)


def _result(finding: dict[str, Any], base: Path) -> dict[str, Any]:
    site, origin = finding["site"], finding["origin"]
    asked = address(finding)
    about = {
        "count": finding["count"],
        "target": finding["target"],
        "event": finding["event"],
        "request": asked or None,
        "run": finding.get("run"),
        "test": finding.get("test"),
    }
    made = sarif.result(
        finding["rule"],
        finding["severity"],
        f"{finding['message']}; {finding['help']}",
        places=[] if site is None else [_place(site, base)],
        fingerprint=finding["fingerprint"],
        properties={name: value for name, value in about.items() if value is not None},
    )
    if site is not None:
        made["stacks"] = [{"message": {"text": site["label"]}, "frames": _frames(site, base)}]
    if origin is not None:
        made["relatedLocations"] = [{**_place(origin, base), "message": {"text": origin["label"]}}]
    return made


def _frames(site: dict[str, Any], base: Path) -> list[dict[str, Any]]:
    return [
        {"location": {**_place(frame, base), "logicalLocations": [{"fullyQualifiedName": frame["function"]}]}}
        for frame in site["stack"]
    ]


def _place(site: dict[str, Any], base: Path) -> dict[str, Any]:
    file, line = site["file"], site["line"]
    path = Path(file)
    return sarif.place(
        path.relative_to(base).as_posix() if path.is_relative_to(base) else file,
        {"startLine": line} if line >= 1 else None,
    )
