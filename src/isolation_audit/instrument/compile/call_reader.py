"""What several paths of a call lead to, read and compared in one generated function; what they share is read once."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import LONGEST
from isolation_audit.config.paths import Attribute, Item, Path, Root
from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.compile.check import can_give
from isolation_audit.instrument.reading.attributes import reader_of
from isolation_audit.instrument.reading.layout import attribute_or_item

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from isolation_audit.config.paths import Step
    from isolation_audit.instrument.reading.layout import Layout, Values


class Expected(Enum):
    """What a value has to be, as source; of anything else the whole call is looked at in the general way."""

    USER = "type({0}) is not str or ({0} is not own and {0} != own)"
    """The id of the user at work."""
    NAME = f"type({{0}}) is not str or not 0 < len({{0}}) <= {LONGEST}"
    NUMBER = f"type({{0}}) is not int and (type({{0}}) is not str or len({{0}}) > {LONGEST})"
    GIVEN = "{0} is None"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Where one value of a call lies: a parameter, and the steps from there."""

    position: int
    steps: tuple[Step, ...]
    expected: Expected
    asked: tuple[Path, ...]
    """The paths that are asked for it; the last one gives."""
    optional: bool = False
    """True where it may be None."""

    def unless(self, value: str) -> str:
        """Source that is true where a value is not as expected."""
        found = self.expected.value.format(value)
        return f"{value} is not None and ({found})" if self.optional else found


def leaf_of(paths: tuple[Path, ...], layout: Layout, expected: Expected, *, optional: bool = False) -> Leaf | None:
    """The leaf of the first path that can give anything; None where it can't be read in line.

    Where it is ``optional``, it may give nothing, unless there are further paths to be asked then.
    """
    path = next((path for path in paths if can_give(path, layout)), None)
    if path is None or path.binding is not None or not layout.exact:
        return None
    if not all(type(step) is Attribute or type(step) is Item for step in path.steps):
        return None
    position = _position(path, layout)
    asked = paths[: paths.index(path) + 1]
    return None if position is None else Leaf(position, path.steps, expected, asked, optional and asked == paths)


def _position(path: Path, layout: Layout) -> int | None:
    if path.root is Root.SELF:
        return 0 if layout.receiver and layout.positional else None
    if path.root is not Root.ARGUMENT:
        return None
    if isinstance(path.argument, str):
        return layout.positions.get(path.argument)
    index = None if path.argument is None else path.argument + layout.receiver
    return index if index is not None and index < layout.positional else None


_USUAL: Final = (AttributeError, LookupError, TypeError)


def call_reader(leaves: Sequence[Leaf]) -> Callable[[Values, str], tuple[Any, ...] | None]:
    """``read(values, own)`` for the user id ``own``: the values of ``leaves``, None where one is not as expected.

    After the last value comes None: it stands for what a function is not given.
    """
    source = _Source()
    results = [source.leaf(leaf) for leaf in leaves]
    body = "".join(f"        {line}\n" for line in source.lines)
    text = (
        f"def read(values, own):\n    try:\n{body}        return ({''.join(f'{one}, ' for one in results)}None,)\n"
        "    except _USUAL:\n        return None\n"
        "    except Exception as error:\n        if raised_by_signal(error):\n            raise\n        return None\n"
    )
    names: dict[str, Any] = {
        "_USUAL": _USUAL,
        "raised_by_signal": raised_by_signal,
        "attribute": attribute_or_item,
        **source.names,
    }
    exec(compile(text, __file__, "exec"), names)  # noqa: S102 - made of the steps of paths, each as a literal
    read: Any = names["read"]
    return read  # type: ignore[no-any-return]


class _Source:
    """Lines that read leaves one after the other; what lies on the way of several is read for the first."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    def leaf(self, leaf: Leaf) -> str:
        """The variable that has the value of one leaf."""
        key: tuple[Any, ...] = (leaf.position,)
        found = self._variable(key, [f"{{0}} = values[{leaf.position}]"])
        for step in leaf.steps:
            key = (*key, step)
            found = self._variable(key, self._step(step, found))
        self.lines += [f"if {leaf.unless(found)}:", "    return None"]
        return found

    def _variable(self, key: tuple[Any, ...], lines: list[str]) -> str:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = f"v{len(self._known)}"
            self.lines += [line.format(known) for line in lines]
        return known

    def _step(self, step: Step, value: str) -> list[str]:
        if isinstance(step, Item):
            kinds = "dict" if isinstance(step.key, str) else "dict and kind is not list and kind is not tuple"
            return [
                f"kind = type({value})",
                f"if kind is not {kinds}:",
                "    return None",
                f"{{0}} = {value}[{_literal(step.key)}]",
            ]
        name = step.name if isinstance(step, Attribute) else ""
        usual = f"usual_{len(self.names)}"
        self.names[usual] = reader_of(name).usual
        plain = name.isidentifier() and not keyword.iskeyword(name)
        return [
            f"kind = type({value})",
            "if kind is dict:",
            f"    {{0}} = {value}[{_literal(name)}]",
            f"elif id(kind) in {usual}:",
            f"    {{0}} = {value}.{name}" if plain else f"    {{0}} = getattr({value}, {_literal(name)})",
            "else:",
            f"    {{0}} = attribute({value}, {_literal(name)})",
        ]


def _literal(key: str | int) -> str:
    """As source that stands in a template."""
    return repr(key).replace("{", "{{").replace("}", "}}")
