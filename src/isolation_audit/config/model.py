"""The typed, frozen configuration as a whole; the tables that are about code, users and outputs are next door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from isolation_audit.config import kinds
from isolation_audit.config.identity import Ambient, Bindings, CurrentUser, Holder, Identity
from isolation_audit.config.kinds import BOOLEAN
from isolation_audit.config.options import V02, Entries, Many, Named, One, Pairs, option, section, table
from isolation_audit.config.outputs import Baggage, Exporter, Journal, Otlp, Prometheus, Report, in_folder
from isolation_audit.config.roles import (
    Deprecation,
    Emitter,
    Engine,
    Factory,
    Origin,
    Protocol,
    Rooms,
    Scope,
    Shared,
    Singleton,
)
from isolation_audit.config.values import EventName, Target
from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from pathlib import Path as FilePath

__all__ = [
    "Addressees",
    "Ambient",
    "Audit",
    "Bindings",
    "Config",
    "CurrentUser",
    "Deprecation",
    "Emitter",
    "Engine",
    "EventName",
    "Exporter",
    "Factory",
    "Holder",
    "Identity",
    "Integrations",
    "Journal",
    "Lifetimes",
    "Limits",
    "Origin",
    "Otlp",
    "Prometheus",
    "Protocol",
    "Report",
    "Responses",
    "Rooms",
    "Scan",
    "Scope",
    "Select",
    "ServiceLevels",
    "Shared",
    "Singleton",
    "State",
    "Target",
    "Watch",
]

_LIMIT = replace(kinds.DURATION, example='"2s"')
_WORDS = kinds.choice("a severity", *map(str, Severity))
_SEVERITY: kinds.Kind[Severity] = replace(_WORDS, parse=lambda word: Severity(_WORDS.parse(word)))


@table
class ServiceLevels:
    """``[service_levels]``: how long things may take, in seconds; without a limit they are only measured."""

    first_event: float | None = option(
        One(_LIMIT),
        default=None,
        meaning="from the beginning of a run to the first event emitted in it (`IA701`)",
        since=V02,
    )
    run: float | None = option(
        One(_LIMIT), default=None, meaning="from the beginning of a run to its end (`IA701`)", since=V02
    )
    cleanup: float | None = option(
        One(_LIMIT),
        default=None,
        meaning="one call of a method that `engines.cleanup` names (`IA702`); refused where none does",
        since=V02,
    )


@table
class Watch:
    """``[watch]``: mechanisms that need no targets, each on unless switched off."""

    contexts: bool = option(
        One(BOOLEAN), default=True, meaning="whose context tasks, threads, jobs and requests run in", since=V02
    )
    payloads: bool = option(
        One(BOOLEAN),
        default=True,
        meaning=(
            "what leaves in responses and messages, and what comes back on streams; see "
            "[payloads](../explanation/payloads.md)"
        ),
        since=V02,
    )
    caches: bool = option(One(BOOLEAN), default=True, meaning="for whom a cached value was computed", since=V02)
    addressees: bool = option(
        One(BOOLEAN),
        default=True,
        meaning="who receives what goes to a connection, a room, a listener or everyone",
        since=V02,
    )
    pools: bool = option(
        One(BOOLEAN), default=True, meaning="what a pooled connection or session keeps of its last user", since=V02
    )
    factories: bool = option(
        One(BOOLEAN),
        default=True,
        meaning=(
            "functions of the application that make an object when there is none yet, and classes that "
            "share a configured name"
        ),
        since=V02,
    )
    lifetimes: bool = option(
        One(BOOLEAN),
        default=True,
        meaning=("which engines, emitters and contexts outlive the work that they were made for, and who holds them"),
        since=V02,
    )


@table
class Lifetimes:
    """``[lifetimes]``: what a unit of work starts, and is meant to go on when that is over."""

    background: tuple[str, ...] = option(
        Many(kinds.GLOB),
        default=(),
        meaning=(
            "globs of functions (`refresh_*`, `Mailer.run`), and of names of tasks and threads, that may go on for "
            "as long as they like ([IA506](../rules/IA506.md))"
        ),
        since=V02,
    )


@table
class Responses:
    """``[responses]``: what may name others: ``mentions`` are fields of JSON, ``paths`` globs of URL paths."""

    mentions: tuple[str, ...] = option(
        Many(kinds.FIELD),
        default=(),
        meaning=(
            "fields of a JSON body that may name other users, besides those of "
            "[attribution](silent.md#payloads); they are left out, with everything below them"
        ),
        since=V02,
    )
    paths: tuple[str, ...] = option(
        Many(kinds.GLOB),
        default=(),
        meaning="URL paths whose responses may name anybody, such as pages for administrators",
        since=V02,
    )


@table
class Addressees:
    """``[addressees]``: what goes to several users on purpose: globs of events, and of rooms."""

    public: tuple[str, ...] = option(
        Many(kinds.GLOB),
        default=(),
        meaning=(
            "events that may go to others, whoever is named in them; a WebSocket message names its event "
            "by `event`, `type` or `kind` in its JSON"
        ),
        since=V02,
    )
    shared: tuple[str, ...] = option(
        Many(kinds.GLOB),
        default=(),
        meaning="rooms and groups named for one user in which others may listen",
        since=V02,
    )


@table
class Integrations:
    """``[integrations]``: libraries that are watched without being configured, and the names of those that are not."""

    disable: tuple[str, ...] = option(
        Many(kinds.name("the name of an integration", "starlette")),
        default=(),
        meaning="integrations that leave their library alone",
        since=V02,
    )


@table
class Scan:
    """``[scan]``: what of the source `scan` and `migrate` read, and how its references are grouped."""

    roots: tuple[FilePath, ...] = option(
        Many(in_folder),
        default=(),
        meaning=(
            "the folders that are on `sys.path`. Guessed are: the scanned paths, the configuration's "
            "folder, `src` in each of them, and the folder above each package"
        ),
        since=V02,
        shown="guessed",
    )
    exclude: tuple[str, ...] = option(
        Many(kinds.FILE_GLOB),
        default=(),
        meaning=(
            "files and folders that are not read. Folders with a dot in front, `__pycache__`, "
            "`node_modules` and virtual environments never are"
        ),
        since=V02,
    )
    phases: tuple[tuple[str, tuple[str, ...]], ...] = option(
        Pairs(kinds.PHASE, kinds.FILE_GLOBS),
        default=(),
        meaning="the order of the migration; a file is in the first phase that names it",
        since=V02,
    )
    registry: FilePath | None = option(
        One(in_folder), default=None, meaning="the Markdown document that lists imports (IA806)", since=V02
    )


@table
class Audit:
    """``[audit]``: how deep to look."""

    depth: Literal["calls", "state", "heap"] = option(
        One(kinds.DEPTH),
        default="calls",
        meaning=(
            "how deep to look: at calls only; also at what modules keep ([depth "
            "`state`](../explanation/state.md)); also at what is left in memory"
        ),
    )


@table
class State:
    """``[state]``: whose state depth ``state`` watches: packages beside the application's own modules."""

    packages: tuple[str, ...] = option(
        Many(kinds.PACKAGE),
        default=(),
        meaning=(
            "packages and modules that are rewritten as well: libraries that keep something for the "
            "application, or an application that is installed as a package"
        ),
        since=V02,
    )
    libraries: bool = option(
        One(BOOLEAN),
        default=True,
        meaning=(
            "rewrite the [modules of libraries](../explanation/state.md#what-is-rewritten) that are known to keep "
            "something for whoever calls them"
        ),
        since=V02,
    )


