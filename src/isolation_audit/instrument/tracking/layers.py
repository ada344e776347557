"""Layers: an event goes from an emitter over a bridge to a sink; which of them has had it, and which has lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYERS: Final = ("emitter", "bridge", "sink")
"""From the agent outwards."""


class Passed(NamedTuple):
    """How often one event of a run has come to each layer that has seen the run."""

    event: str
    counts: dict[str, int]

    @classmethod
    def of(cls, event: str | None, had: Mapping[str, Mapping[str, int]]) -> Passed | None:
        """``had`` is how often each layer has had each event of one run.

        None where only one layer has seen the run, or no event is asked for.
        """
        if event is None:
            return None
        counts = {layer: events.get(event, 0) for layer, events in had.items()}
        return cls(event, {layer: counts[layer] for layer in LAYERS if layer in counts}) if len(counts) > 1 else None

    def next_after(self, layer: str) -> str | None:
        """The next layer that the run came to."""
        behind = LAYERS[LAYERS.index(layer) + 1 :]
        return next((one for one in behind if one in self.counts), None)

    def before(self, layer: str) -> str | None:
        """The layer that the run came to last on its way to this one."""
        ahead = LAYERS[: LAYERS.index(layer)][::-1]
        return next((one for one in ahead if one in self.counts), None)
