"""Alerts on a state that lasts, and their cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana.source.alerts.model import Case, Firing
from grafana.source.alerts.rising import AT, series

if TYPE_CHECKING:
    from collections.abc import Mapping


def cases(
    metric: str,
    labels: Mapping[str, str],
    minutes: int,
    *,
    bad: str,
    good: str,
    value: str = "",
    others: tuple[Mapping[str, str], ...] = (),
) -> tuple[Case, ...]:
    """The cases of an alert that fires once ``metric`` has been ``bad`` for ``minutes``; ``good`` is no reason.

    ``others`` are labels of series that may be ``bad`` without raising it.
    """
    early, late = ({**AT, "instance": name} for name in ("early:1", "late:1"))
    rest = minutes + 30
    firing = (Firing({**AT, **labels}, value),)
    return (
        Case("firing", {series(metric, {**AT, **labels}): f"{bad}x{rest}"}, {f"{minutes + 1}m": firing}),
        Case(
            "quiet",
            {
                series(metric, {**AT, **labels}): f"{good}x{rest}",
                **{series(metric, {**AT, **one}): f"{bad}x{rest}" for one in others},
            },
            {f"{minutes + 15}m": ()},
        ),
        Case(
            f"boundary, the one is over just before {minutes} minutes are",
            {
                series(metric, {**early, **labels}): f"{bad}x{minutes - 2} {good}x30",
                series(metric, {**late, **labels}): f"{bad}x{minutes} {good}x30",
            },
            {f"{minutes - 1}m": (), f"{minutes}m": (Firing({**late, **labels}, value),), f"{minutes + 1}m": ()},
        ),
        Case("no data", {}, {f"{minutes + 15}m": ()}),
    )
