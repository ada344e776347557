"""The tables of figures and metrics in docs/reference, made from their declarations."""

from __future__ import annotations

import re
from typing import Final

from isolation_audit.config.model import Config
from isolation_audit.exporters.metrics import GROUPS, PREFIX, Family
from isolation_audit.exporters.report import empty
from isolation_audit.recording.figures import FIGURES

_FIGURES: Final = re.compile(r"(<!-- figures -->\n).*?(<!-- end -->)", re.DOTALL)
_METRICS: Final = re.compile(r"(<!-- metrics of (?P<group>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

_MOST_VALUES: Final = 6
"""A label with more values than these is shown without them."""


def with_figures(page: str) -> str:
    """``page`` with a fresh table of the summary's figures between its marks, ``<!-- figures -->``."""
    rows = "".join(f"| `{one.key}` | {one.kind} | {_cell(one.meaning)} |\n" for one in FIGURES)
    return _FIGURES.sub(lambda mark: f"{mark[1]}| field | type | meaning |\n|---|---|---|\n{rows}{mark[2]}", page)


def with_metrics(page: str) -> str:
    """``page`` with a fresh table of metrics between the marks of each group, ``<!-- metrics of coverage -->``.

    Raises:
        KeyError: there is no such group.
    """
    head = "| metric | type | labels | meaning |\n|---|---|---|---|\n"
    return _METRICS.sub(lambda mark: mark[1] + head + _group(mark["group"]) + mark[3], page)


def _group(name: str) -> str:
    return "".join(map(_row, GROUPS[name](Config(), empty({}, {}))))


def _row(family: Family) -> str:
    suffix = "_total" if family.kind == "counter" else ""
    return f"| `{PREFIX}{family.name}{suffix}` | {family.kind} | {_labels(family)} | {_cell(family.meaning)} |\n"


def _labels(family: Family) -> str:
    shown = []
    for number, label in enumerate(family.labels):
        values = dict.fromkeys(labels[number] for labels in family.values)
        known = 1 < len(values) <= _MOST_VALUES and label != "severity"
        shown.append(f"`{label}`" + (": " + ", ".join(f"`{value}`" for value in values) if known else ""))
    return ", ".join(shown)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
