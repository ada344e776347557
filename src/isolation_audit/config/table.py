"""Reads one TOML table key by key; what doesn't fit goes to the problems, and a default takes its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from isolation_audit.config.problems import Problems, Refused, choices, closest, quoted, type_name

if TYPE_CHECKING:
    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.locator import Place

T = TypeVar("T")
K = TypeVar("K")
D = TypeVar("D")

LONGEST_LIST = 1_000
"""Values that one list may have: patterns become one expression, which takes seconds to compile where it is huge."""


class Table:
    """A table under construction: it remembers which keys were asked for, so that the others are unknown.

    ``stand_in`` marks a table in place of something that isn't one; it has been reported, and lacks no keys.
    """

    def __init__(self, values: Mapping[Any, Any], place: Place, problems: Problems, *, stand_in: bool = False) -> None:
        self.place = place
        self._values = values
        self._problems = problems
        self._stand_in = stand_in
        self._known: list[str] = []
        self._missing: dict[str, str] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def holds(self, key: str, *types: type) -> bool:
        """Whether the value of ``key`` is of one of these types."""
        return isinstance(self._values.get(key), types)

    def is_empty(self, key: str) -> bool:
        """Whether ``key`` is there and holds nothing."""
        return key in self._values and not self._values[key]

    def words(self, *keys: str) -> tuple[str, ...]:
        """The keys of the table to which ``keys`` lead, read ahead of its turn."""
        value: object = self._values
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return tuple([word for word in value if isinstance(word, str)]) if isinstance(value, Mapping) else ()

    def one(self, key: str, kind: Kind[T], default: D) -> T | D:
        """One value."""
        self._known.append(key)
        if key not in self._values:
            return default
        value = self._read((*self.place, key), kind, self._values[key])
        return default if value is None else value

    def need(self, key: str, kind: Kind[T], default: T) -> T:
        """One value that must be there; ``default`` only stands in until the problem is raised."""
        if key not in self._values:
            self._missing[key] = kind.example
        return self.one(key, kind, default)

    def many(self, key: str, kind: Kind[T], default: tuple[T, ...] = ()) -> tuple[T, ...]:
        """A list of values; a single value is a list of one."""
        self._known.append(key)
        if key not in self._values:
            return default
        value = self._values[key]
        items = value if isinstance(value, (list, tuple)) else None
        if items is not None and len(items) > LONGEST_LIST:
            self.complain(
                key, f"has {len(items):,} values", f"list {LONGEST_LIST:,} at most; use patterns, as in 'bot-*'"
            )
            return default
        found: dict[T, None] = {}
        for number, item in enumerate([value] if items is None else items):
            place = (*self.place, key) if items is None else (*self.place, key, number)
            result = self._read(place, kind, item)
            if result is not None and result in found:
                self._problems.add(place, f"{quoted(str(item))} is in this list already", "remove one of the two")
            elif result is not None:
                found[result] = None
        return tuple(found)

    def need_many(self, key: str, kind: Kind[T]) -> tuple[T, ...]:
        """A list of at least one value."""
        if key not in self._values:
            self._missing[key] = f"[{kind.example}]"
        elif self.holds(key, list, tuple) and self.is_empty(key):
            self.complain(key, "is an empty list", f"write it like [{kind.example}]")
        return self.many(key, kind)

    def pairs(
        self, key: str, name: Kind[K], value: Callable[[K], Kind[T]], default: tuple[tuple[K, T], ...] = ()
    ) -> tuple[tuple[K, T], ...]:
        """A table of names and values, in the order of the file; the kind of a value may depend on its name."""
        self._known.append(key)
        if key not in self._values:
            return default
        pairs: list[tuple[K, T]] = []
        for word, item in self._mapping(key, self._values[key]).items():
            place = (*self.place, key, _part(word))
            left = self._read(place, name, word)
            right = None if left is None else self._read(place, value(left), item)
            if left is not None and right is not None:
                pairs.append((left, right))
        return tuple(pairs)

    def rest(self, kind: Kind[T]) -> tuple[tuple[str, T], ...]:
        """Every key of the table that nobody asked for, and its value."""
        keys = [key for key in self._values if isinstance(key, str) and key not in self._known]
        values = [(key, self.one(key, kind, None)) for key in keys]
        return tuple([(key, value) for key, value in values if value is not None])

    def section(self, key: str, build: Callable[[Table], T]) -> T:
        """A table of its own, ``[key]``; without it ``build`` gets an empty one."""
        self._known.append(key)
        values = self._values.get(key, {})
        inner = Table(
            self._mapping(key, values), (*self.place, key), self._problems, stand_in=not isinstance(values, Mapping)
        )
        return inner.build(build)

    def entries(self, key: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        """A list of tables, ``[[key]]``; the n-th result is that of the n-th entry, also of one that is wrong."""
        self._known.append(key)
        entries = self._values.get(key, [])
        remedy = (
            f"write [[{'.'.join(str(part) for part in (*self.place, key) if isinstance(part, str))}]] for each entry"
        )
        if not isinstance(entries, (list, tuple)):
            self.complain(key, f"expected a list of tables, not {type_name(entries)}", remedy)
            entries = []
        found: list[T] = []
        for number, entry in enumerate(entries):
            place = (*self.place, key, number)
            if stand_in := not isinstance(entry, Mapping):
                self._problems.add(place, f"expected a table, not {type_name(entry)}", remedy)
            found.append(Table({} if stand_in else entry, place, self._problems, stand_in=stand_in).build(build))
        return tuple(found)

    def named(self, key: str, build: Callable[[Table], T]) -> tuple[T, ...]:
        """Tables by name, ``[key.NAME]``; ``build`` finds the name at the end of ``place``."""

        def build_all(outer: Table) -> tuple[T, ...]:
            return tuple([outer.section(word, build) for word in outer._values if isinstance(word, str)])

        return self.section(key, build_all)

    def complain(self, key: str | None, cause: str, remedy: str) -> None:
        """Note a problem of ``key``, or of the table as a whole."""
        self._problems.add(self.place if key is None else (*self.place, key), cause, remedy)

    def build(self, build: Callable[[Table], T]) -> T:
        """What ``build`` makes of this table; afterwards its unknown and missing keys are reported."""
        built = build(self)
        for word in self._values:
            if word not in self._known:
                self._report_unknown(word)
        if not self._stand_in:
            for key, example in self._missing.items():
                self.complain(key, "is missing", f"add {key} = {example}")
        return built

    def _report_unknown(self, word: Any) -> None:
        place = (*self.place, _part(word))
        cause = f"unknown key {quoted(str(word)) if isinstance(word, str) else type_name(word)}"
        near = closest(word, self._known) if isinstance(word, str) else None
        if near:
            self._missing.pop(near, None)
            self._problems.add(place, cause, f"did you mean {near!r}?")
        elif word in ("tool", "isolation_audit") and not self.place:
            self._problems.add(place, cause, "in a file of its own the tables start at the top: [audit], [[engines]]")
        else:
            self._problems.add(place, cause, f"remove it, or choose from {choices(sorted(self._known))}")

    def _mapping(self, key: str, value: Any) -> Mapping[Any, Any]:
        if isinstance(value, Mapping):
            return value
        remedy = (
            f"write [{key}] with single brackets"
            if isinstance(value, list) and not self.place
            else f"write {key} = {{ ... }}"
        )
        self.complain(key, f"expected a table, not {type_name(value)}", remedy)
        return {}

    def _read(self, place: Place, kind: Kind[T], value: object) -> T | None:
        try:
            return kind.read(value)
        except Refused as refused:
            self._problems.add(place, refused.cause, refused.remedy)
            return None


def _part(word: object) -> str:
    return word if isinstance(word, str) else "?"
