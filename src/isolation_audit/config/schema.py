"""The JSON Schema of the configuration, for editors: made by the code that reads it, which is asked what it would take.

Each key, its type and its default are declared where they are read, in ``build``. Here an empty table notes what it is
asked for. There is no second list.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isolation_audit.config.build import build_config
from isolation_audit.config.problems import Problems
from isolation_audit.config.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.locator import Place

T = TypeVar("T")
K = TypeVar("K")
D = TypeVar("D")

Schema = dict[str, Any]

_TYPES: Final = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dt.date: "string"}


def config_schema() -> Schema:
    """The schema of a whole file (JSON Schema, draft 2020-12)."""
    either = [_asked(lists=lists) for lists in (False, True)]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of isolation-audit: isolation-audit.toml",
        **_joined(*either),
    }


def _asked(*, lists: bool) -> Schema:
    top = _Asked((), lists=lists)
    build_config(top, None)
    return top.schema()


class _Asked(Table):
    """A table that notes what it is asked for and gives the defaults; ``lists``: each key may hold a list."""

    def __init__(self, place: Place, *, lists: bool) -> None:
        super().__init__({}, place, Problems())
        self._lists = lists
        self._properties: dict[str, Schema] = {}
        self._required: list[str] = []
        self._others: Schema | bool = False

    def schema(self) -> Schema:
        """What a table of this kind may hold."""
        made: Schema = {
            "type": "object",
            "properties": self._properties,
            "additionalProperties": self._others,
        }
        return {**made, "required": self._required} if self._required else made

    def holds(self, key: str, *types: type) -> bool:  # noqa: ARG002 - the table's form
        return self._lists and list in types

    def one(self, key: str, kind: Kind[T], default: D) -> T | D:
        self._properties[key] = _value(kind) | _default(default)
        return default

    def need(self, key: str, kind: Kind[T], default: T) -> T:
        self._required.append(key)
        self._properties[key] = _value(kind)
        return default

    def many(self, key: str, kind: Kind[T], default: tuple[T, ...] = ()) -> tuple[T, ...]:
        value = _value(kind)
        self._properties[key] = {"anyOf": [value, {"type": "array", "items": value}]} | _default(default)
        return default

    def need_many(self, key: str, kind: Kind[T]) -> tuple[T, ...]:
        self._required.append(key)
        return self.many(key, kind)

    def pairs(
        self, key: str, name: Kind[K], value: Callable[[K], Kind[T]], default: tuple[tuple[K, T], ...] = ()
    ) -> tuple[tuple[K, T], ...]:
        word: Any = name.example.strip('"')
        self._properties[key] = {"type": "object", "additionalProperties": _value(value(word))}
        return default

    def rest(self, kind: Kind[T]) -> tuple[tuple[str, T], ...]:
        self._others = _value(kind)
        return ()

    def section(self, key: str, build: Callable[[Table], T]) -> T:
        inner = _Asked((*self.place, key), lists=self._lists)
        built = build(inner)
        self._properties[key] = inner.schema()
        return built

    def entries(self, key: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        inner = _Asked((*self.place, key, 0), lists=self._lists)
        build(inner)
        self._properties[key] = {"type": "array", "items": inner.schema()}
        return ()

    def named(self, key: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        inner = _Asked((*self.place, key, "name"), lists=self._lists)
        build(inner)
        self._properties[key] = {"type": "object", "additionalProperties": inner.schema()}
        return ()


def _value(kind: Kind[Any]) -> Schema:
    types = sorted({_TYPES[one] for one in kind.accepts if one in _TYPES})
    made: Schema = {
        "description": f"{kind.noun}, such as {kind.example}",
        "type": types[0] if len(types) == 1 else types,
    }
    return {**made, "enum": list(kind.words)} if kind.words else made


def _default(value: object) -> Schema:
    if isinstance(value, (str, int, float)):
        return {"default": value}
    if isinstance(value, tuple) and value and all(isinstance(one, str) for one in value):
        return {"default": list(value)}
    return {}


def _joined(one: Schema, other: Schema) -> Schema:
    """What either of two schemas allows."""
    if one == other:
        return one
    if "properties" in one and "properties" in other:
        joined = {
            **one,
            "properties": {key: _joined(one["properties"][key], other["properties"][key]) for key in one["properties"]},
        }
        joined["required"] = [key for key in one.get("required", ()) if key in other.get("required", ())]
        return joined
    for inner in ("items", "additionalProperties"):
        if isinstance(one.get(inner), dict) and isinstance(other.get(inner), dict) and one["type"] == other["type"]:
            return {**one, inner: _joined(one[inner], other[inner])}
    return {"anyOf": [one, *other.get("anyOf", [other])]}
