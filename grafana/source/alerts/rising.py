"""Alerts on a counter that has risen, and their cases.

The expression has two halves: ``increase()`` sees the counter rise between two scrapes, and the second half sees one
that was above 0 when it was scraped for the first time, as after the start of a process that failed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana.source.alerts.model import Case, Firing

if TYPE_CHECKING:
    from collections.abc import Mapping

AT: Final = {"job": "chat", "instance": "a:1"}


def rising(selector: str, window: str) -> str:
    """The expression: the counters that have risen within ``window``."""
    return f"increase({selector}[{window}]) > 0\nor ({selector} > 0 unless {selector} offset {window})"


def series(metric: str, labels: Mapping[str, str]) -> str:
    """A series as promtool writes it."""
    return metric + "{" + ", ".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def cases(
    metric: str,
    labels: Mapping[str, str],
    minutes: int,
    *,
    others: tuple[Mapping[str, str], ...] = (),
    more: Mapping[str, str] | None = None,
) -> tuple[Case, ...]:
    """The cases of ``rising(metric with labels, minutes)``.

    ``others`` are labels of series that must not raise it however they rise, ``more`` are series that are there, too.
    """
    own = series(metric, {**AT, **labels})
    beside = dict(more or {})
    shown = {**AT, **{name: value for name, value in labels.items() if name != "severity"}}
    two, four = (Firing(shown, "2"),), (Firing(shown, "4"),)
    rest = 2 * minutes + 20
    return (
        Case(
            "firing",
            {own: f"0x5 2x{rest}", **{series(metric, {**AT, **one}): f"0x{rest}" for one in others}, **beside},
            {"7m": two},
        ),
        Case(
            "firing, although the process was scraped for the first time after it had happened",
            {own: f"_x5 4x{rest}", **beside},
            {"7m": four},
        ),
        Case(
            "quiet, also for what other alerts tell of" if others else "quiet",
            {own: f"0x{rest}", **{series(metric, {**AT, **one}): f"0+1x{rest}" for one in others}, **beside},
            {"0s": (), f"{minutes + 5}m": ()},
        ),
        Case(
            f"boundary, it resolves {minutes} minutes after the last one",
            {own: f"0x5 2x{rest}", **beside},
            {"5m": (), f"{minutes + 5}m": two, f"{minutes + 6}m": ()},
        ),
        Case("no data", {}, {f"{minutes + 5}m": ()}),
    )
