"""Layers: an event goes from an emitter over a bridge to a sink; which of them has had it, and which has lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.runs import Run

LAYERS: Final = ("emitter", "bridge", "sink")
"""From the agent outwards."""


class Passed(NamedTuple):
    """How often one event of a run has come to each layer that has seen the run."""

    event: str
    counts: dict[str, int]

    @classmethod
    def of(cls, event: str | None, runs: Iterable[Run]) -> Passed | None:
        """``runs`` is one run at each of its layers; None where only one has seen it, or no event is asked for."""
        if event is None:
            return None
        counts = {run.layer: run.had.get(event, 0) for run in runs}
        return cls(event, {layer: counts[layer] for layer in LAYERS if layer in counts}) if len(counts) > 1 else None

    def next_after(self, layer: str) -> str | None:
        """The next layer that the run came to."""
        behind = LAYERS[LAYERS.index(layer) + 1 :]
        return next((one for one in behind if one in self.counts), None)

    def before(self, layer: str) -> str | None:
        """The layer that the run came to last on its way to this one."""
        ahead = LAYERS[: LAYERS.index(layer)][::-1]
        return next((one for one in ahead if one in self.counts), None)
