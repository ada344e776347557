"""The typed, frozen configuration: one class a TOML table, defaults included, no parsing here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from isolation_audit.config.outputs import Exporter, Journal, Otlp, Prometheus, Report
from isolation_audit.model.user_sources import USER_CLAIMS, USER_HEADERS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path as FilePath

    from isolation_audit.config.paths import Path
    from isolation_audit.model.rules import Severity
    from isolation_audit.model.user_sources import Source


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """``module:qualname``; ``qualname`` is empty where a whole module is meant."""

    module: str
    qualname: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.qualname}" if self.qualname else self.module


@dataclass(frozen=True, slots=True)
class Holder:
    """``[[ambient.holders]]``: an object that holds the user at work, as a ``threading.local``; the steps to the id."""

    target: Target
    user_id: Path | None = None


@dataclass(frozen=True, slots=True)
class Ambient:
    """``[ambient]``: the application's own ContextVar, and the steps from its value to the user id."""

    contextvar: Target | None = None
    user_id: Path | None = None
    holders: tuple[Holder, ...] = ()
    """Asked in their order, where neither the variable nor a scope names anybody."""


@dataclass(frozen=True, slots=True)
class Identity:
    """``[identity]``: what counts as a user, a context, a placeholder, a system principal; which ids to learn.

    ``detect`` lists what may tell the user of a request where the application itself says nothing; None: all of it.
    """

    context_types: tuple[Target, ...] = ()
    placeholders: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    bind: tuple[tuple[str, Path], ...] = ()
    id_types: tuple[Literal["str", "int", "uuid"], ...] = ("str",)
    detect: tuple[Source, ...] | None = None
    headers: tuple[str, ...] = USER_HEADERS
    claims: tuple[str, ...] = USER_CLAIMS


@dataclass(frozen=True, slots=True)
class Bindings:
    """``[bindings]``: how long ids are remembered, and the store through which several processes share them.

    ``age`` and ``timeout`` in seconds. Without a ``store`` (a Redis URL) each process knows what it has seen itself.
    """

    store: str | None = field(default=None, repr=False)  # it may hold a password
    prefix: str = "isolation-audit"
    age: float = 3600.0
    timeout: float = 1.0


