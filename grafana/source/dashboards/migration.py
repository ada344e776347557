"""*Migration*: what is left of deprecated engines, in the source and at run time."""

from __future__ import annotations

from typing import Any

from grafana.source.alerts.model import MIGRATION
from grafana.source.board import RUNNING, board
from grafana.source.panels import (
    DAY,
    GREEN,
    ORANGE,
    RED,
    WARN_ABOVE_ZERO,
    Query,
    bars,
    lines,
    metric,
    number,
    risen,
    share,
)

_SCANNED = "isolation_audit_source_scanned_files"


def dashboard() -> dict[str, Any]:
    """Its JSON model."""
    content = {"How far it is": _far(), "At run time": _run_time(), "In the source": _source()}
    about = (
        "What is left of deprecated engines. The source's part needs `isolation-audit progress --metrics FILE` and the"
        " textfile collector of Prometheus's node exporter."
    )
    return board(MIGRATION, "Migration", about, content, of=(RUNNING, _SCANNED))


def _far() -> list[Any]:
    old, new = (risen(f"{kind}engines_built_total", DAY) for kind in ("deprecated_", ""))
    deadline = metric("deprecation_deadline_timestamp_seconds")
    return [
        number(
            "References left",
            "References to something deprecated that are left in the source.",
            f"sum({metric('source_references')})",
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Files left",
            "Files that have such references.",
            f"sum({metric('source_files')})",
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "Deprecated engines, 24 h",
            "Deprecated engines that were built within 24 hours.",
            old,
            steps=WARN_ABOVE_ZERO,
        ),
        number(
            "New engines' share, 24 h",
            "Of the engines that were built within 24 hours, those that are not deprecated.",
            share(new, f"({old} + {new})"),
            unit="percentunit",
            steps=((None, RED), (0.5, ORANGE), (1, GREEN)),
        ),
        number(
            "Next deadline",
            "Time until the first `deadline` of a deprecation; below 0 it has passed.",
            f"min({deadline} > 0) - time()",
            unit="s",
            steps=((None, RED), (0, ORANGE), (30 * 86_400, GREEN)),
            trend=False,
        ),
        number(
            "Age of the scan",
            "How long ago the source was scanned.",
            f"time() - max({metric('source_scan_time_seconds')})",
            unit="s",
            trend=False,
        ),
    ]


def _run_time() -> list[Any]:
    return [
        lines(
            "Engines built",
            "Engines built, by configured engine.",
            Query(risen("engines_built_total", by="target"), "{{target}}"),
        ),
        lines(
            "Deprecated engines built",
            "Deprecated engines built, by deprecation. The code that builds them is in finding IA101.",
            Query(risen("deprecated_engines_built_total", by="target"), "{{target}}"),
        ),
    ]


def _source() -> list[Any]:
    return [
        lines(
            "References over time",
            "The burn-down, by what is deprecated.",
            Query(f"sum by (target) ({metric('source_references')})", "{{target}}"),
        ),
        bars(
            "References by phase",
            "Where they are, by the phases of `[scan]`; `-` for files without one.",
            Query(f"sum by (phase) ({metric('source_references')})", "{{phase}}"),
            steps=WARN_ABOVE_ZERO,
        ),
        bars(
            "Findings of the scan",
            "By rule; IA807 is a file that could not be read, so what it refers to is not known.",
            Query(f"sum by (rule) ({metric('source_findings')})", "{{rule}}"),
            steps=WARN_ABOVE_ZERO,
        ),
        lines(
            "Scanned files",
            "Python files that were scanned: where it falls, the scan has seen less.",
            Query(f"max by (instance) ({metric('source_scanned_files')})", "{{instance}}"),
        ),
    ]
