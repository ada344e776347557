"""Where runs stand, and what is told of them; :mod:`runs` follows them, where a protocol is configured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from isolation_audit.foundation.records import record

if TYPE_CHECKING:
    from isolation_audit.analysis.orders.automaton import Automaton
    from isolation_audit.analysis.orders.openings import Openings
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.tracking.layers import Passed
    from isolation_audit.model.users import User


@dataclass(slots=True, eq=False, repr=False)
class Run:
    """Where one run stands at one layer; times are monotonic seconds."""

    id: str
    layer: str
    state: int
    last: str | None = None
    last_pair: int | str | None = None
    """The id of what its last event opened or closed, if it had one."""
    seen: float = 0.0
    ended: float = 0.0
    """When the work for this run ended (0.0 while it goes on)."""
    failed: bool = False
    missed_end: bool = False
    """It has been said that something was missing at its end."""
    numbers: dict[int | str, None] = field(default_factory=dict)
    over: bool = False
    """New work for the same id has begun since it was over: its first event begins a new run."""
    open: Openings | None = None
    """What it has opened, where the protocol has pairs that may overlap."""
    user: User | None = None
    """Whose work was running at its first event, or is bound to its id."""
    place: RawStack = ()
    """Where its first event was emitted."""
    began: RawStack = ()
    """Where the work for it began."""
    test: Any = None
    """The test in which its first event was emitted."""
    stray: Deviation | None = None
    """What its first event was if nothing followed it: it came under an id whose run was over."""
    had: dict[str, int] = field(default_factory=dict)
    """How often it has had each event of the protocol."""
    deviated: bool = False
    compared: bool = False
    """It has been compared with the other layers."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """An event that is not in order: ``missing`` would have had to come first, None where nothing helps.

    ``open`` names openers that still waited for their closers when the event completed the run. ``elsewhere`` says how
    often each layer has had the event that is missing, or that was repeated.
    """

    run: Run
    automaton: Automaton
    event: str
    state: int
    previous: str | None
    missing: tuple[str, ...] | None
    repeated: bool
    open: tuple[str, ...] = ()
    elsewhere: Passed | None = None


@record
class Overdue:
    """The work for a run has ended, or its time is up, and something has not come.

    ``open`` names openers that wait for their closers; ``missing`` is empty where only those are.
    """

    run: Run
    open: tuple[str, ...]
    missing: tuple[str, ...]
    seconds: float
    """Since its last event."""
    elsewhere: Passed | None = None
    stray: Deviation | None = None
    """What it is instead, where nothing came but a first event after the end of another run."""


@record
class LostBetween:
    """A run is over, and one of its events passed a layer more often than the next: the order does not mind."""

    run: Run
    passed: Passed