@dataclass(frozen=True, slots=True)
class Engine:
    """``[[engines]]``: a class whose objects each serve one user."""

    target: Target
    owner: tuple[Path, ...] = ()
    subclasses: bool = True
    exclude: tuple[Target, ...] = ()
    optional: bool = False
    constructors: tuple[Target, ...] = ()
    methods: tuple[str, ...] = ("[!_]*",)
    requires: tuple[str, ...] = ()
    cleanup: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """``[[deprecations.origins]]``: another constructor of what is deprecated, and what is called in its place."""

    constructor: Target
    replacement: Target
    awaited: bool = False
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Deprecation:
    """``[[deprecations]]``: a class, function or module to get rid of, and what replaces it."""

    target: Target
    replacement: Target | None = None
    awaited: bool = False
    arguments: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    deadline: dt.date | None = None
    owner: tuple[Path, ...] = ()
    subclasses: bool = True
    exclude: tuple[Target, ...] = ()
    optional: bool = False
    constructors: tuple[Target, ...] = ()
    """Those of ``origins`` included."""
    origins: tuple[Origin, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Factory:
    """``[[factories]]``: a callable that builds an engine; ``canonical`` factories are the only proper way (IA106)."""

    target: Target
    builds: Target
    canonical: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Singleton:
    """``[[singletons]]``: a class of which there is meant to be one object at a time (IA602)."""

    target: Target
    subclasses: bool = True
    optional: bool = False


@dataclass(frozen=True, slots=True)
class EventName:
    """The event of a method: a literal ``name``, a ``path`` into the call, or neither: the method's own name.

    ``strip`` is the literal part of the method glob before its first wildcard (``emit_`` of ``emit_*``).
    """

    name: str | None = None
    path: Path | None = None
    strip: str = ""


@dataclass(frozen=True, slots=True)
class Emitter:
    """``[[emitters]]``: a class or a function through which events leave towards users.

    ``methods`` (glob -> event) says which methods of a class emit; ``event`` names the event of a function target.
    ``payload`` is what is sent; ``mentions`` names its fields that may name other users.
    ``run`` and ``sequence`` read the id of the event's run (else: the running scope's) and its number within the run,
    ``pair`` the id of what the event opens or closes;
    ``undelivered`` lists results that mean it did not arrive.
    ``broadcast`` lists globs of methods that address everyone; ``public`` globs of events that may go to everyone.
    ``rooms`` says to whom a room or another collection of addressees may belong: "joined": whoever sends is a member;
    "shared": anybody; "personal": nobody but the one whose event it is.
    """

    target: Target
    owner: tuple[Path, ...] = ()
    addressee: tuple[Path, ...] = ()
    methods: tuple[tuple[str, EventName], ...] = (("[!_]*", EventName()),)
    event: EventName = EventName()
    broadcast: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    rooms: Literal["joined", "shared", "personal"] = "joined"
    payload: tuple[Path, ...] = ()
    mentions: tuple[str, ...] = ()
    run: tuple[Path, ...] = ()
    sequence: tuple[Path, ...] = ()
    pair: tuple[Path, ...] = ()
    undelivered: tuple[Literal["false", "none"], ...] = ()
    layer: Literal["emitter", "bridge", "sink"] = "emitter"
    subclasses: bool = True
    exclude: tuple[Target, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Rooms:
    """``[rooms.NAME]``: the callables by which users come to a room and leave it; a leave without member empties it."""

    name: str
    join: Target
    room: tuple[Path, ...]
    member: tuple[Path, ...]
    leave: tuple[Target, ...] = ()
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """``[[scopes]]``: a callable whose call is work for one user."""

    target: Target
    user: tuple[Path, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """``[[users]]``: a function whose result is the user of the request that is being served.

    ``user_id`` leads from the result to the id; None: the result is the id, or an object or a mapping that has it.
    """

    target: Target
    user_id: Path | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """``[[shared]]``: state of the process that users share; ``allow`` needs a reason."""

    target: Target
    policy: Literal["guard", "allow"] = "guard"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Protocol:
    """``[protocols.NAME]``: the order of a run's events; ``timeout`` in seconds."""

    name: str
    key: str
    order: str
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """``[service_levels]``: how long things may take, in seconds; without a limit they are only measured."""

    first_event: float | None = None
    run: float | None = None
    cleanup: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """``[limits]``: caps of every table, and the number of faults after which a target is switched off."""

    findings: int = 1_000
    users: int = 100_000
    bindings: int = 100_000
    scopes: int = 10_000
    runs: int = 10_000
    stack: int = 16
    faults: int = 10
    grace: float = 1.0
    """Seconds after the end of a unit of work in which its objects may still be there."""


@dataclass(frozen=True, slots=True)
class Select:
    """``[select]``: rules on or off (globs of codes such as ``IA1*``) and severities of your own."""

    enable: tuple[str, ...] = ("*",)
    disable: tuple[str, ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()


@dataclass(frozen=True, slots=True)
class Watch:
    """``[watch]``: mechanisms that need no targets, each on unless switched off."""

    contexts: bool = True
    payloads: bool = True
    caches: bool = True
    addressees: bool = True
    pools: bool = True
    factories: bool = True
    lifetimes: bool = True


@dataclass(frozen=True, slots=True)
class Responses:
    """``[responses]``: what may name others: ``mentions`` are fields of JSON, ``paths`` globs of URL paths."""

    mentions: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """``[scan]``: what of the source `scan` and `migrate` read, and how its references are grouped.

    ``roots`` are the folders that are on ``sys.path``; ``phases`` (name -> globs of files) the order of the migration;
    ``registry`` the Markdown document that lists imports.
    """

    roots: tuple[FilePath, ...] = ()
    exclude: tuple[str, ...] = ()
    phases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    registry: FilePath | None = None


@dataclass(frozen=True, slots=True)
class Addressees:
    """``[addressees]``: what goes to several users on purpose: globs of events, and of rooms."""

    public: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Integrations:
    """``[integrations]``: libraries that are watched without being configured, and the names of those that are not."""

    disable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """``[audit]``: how deep to look."""

    depth: Literal["calls", "state", "heap"] = "calls"


@dataclass(frozen=True, slots=True)
class State:
    """``[state]``: whose state depth ``state`` watches: packages beside the application's own modules."""

    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; ``source`` is the file it came from."""

    source: FilePath | None = None
    ambient: Ambient = field(default_factory=Ambient)
    identity: Identity = field(default_factory=Identity)
    bindings: Bindings = field(default_factory=Bindings)
    engines: tuple[Engine, ...] = ()
    deprecations: tuple[Deprecation, ...] = ()
    factories: tuple[Factory, ...] = ()
    singletons: tuple[Singleton, ...] = ()
    emitters: tuple[Emitter, ...] = ()
    rooms: tuple[Rooms, ...] = ()
    scopes: tuple[Scope, ...] = ()
    users: tuple[CurrentUser, ...] = ()
    shared: tuple[Shared, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    service_levels: ServiceLevels = field(default_factory=ServiceLevels)
    watch: Watch = field(default_factory=Watch)
    responses: Responses = field(default_factory=Responses)
    addressees: Addressees = field(default_factory=Addressees)
    integrations: Integrations = field(default_factory=Integrations)
    scan: Scan = field(default_factory=Scan)
    audit: Audit = field(default_factory=Audit)
    state: State = field(default_factory=State)
    report: Report = field(default_factory=Report)
    prometheus: Prometheus = field(default_factory=Prometheus)
    otlp: Otlp = field(default_factory=Otlp)
    journal: Journal = field(default_factory=Journal)
    exporters: tuple[Exporter, ...] = ()
    limits: Limits = field(default_factory=Limits)
    select: Select = field(default_factory=Select)
