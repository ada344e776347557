"""Draws how many times a bare call each kind of call takes, ours beside the peers, as SVG: a bar a figure."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Final

KINDS: Final = (
    ("sync", "an empty method"),
    ("async", "an empty async method"),
    ("generator", "an empty generator"),
    ("classmethod", "an event (class method)"),
    ("ctor", "a construction"),
)
SERIES: Final = (
    ("", "ours", "#1f6f8b"),
    ("_closure", "a closure", "#9aa5b1"),
    ("_wrapt", "wrapt, only calling", "#7b8794"),
    ("_sentry", "a span of Sentry", "#d9a441"),
    ("_ddtrace", "a span of ddtrace", "#b5651d"),
    ("_opentelemetry", "a span of OpenTelemetry", "#b3554d"),
)
_LEFT: Final = 190
_WIDTH: Final = 560
_BAR: Final = 13
_GAP: Final = 16
_TOP: Final = 64
_MOST: Final = 1_000
"""Where the axis ends, which begins at 1 and is logarithmic."""
_TEXT: Final = 'font-family="sans-serif" font-size="12" fill="#3e4c59"'


def _x(times: float) -> float:
    return _LEFT + _WIDTH * math.log10(min(max(times, 1.0), _MOST)) / math.log10(_MOST)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_TEXT}>{escape(words)}</text>'


def _bar(y: int, times: float, color: str, title: str) -> str:
    size = f'x="{_LEFT}" y="{y}" width="{max(_x(times) - _LEFT, 1):.1f}" height="{_BAR - 2}"'
    return f'<rect {size} fill="{color}"><title>{escape(title)}</title></rect>'


def _line(x: float, top: int, bottom: int, look: str) -> str:
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" {look}/>'


def _kind(rows: dict[str, Any], kind: str, said: str, begin: int) -> tuple[list[str], int]:
    """The bars of one kind of call, and where the next ones begin."""
    lines, y = [], begin
    for infix, name, color in SERIES:
        row = rows.get(f"{kind}{infix}_vs_bare")
        if row is not None and row["value"] is not None:
            lines.append(_bar(y, row["value"], color, f"{said}, {name}: {row['value']:.3g} times"))
            lines.append(_text(_x(row["value"]) + 4, y + _BAR - 3, f"{row['value']:.3g}"))
            y += _BAR
    if not lines:
        return [], begin
    goal = rows.get(f"{kind}_vs_bare", {}).get("goal")
    if goal:
        lines.append(_line(_x(float(goal.split()[-1])), begin - 3, y, 'stroke="#2f855a" stroke-width="2"'))
    return [*lines, _text(_LEFT - 8, (begin + y) / 2 + 3, said, "end")], y + _GAP


def plot(run: dict[str, Any]) -> str:
    """The drawing of one run's figures."""
    bars, y = [], _TOP
    for kind, said in KINDS:
        lines, y = _kind(run["rows"], kind, said, y)
        bars += lines
    axis = []
    for power in range(round(math.log10(_MOST)) + 1):
        at = _x(10**power)
        axis += [_line(at, _TOP - 8, y, 'stroke="#e4e7eb"'), _text(at, y + 14, f"{10**power:,}", "middle")]
    legend = []
    for place, (_infix, name, color) in enumerate(SERIES):
        x, top = 12 + place % 3 * 250, 26 + place // 3 * 16
        legend += [f'<rect x="{x}" y="{top}" width="11" height="11" fill="{color}"/>', _text(x + 16, top + 10, name)]
    title = f"Times a bare call, CPython {run['python']}; green: the goal"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 60} {y + 24}" role="img">'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, _text(12, 16, title), *legend, *axis, *bars, "</svg>\n"])