@table
class Limits:
    """``[limits]``: caps of every table, and the number of faults after which a target is switched off."""

    findings: int = option(One(kinds.COUNT), default=1_000, meaning="distinct findings kept")
    users: int = option(One(kinds.COUNT), default=100_000, meaning="users known at a time")
    bindings: int = option(One(kinds.COUNT), default=100_000, meaning="ids mapped to users")
    scopes: int = option(One(kinds.COUNT), default=10_000, meaning="ended scopes that wait for the ways out")
    runs: int = option(
        One(kinds.COUNT), default=10_000, meaning="runs followed at a time, for each protocol", since=V02
    )
    stack: int = option(One(kinds.COUNT), default=16, meaning="frames of a captured stack")
    faults: int = option(
        One(kinds.COUNT), default=10, meaning="faults of the auditor at a target before that target is switched off"
    )
    grace: float = option(
        One(kinds.DURATION),
        default=1.0,
        meaning=(
            'seconds, or a duration such as `"500ms"`, for which the engines, emitters and contexts of a '
            "unit of work may still be there when it has ended ([IA501](../rules/IA501.md))"
        ),
        since=V02,
    )
    unended: float = option(
        One(kinds.DURATION),
        default=30.0,
        meaning=(
            "seconds, or a duration, for which the tasks, threads and jobs of a unit of work may run on when it has "
            "ended ([IA506](../rules/IA506.md)), and its engines go without a clean-up ([IA703](../rules/IA703.md)); "
            "at the end of the process it is `limits.grace`"
        ),
        since=V02,
    )
    warm_up: float = option(
        One(kinds.DURATION),
        default=1_800.0,
        meaning=(
            "seconds, or a duration, from the start on, for which number and size of what is made to last, such as "
            "users' sessions, may grow ([IA502](../rules/IA502.md)); longer than such a thing lives"
        ),
        since=V02,
    )


