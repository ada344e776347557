"""What every instrumented point needs at hand: tables of identity, counters, and somebody to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from isolation_audit.foundation.plugins import loaded
from isolation_audit.instrument.reading.path_counts import PathCounts
from isolation_audit.instrument.tally import Tally
from isolation_audit.instrument.tracking.bound_ids import BoundIds
from isolation_audit.instrument.tracking.levels import ServiceLevels
from isolation_audit.instrument.tracking.rooms import Rooms
from isolation_audit.model.aliases import OtherNames
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sized
    from types import CodeType

    from isolation_audit.config.model import Config, Factory
    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.patching.placing import Places
    from isolation_audit.instrument.tracking.observations import Again, Built
    from isolation_audit.instrument.tracking.runs import Runs
    from isolation_audit.instrument.tracking.work_spans import WorkSpans
    from isolation_audit.model.ambient import Ambient
    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.owner_records import Objects
    from isolation_audit.model.users import User, Users

_Part = TypeVar("_Part")


@dataclass(slots=True, eq=False, repr=False)
class Runtime:
    """One auditor's identity tables, counters, barrier and listeners."""

    config: Config
    users: Users
    ambient: Ambient
    bindings: Bindings
    objects: Objects
    barrier: Barrier
    publish: Callable[[object], None]
    ask: Callable[[Built], tuple[tuple[str, Again | None], ...]]
    """Publishes a construction, and gives what each monitor answers, beside its name."""
    pseudonym: Callable[[str], str]
    """What stands for an id outside of the process."""
    runs: tuple[Runs, ...] = ()
    """One table a configured protocol."""
    content: ContentWitness | None = None
    """None where no payload is watched."""
    tally: Tally = field(default_factory=Tally)
    factory_codes: dict[int, tuple[CodeType, Factory]] = field(default_factory=dict)
    """Code of declared factories by its identity (the code is held, so the identity stays its own)."""
    constructor_codes: dict[str, dict[int, tuple[CodeType, str]]] = field(default_factory=dict)
    """By target, the code of its declared constructors by its identity, and their names."""
    builds: object = field(default_factory=object)
    """Another object each time that monitors may have more to say of constructions than before."""
    escaped: set[str] = field(default_factory=set)
    """Targets of which objects were there before they were watched."""
    used: Callable[[Any], None] | None = None
    """Told of an engine whose method is called, where somebody listens."""
    spans: WorkSpans | None = None
    """What spans tell of the work that runs; None where none are sent."""
    ended: Sized | None = None
    """What has outlived its unit of work, where somebody wants to know whether it is used again."""
    connected: Callable[[str, Any, User, Any], None] | None = None
    """Told of a connection whose user has become known, with where, where somebody listens."""
    cleaned: Callable[[Any, str], None] | None = None
    """Told of an engine that was cleaned up, and by which method, where somebody listens."""
    declares_system: Callable[[], None] | None = None
    """Told where what runs has entered ``system_scope()``, where somebody listens."""
    hands_on_scopes: bool = True
    """False where nobody takes those that have ended."""
    settling: list[Callable[[float], None]] = field(default_factory=list)
    """Called twice a second: tell of what has been open for so many seconds. At the end with zero."""
    listeners: dict[str, str] = field(default_factory=dict)
    """By the name of a class of ``vocabulary``, who listens to what is told through it: ``module:name``, not imported
    before an integration asks."""
    running: bool = False
    """False before the start of the audit and after its end: what outlives it has to stop by itself."""
    places: Places = field(init=False)
    """Where points are put; a mechanism may find out while the application runs what it has to watch."""
    paths: PathCounts = field(init=False)
    """How often the configured paths have given a value."""
    names: OtherNames = field(init=False)
    rooms: Rooms = field(init=False)
    levels: ServiceLevels = field(init=False)
    ids: BoundIds = field(init=False)
    _parts: dict[Callable[[Runtime], Any], Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.paths = PathCounts(self.tally.cells.sum_up)
        self.names = OtherNames(self.users, self.bindings, limit=self.config.limits.users)
        self.ambient.enter = self.names.enter
        self.rooms = Rooms(self.names.meant, self.bindings, self.objects, limit=self.config.limits.bindings)
        self.levels = ServiceLevels(self.config, self.tally, self.publish)
        self.ids = BoundIds(self.config.identity.bind, self.bindings, self.publish, self.paths, self.names)

    def user_of_run(self, kind: str, identifier: str) -> User | None:
        """The user whose work is running, else the one that the run's id is bound to."""
        user = self.ambient.current()
        return user if user is not None and user.kind is Kind.USER else self.bindings.user_of(kind, identifier)

    def listener(self, word: type[_Part]) -> _Part:
        """Whoever listens to what is told through this class of ``vocabulary``; asked once, when points are made."""
        listener: _Part = self.part(loaded(self.listeners[word.__name__]))
        return listener

    def part(self, kind: Callable[[Runtime], _Part]) -> _Part:
        """The one instance of a mechanism in this audit; made when it is first asked for."""
        if kind not in self._parts:
            self._parts[kind] = kind(self)
        made: _Part = self._parts[kind]
        return made
