"""How a table of the configuration is declared: one class a table, one field a key, with all that is known of the key.

A field says the form of its value (one, a list, a table ...), the kind, the default, what it means to people, and since
which version it is there. The reader of files, the reference page and the JSON Schema come from these declarations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, dataclass_transform

from isolation_audit.config.kinds import Kind
from isolation_audit.config.values import NOWHERE, Target
from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as FilePath

    from isolation_audit.config.extraction import Extraction
    from isolation_audit.config.table import Table

T = TypeVar("T")

V01: Final = "0.1"
V02: Final = "0.2"

_OPTION = "option"
_STAND_IN = "stand_in"


@dataclass(frozen=True, slots=True)
class Reading:
    """What some kinds must know from elsewhere: the file's folder, the declared ids, the target of the entry."""

    folder: FilePath | None
    paths: Extraction
    target: Target = NOWHERE


AnyKind = Kind[Any] | Callable[[Reading], Kind[Any]]
"""A kind, or what makes it of what is known when the key is read."""

Check = Callable[["Table", Any, Mapping[str, Any]], None]
"""Looks at a value beside those that the table's earlier keys have, and complains to the table."""


def kind_at(kind: AnyKind, at: Reading) -> Kind[Any]:
    """The kind itself."""
    return kind if isinstance(kind, Kind) else kind(at)


class Form(Protocol):
    """What a key holds, and how it is read."""

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:
        """The value of ``key``, or ``default``."""


@dataclass(frozen=True, slots=True)
class One:
    """One value; a ``required`` one has a default only to stand in until the problem is raised."""

    kind: AnyKind
    required: bool = False

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:
        return (table.need if self.required else table.one)(key, kind_at(self.kind, at), default)


@dataclass(frozen=True, slots=True)
class Many:
    """A list of values; a single one may stand alone."""

    kind: AnyKind
    required: bool = False

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:
        kind = kind_at(self.kind, at)
        return table.need_many(key, kind) if self.required else table.many(key, kind, default)


@dataclass(frozen=True, slots=True)
class Pairs:
    """A table of names and values."""

    name: Kind[Any]
    value: Kind[Any]

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return table.pairs(key, self.name, lambda _: self.value, default)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of its own, ``[key]``."""

    table: type

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return table.section(key, lambda inner: read_table(self.table, inner, at))


@dataclass(frozen=True, slots=True)
class Entries:
    """A list of tables, ``[[key]]``."""

    table: type

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return table.entries(key, lambda inner: read_table(self.table, inner, at))


@dataclass(frozen=True, slots=True)
class Named:
    """Tables by name, ``[key.NAME]``."""

    table: type

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return table.named(key, lambda inner: read_table(self.table, inner, at))


@dataclass(frozen=True, slots=True)
class OwnName:
    """The name that the table has in the file, as NAME in ``[key.NAME]``; no key."""

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return str(table.place[-1])


@dataclass(frozen=True, slots=True)
class Rest:
    """Every key of the table that no other field is about."""

    kind: Kind[Any]

    def read(self, table: Table, key: str, default: Any, at: Reading) -> Any:  # noqa: ARG002 - the form's signature
        return table.rest(self.kind)


@dataclass(frozen=True, slots=True)
class Option:
    """One key: ``shown`` are the words for a default that is no value, ``key`` the name where Python needs another."""

    form: Form
    meaning: str = ""
    since: str = V01
    key: str | None = None
    shown: str | None = None
    check: Check | None = None


def option(
    form: Form,
    *,
    default: T,
    meaning: str = "",
    since: str = V01,
    key: str | None = None,
    shown: str | None = None,
    check: Check | None = None,
    repr: bool = True,  # noqa: A002 - the name that dataclasses have for it
) -> T:
    """A key that may be absent. ``meaning`` is one line of Markdown; its links start at docs/reference."""
    metadata = {_OPTION: Option(form, meaning, since, key, shown, check)}
    return field(default=default, repr=repr, metadata=metadata)


def section(*, default_factory: type[T], since: str = V01) -> T:
    """A table of its own: ``default_factory`` is its class."""
    metadata = {_OPTION: Option(Section(default_factory), since=since)}
    return field(default_factory=default_factory, metadata=metadata)


def needed(form: Form, *, meaning: str = "", since: str = V01, stand_in: Any = NOWHERE) -> Any:
    """A key that must be there; ``stand_in`` takes its place until the problem is raised."""
    required = replace(form, required=True) if isinstance(form, (One, Many)) else form
    metadata = {_OPTION: Option(required, meaning, since), _STAND_IN: stand_in}
    return field(metadata=metadata)


@dataclass_transform(frozen_default=True, field_specifiers=(option, section, needed, field))
def table(cls: type[T]) -> type[T]:
    """A frozen class of options."""
    return dataclass(frozen=True, slots=True)(cls)


def options(cls: type) -> Iterator[tuple[str, Option, Any]]:
    """The key, the declaration and the default of each field of ``cls`` that is an option."""
    for one in fields(cls):
        if declared := one.metadata.get(_OPTION):
            yield one.name, declared, _default(one)


def read_table(cls: type[T], table: Table, at: Reading, **given: Any) -> T:
    """What ``cls`` makes of ``table``; what is wrong goes to the table's problems, and defaults take its place."""
    values: dict[str, Any] = {}
    for name, declared, default in options(cls):
        values[name] = declared.form.read(table, declared.key or name, default, at)
        if name == "target":
            at = replace(at, target=values[name])
        if declared.check is not None:
            declared.check(table, values[name], values)
    return cls(**given, **values)


def only_with(other: str, key: str, cause: str, remedy: str) -> Check:
    """A check: ``key`` means nothing without ``other``."""

    def check(table: Table, value: Any, values: Mapping[str, Any]) -> None:  # noqa: ARG001 - a check's signature
        if key in table and other not in table:
            table.complain(key, cause, remedy)

    return check


def _default(one: Field[Any]) -> Any:
    if _STAND_IN in one.metadata:
        return one.metadata[_STAND_IN]
    return one.default if one.default is not MISSING else None