@table
class Select:
    """``[select]``: rules on or off (globs of codes such as ``IA1*``) and severities of your own."""

    enable: tuple[str, ...] = option(Many(kinds.CODE), default=("*",), meaning="the rules that run")
    disable: tuple[str, ...] = option(Many(kinds.CODE), default=(), meaning="the ones of those that don't")
    severity: tuple[tuple[str, Severity], ...] = option(
        Pairs(kinds.CODE, _SEVERITY), default=(), meaning="how bad a finding is", shown="the rule's own"
    )


@table
class Config:
    """The whole configuration; ``source`` is the file it came from."""

    source: FilePath | None = None
    ambient: Ambient = section(default_factory=Ambient)
    identity: Identity = section(default_factory=Identity)
    bindings: Bindings = section(default_factory=Bindings)
    engines: tuple[Engine, ...] = option(Entries(Engine), default=())
    deprecations: tuple[Deprecation, ...] = option(Entries(Deprecation), default=())
    factories: tuple[Factory, ...] = option(Entries(Factory), default=())
    singletons: tuple[Singleton, ...] = option(Entries(Singleton), default=())
    emitters: tuple[Emitter, ...] = option(Entries(Emitter), default=())
    rooms: tuple[Rooms, ...] = option(Named(Rooms), default=())
    scopes: tuple[Scope, ...] = option(Entries(Scope), default=())
    users: tuple[CurrentUser, ...] = option(Entries(CurrentUser), default=())
    shared: tuple[Shared, ...] = option(Entries(Shared), default=())
    protocols: tuple[Protocol, ...] = option(Named(Protocol), default=())
    service_levels: ServiceLevels = section(default_factory=ServiceLevels)
    watch: Watch = section(default_factory=Watch)
    lifetimes: Lifetimes = section(default_factory=Lifetimes)
    responses: Responses = section(default_factory=Responses)
    addressees: Addressees = section(default_factory=Addressees)
    integrations: Integrations = section(default_factory=Integrations)
    scan: Scan = section(default_factory=Scan)
    audit: Audit = section(default_factory=Audit)
    state: State = section(default_factory=State)
    report: Report = section(default_factory=Report)
    prometheus: Prometheus = section(default_factory=Prometheus)
    otlp: Otlp = section(default_factory=Otlp)
    baggage: Baggage = section(default_factory=Baggage, since=V02)
    journal: Journal = section(default_factory=Journal)
    exporters: tuple[Exporter, ...] = option(Named(Exporter), default=())
    limits: Limits = section(default_factory=Limits)
    select: Select = section(default_factory=Select)
