"""What an alert is, and the cases that its unit tests try."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "IsolationAudit"
RUNBOOKS: Final = "docs/runbooks"
"""Where the runbooks are in this repository; `isolation-audit grafana --runbooks` puts another address there."""

OVERVIEW: Final = "isolation-audit-overview"
FINDING: Final = "isolation-audit-finding"
MIGRATION: Final = "isolation-audit-migration"
HEALTH: Final = "isolation-audit-health"

_LABEL: Final = re.compile(r"\{\{ \$labels\.(\w+)(?: \| urlquery)? \}\}")
_VALUE: Final = re.compile(r"\{\{ [^{}]*\$value[^{}]*\}\}")
_EITHER: Final = re.compile(r"\{\{ if \$labels\.(\w+) \}\}(.*?)\{\{ else \}\}(.*?)\{\{ end \}\}")


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that a case expects: the labels of its series, and how its value is written."""

    labels: Mapping[str, str]
    value: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One unit test: series as promtool writes them, and what fires at which time.

    The name begins with one of ``firing``, ``quiet``, ``boundary`` and ``no data``.
    """

    name: str
    series: Mapping[str, str]
    fires: Mapping[str, tuple[Firing, ...]]


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: what it asks, how bad it is, and what it says to whoever is woken."""

    name: str
    severity: Literal["critical", "warning"]
    expr: str
    wait: str
    summary: str
    description: str
    dashboard: str
    cases: tuple[Case, ...]
    meaning: str
    """For the table in README.md."""
    longest: int = 3600
    """Seconds that the expression looks back, at least: the range of the Grafana-managed alert."""
    annotations: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        where = "var-job={{ $labels.job | urlquery }}&var-instance={{ $labels.instance | urlquery }}"
        if "$labels.rule" in self.summary:
            where += "&var-rule={{ $labels.rule | urlquery }}"
        words = {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": f"{RUNBOOKS}/{self.name}.md",
            "dashboard_url": f"/d/{self.dashboard}?{where}",
        }
        object.__setattr__(self, "annotations", words)

    def said(self, firing: Firing) -> dict[str, str]:
        """The annotations as Prometheus writes them for one firing series."""
        return {name: _written(text, firing) for name, text in self.annotations.items()}


def _written(text: str, firing: Firing) -> str:
    text = _EITHER.sub(lambda either: either[2] if firing.labels.get(either[1]) else either[3], text)
    text = _VALUE.sub(firing.value, text)
    return _LABEL.sub(lambda label: _label(firing.labels.get(label[1], ""), query="urlquery" in label[0]), text)


def _label(value: str, *, query: bool) -> str:
    from urllib.parse import quote_plus

    return quote_plus(value) if query else value
