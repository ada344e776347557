"""What one parsed file says: plain values that go between processes and into the cache."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Span:
    """Where something stands: lines from 1, columns from 0, counted in characters."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Arguments:
    """The shape of a call: how many arguments by position, which by name, and whether some are unpacked."""

    positional: int
    keywords: tuple[str, ...]
    unpacked: bool


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name, or one alias of an import statement.

    ``path`` is what it means in the eyes of its own file: ``module:name.name`` (the module empty for the file itself,
    with dots in front for relative ones), or ``"`` and a dotted text. ``through`` are the import aliases that it comes
    from, by their place in ``Facts.imports``. ``span`` is the expression itself, without the brackets of a call.
    """

    path: str
    form: str
    span: Span
    function: str
    through: tuple[int, ...] = ()
    guard: str = ""
    arguments: Arguments | None = None
    awaitable: bool = False
    """Whether ``await`` could stand here."""
    trouble: str = ""
    """Why the text of ``span`` can't be exchanged for another: it is not exact, or means several things."""


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that may return several things: its name, where its definition begins, and their paths."""

    function: str
    span: Span
    returns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """One file: its imports and uses that may matter, and what its names mean for those who import them.

    ``exports`` maps names (``NAME``, ``Class.NAME``) to paths; no paths stand for a thing of the file's own.
    """

    imports: tuple[Use, ...] = ()
    uses: tuple[Use, ...] = ()
    exports: tuple[tuple[str, tuple[str, ...]], ...] = ()
    stars: tuple[str, ...] = ()
    exported: tuple[str, ...] | None = None
    defined: tuple[tuple[str, Span], ...] = ()
    factories: tuple[Factory, ...] = ()

    def as_json(self) -> list[Any]:
        """For the cache."""
        return list(astuple(self))

    @classmethod
    def from_json(cls, value: list[Any]) -> Facts:
        """The reverse of :meth:`as_json`.

        Raises:
            TypeError, ValueError: ``value`` is something else.
        """
        imports, uses, exports, stars, exported, defined, factories = value
        return cls(
            tuple([_use(*use) for use in imports]),
            tuple([_use(*use) for use in uses]),
            tuple([(name, tuple(paths)) for name, paths in exports]),
            tuple(stars),
            None if exported is None else tuple(exported),
            tuple([(name, Span(*span)) for name, span in defined]),
            tuple([Factory(name, Span(*span), tuple(returns)) for name, span, returns in factories]),
        )


def _use(  # noqa: PLR0913, PLR0917 - the fields in their order
    path: str,
    form: str,
    span: list[int],
    function: str,
    through: list[int],
    guard: str,
    shape: Any,
    awaitable: bool,
    trouble: str,
) -> Use:
    arguments = None if shape is None else Arguments(shape[0], tuple(shape[1]), shape[2])
    return Use(path, form, Span(*span), function, tuple(through), guard, arguments, awaitable, trouble)
