"""The tables that give the application's code its roles: engines, factories, emitters, scopes, shared state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from isolation_audit.config import kinds
from isolation_audit.config.extraction import literal_prefix
from isolation_audit.config.kinds import BOOLEAN, TEXT
from isolation_audit.config.options import (
    V02,
    Check,
    Entries,
    Many,
    One,
    OwnName,
    Pairs,
    Reading,
    needed,
    only_with,
    option,
    table,
)
from isolation_audit.config.targets import MODULE_OR_TARGET, TARGET, constructor_of
from isolation_audit.config.values import NOWHERE, EventName, Target
from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    import datetime as dt

    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.paths import Path
    from isolation_audit.config.table import Table

_METHODS = ("[!_]*",)


def _constructor(at: Reading) -> Kind[Target]:
    return constructor_of(at.target)


def _same_sort(at: Reading) -> Kind[Target]:
    """The kind of a replacement: only a module is replaced by a module."""
    return TARGET if at.target.qualname else MODULE_OR_TARGET


def _made(at: Reading) -> Kind[Path]:
    return at.paths.made


def _called(at: Reading) -> Kind[Path]:
    return at.paths.called


def _addressed(at: Reading) -> Kind[Path]:
    return at.paths.addressed


def _content(at: Reading) -> Kind[Path]:
    return at.paths.content


def _event(at: Reading) -> Kind[EventName]:
    return at.paths.event()


def _not_the_target(table: Table, exclude: tuple[Target, ...], values: Mapping[str, Any]) -> None:
    target = values["target"]
    if target in exclude and target != NOWHERE:
        table.complain("exclude", f"leaves out '{target}', the target itself", "name subclasses, or remove the entry")


def _one_name_each(table: Table, pairs: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> None:
    _needs_replacement("arguments")(table, pairs, values)
    taken: dict[str, str] = {}
    for old, new in pairs:
        if new and new in taken:
            table.complain("arguments", f"{taken[new]!r} and {old!r} both become {new!r}", "give each its own name")
        taken[new] = old


def _needs_replacement(key: str) -> Check:
    cause = "says how to call a replacement, and none is named"
    return only_with("replacement", key, cause, "add replacement = ...")


def _reason_to_allow(table: Table, reason: str, values: Mapping[str, Any]) -> None:  # noqa: ARG001 - a check's signature
    if values["policy"] == "allow" and "reason" not in table:
        table.complain("policy", "'allow' needs a reason", 'add reason = "why users may share it"')


@dataclass(frozen=True, slots=True)
class _RoomsName(OwnName):
    """The name of rooms, which paths use as they use that of a binding."""

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:
        name = OwnName.read(self, table, key, default, at)
        if name in at.paths.bindings:
            table.complain("room", f"{name!r} is a binding already", "choose another name for the rooms")
        return name


@dataclass(frozen=True, slots=True)
class MethodEvents:
    """A table of globs of methods and their events, or a list of globs alone."""

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:
        if table.holds(key, str, list, tuple):
            globs = table.need_many(key, kinds.METHOD_GLOB)
            return tuple([(glob, EventName(strip=literal_prefix(glob))) for glob in globs])
        if table.holds(key, Mapping) and table.is_empty(key):
            table.complain(key, "names no method", 'write it like { "emit_*" = "*" }, or leave it out for all')

        def event_of(glob: str) -> Kind[EventName]:
            return at.paths.event(literal_prefix(glob))

        return table.pairs(key, kinds.METHOD_GLOB, event_of, default)


@table
class Engine:
    """``[[engines]]``: a class whose objects each serve one user."""

    target: Target = needed(One(TARGET), meaning="the class")
    owner: tuple[Path, ...] = option(
        Many(_made), default=(), meaning="whose an object is, read at its construction and at later calls"
    )
    subclasses: bool = option(One(BOOLEAN), default=True, meaning="subclasses are engines too")
    exclude: tuple[Target, ...] = option(
        Many(TARGET), default=(), meaning="subclasses that are not", check=_not_the_target
    )
    optional: bool = option(
        One(BOOLEAN), default=False, meaning="a target that is absent is a note instead of a finding"
    )
    constructors: tuple[Target, ...] = option(
        Many(_constructor),
        default=(),
        meaning=(
            'other ways to build one: `"from_legacy"` is a method of this class, `"app.build:make"` anything else'
        ),
    )
    methods: tuple[str, ...] = option(
        Many(kinds.METHOD_GLOB), default=_METHODS, meaning="methods whose calls are watched"
    )
    requires: tuple[str, ...] = option(Many(kinds.METHOD), default=(), meaning="methods that the class must have")
    cleanup: tuple[str, ...] = option(
        Many(kinds.METHOD),
        default=(),
        meaning="methods whose call is the clean-up, for [`[service_levels]`](#service_levels)",
        since=V02,
    )


@table
class Origin:
    """``[[deprecations.origins]]``: another constructor of what is deprecated, and what is called in its place."""

    constructor: Target = needed(
        One(_constructor), meaning="as in `constructors`, where it need not be named again", since=V02
    )
    replacement: Target = needed(
        One(replace(TARGET, example='"app.engine:Engine.from_config"')), meaning="what to call instead", since=V02
    )
    awaited: bool = option(One(BOOLEAN), default=False, key="await", meaning="that must be awaited", since=V02)
    arguments: tuple[tuple[str, str], ...] = option(
        Pairs(kinds.PARAMETER, kinds.PARAMETER_OR_NONE),
        default=(),
        meaning='its parameters by their old and their new name, which is `""` where the argument is left out',
        since=V02,
        check=_one_name_each,
    )


@table
class Deprecation:
    """``[[deprecations]]``: a class, function or module to get rid of, and what replaces it."""

    target: Target = needed(One(MODULE_OR_TARGET), meaning="what is deprecated")
    replacement: Target | None = option(
        One(_same_sort), default=None, meaning="what to use instead; a module's replacement may be a module"
    )
    awaited: bool = option(
        One(BOOLEAN),
        default=False,
        key="await",
        meaning="the replacement must be awaited; needs `replacement`",
        check=_needs_replacement("await"),
    )
    arguments: tuple[tuple[str, str], ...] = option(
        Pairs(kinds.PARAMETER, kinds.PARAMETER_OR_NONE),
        default=(),
        meaning=(
            'parameters by their old and their new name, which is `""` where the replacement takes no '
            "such argument; needs `replacement`"
        ),
        check=_one_name_each,
    )
    reason: str = option(One(TEXT), default="", meaning="shown in findings")
    deadline: dt.date | None = option(
        One(kinds.DATE), default=None, meaning="such as `2027-03-31`, without quotes and time"
    )
    owner: tuple[Path, ...] = option(Many(_made), default=(), meaning="as in `engines`")
    subclasses: bool = option(One(BOOLEAN), default=True, meaning="as in `engines`")
    exclude: tuple[Target, ...] = option(Many(TARGET), default=(), meaning="as in `engines`", check=_not_the_target)
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`")
    constructors: tuple[Target, ...] = option(Many(_constructor), default=(), meaning="as in `engines`")
    """Those of ``origins`` included."""
    origins: tuple[Origin, ...] = option(
        Entries(Origin),
        default=(),
        meaning="other constructors with a replacement and arguments of their own, see below",
        since=V02,
    )
    files: tuple[str, ...] = option(
        Many(kinds.FILE_GLOB),
        default=(),
        meaning=(
            "files that should be gone (IA805), so that everything imported from them is reported "
            "(IA801); a deprecated module's own file is one without further ado"
        ),
        since=V02,
    )

    def __post_init__(self) -> None:
        constructors = (*self.constructors, *(origin.constructor for origin in self.origins))
        object.__setattr__(self, "constructors", tuple(dict.fromkeys(constructors)))


@table
class Factory:
    """``[[factories]]``: a callable that builds an engine; ``canonical`` factories are the only proper way (IA106)."""

    target: Target = needed(
        One(replace(TARGET, example='"app.factory:create_engine"')), meaning="the function or method"
    )
    builds: Target = needed(One(TARGET), meaning="the class of its results")
    canonical: bool = option(One(BOOLEAN), default=False, meaning="the only proper way to build that class")
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`")


@table
class Singleton:
    """``[[singletons]]``: a class of which there is meant to be one object at a time (IA602)."""

    target: Target = needed(One(replace(TARGET, example='"app.registry:Registry"')), meaning="the class", since=V02)
    subclasses: bool = option(One(BOOLEAN), default=True, meaning="as in `engines`", since=V02)
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`", since=V02)


@table
class Emitter:
    """``[[emitters]]``: a class or a function through which events leave towards users."""

    target: Target = needed(One(TARGET), meaning="the class or the function")
    owner: tuple[Path, ...] = option(Many(_called), default=(), meaning="whom the emitter serves")
    addressee: tuple[Path, ...] = option(Many(_addressed), default=(), meaning="to whom this call sends")
    methods: tuple[tuple[str, EventName], ...] = option(
        MethodEvents(),
        default=(("[!_]*", EventName()),),
        meaning="the methods of a class that emit, and their events; the first glob that matches counts",
        shown='`{ "[!_]*" = "*" }`',
    )
    event: EventName = option(One(_event), default=EventName(), meaning="the event of a function", shown='`"*"`')
    broadcast: tuple[str, ...] = option(Many(kinds.METHOD_GLOB), default=(), meaning="methods that address everyone")
    public: tuple[str, ...] = option(Many(kinds.GLOB), default=(), meaning="events that may go to everyone")
    rooms: Literal["joined", "shared", "personal"] = option(
        One(kinds.choice("a kind of room", "joined", "shared", "personal")),
        default="joined",
        meaning="whose a room is, see below",
        since=V02,
    )
    payload: tuple[Path, ...] = option(
        Many(_content),
        default=(),
        meaning="what is sent: all of them are searched for identifiers of other users (`IA203`)",
    )
    mentions: tuple[str, ...] = option(
        Many(kinds.FIELD),
        default=(),
        meaning=("fields of the payload that may name other users; they are left out, with everything below them"),
        since=V02,
    )
    run: tuple[Path, ...] = option(
        Many(_content),
        default=(),
        meaning="the id of the event's run, for [`[protocols]`](#protocolsname)",
        since=V02,
        shown="the running scope's",
    )
    sequence: tuple[Path, ...] = option(
        Many(_content),
        default=(),
        meaning="the event's number within its run: the same number twice is a duplicate (`IA305`)",
        since=V02,
    )
    pair: tuple[Path, ...] = option(
        Many(_content),
        default=(),
        meaning=(
            "the id of what the event opens or closes, such as a tool call's own: it tells [pairs that "
            "overlap](#pairs-that-overlap) apart (`IA303`)"
        ),
        since=V02,
    )
    undelivered: tuple[Literal["false", "none"], ...] = option(
        Many(kinds.choice("a result", "false", "none")),
        default=(),
        meaning="results that mean that the event did not arrive (`IA306`)",
        since=V02,
    )
    layer: Literal["emitter", "bridge", "sink"] = option(
        One(kinds.choice("a layer", "emitter", "bridge", "sink")),
        default="emitter",
        meaning="an event that passes several layers is one event",
    )
    subclasses: bool = option(One(BOOLEAN), default=True, meaning="as in `engines`")
    exclude: tuple[Target, ...] = option(Many(TARGET), default=(), meaning="as in `engines`", check=_not_the_target)
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`")


@table
class Rooms:
    """``[rooms.NAME]``: the callables by which users come to a room and leave it; a leave without member empties it."""

    name: str = needed(_RoomsName())
    join: Target = needed(One(TARGET), meaning="the callable by which somebody comes to a room", since=V02)
    room: tuple[Path, ...] = needed(Many(_content), meaning="the room: text or a number", since=V02)
    member: tuple[Path, ...] = needed(
        Many(_called),
        meaning="who comes or leaves: a user, an id that is bound, or an object such as a WebSocket",
        since=V02,
    )
    leave: tuple[Target, ...] = option(
        Many(TARGET),
        default=(),
        meaning="callables by which somebody leaves; one that is called without a member closes the room",
        since=V02,
    )
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`", since=V02)


@table
class Scope:
    """``[[scopes]]``: a callable whose call is work for one user."""

    target: Target = needed(One(TARGET), meaning="the function or method")
    user: tuple[Path, ...] = needed(Many(_called), meaning="the user, known before the call runs")
    optional: bool = option(One(BOOLEAN), default=False, meaning="as in `engines`")


@table
class Shared:
    """``[[shared]]``: state of the process that users share; ``allow`` needs a reason."""

    target: Target = needed(
        One(replace(TARGET, example='"app.registry:REGISTRY"')),
        meaning="a module's variable with all that is in it, a class attribute, or a class: all its objects",
    )
    policy: Literal["guard", "allow"] = option(
        One(kinds.choice("a policy", "guard", "allow")),
        default="guard",
        meaning="a warning about it is an error; or nothing is reported about it",
    )
    reason: str = option(
        One(TEXT), default="", meaning="why users may share it; `allow` needs one", check=_reason_to_allow
    )


@table
class Protocol:
    """``[protocols.NAME]``: the order of a run's events; ``timeout`` in seconds."""

    name: str = needed(OwnName())
    key: str = needed(
        One(kinds.name("the name of an id", "run_id")),
        stand_in="",
        meaning="the id that tells runs apart, such as `run_id`",
    )
    order: str = needed(
        One(kinds.ORDER),
        stand_in="",
        meaning=(
            "events in their order: blanks for sequence, `|` for choice, `( )` for groups, `*`, `+` and "
            "`?` for repetition, `...` for [pairs that overlap](#pairs-that-overlap)"
        ),
    )
    timeout: float = option(
        One(kinds.DURATION),
        default=60.0,
        meaning="a run without any event for so long, and without its last one, has not completed",
    )
