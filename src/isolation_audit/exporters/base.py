"""What a way out looks like to the drainer, and what an exporter is told when it makes one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from isolation_audit.foundation.records import dataclass as frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from isolation_audit.config.model import Config
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.scopes import Scope
    from isolation_audit.recording.occurrences import Occurrence
    from isolation_audit.recording.recorder import Entry


@dataclass(slots=True, eq=False, repr=False)
class Batch:
    """What is new since the last time; ``snapshot`` gives the whole report (schema 1) for those who need it."""

    entries: list[Entry]
    scopes: list[Scope]
    snapshot: Callable[[], dict[str, Any]]
    last: bool = False
    occurrences: list[Occurrence] = field(default_factory=list)
    """Each time that two users met, for a sink that asks for them."""
    dropped: int = 0
    """Occurrences that this sink does not see, because too many came at once; since the batch before."""
    scopes_dropped: int = 0
    """The same of scopes."""


class Sink(Protocol):
    """A way out. It runs on the drainer's thread, never on one of the application's; whatever it raises is counted.

    Four attributes may be there: ``exports``, what could not be delivered; a true ``sums_up`` for one that tells of
    the others' ``exports`` and so takes the last batch after them; a false ``takes_scopes`` for one that has no use for
    ended scopes, which are not kept where nobody has; a true ``takes_occurrences`` for one that wants each time that
    two users met.
    """

    name: str

    def drain(self, batch: Batch) -> None:
        """Take what is new. Must return soon; ``batch.last`` marks the call before :meth:`close`."""

    def close(self) -> None:
        """Flush within the configured time and let go of everything."""


@frozen(frozen=True, slots=True)
class Settings:
    """What an exporter is told. ``options`` is its own table, ``[exporters.NAME]``: lists in it are tuples.

    ``pseudonyms`` turns ids of users into what may leave the process. ``snapshot`` gives the whole report so far.
    ``supervised`` is true in the processes of ``isolation-audit run``, which speaks for all of them at the end.
    """

    config: Config
    options: Mapping[str, Any]
    run_id: str
    pseudonyms: Pseudonyms
    snapshot: Callable[[], dict[str, Any]]
    supervised: bool


def exports(sinks: list[Sink]) -> dict[str, dict[str, int]]:
    """What sinks could not deliver, by name: ``{"otlp": {"failures": 0, "lost": 0}}``."""
    counts = ((sink.name, getattr(sink, "exports", None)) for sink in sinks)
    return {name: dict(count) for name, count in counts if count is not None}
