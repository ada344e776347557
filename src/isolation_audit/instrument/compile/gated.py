"""Gated functions: what generated code reads where there may be nothing to look at yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isolation_audit.model.gates import Gate


class Gated:
    """A constant of the generated code: a gate, and the cell in which the calls before it are counted."""

    __slots__ = ("calls", "gate")

    def __init__(self, gate: Gate, calls: list[int]) -> None:
        self.gate = gate
        self.calls = calls

    def __reduce__(self) -> tuple[Any, ...]:
        # As Probe's: what a by-value pickler takes along counts nothing, and asks nobody.
        return (SimpleNamespace, (), {"gate": SimpleNamespace(open=True)})
