"""Code from source, in the name of the function that it stands for: same file, line and name, and our own constants."""

from __future__ import annotations

from functools import lru_cache
from types import CodeType
from typing import Final

from isolation_audit.instrument.compile.source import UnwritableError

_NO_COLUMNS: Final = 13
_LONGEST_ENTRY: Final = 8
"""Code units, at most, that one entry of a table of places is for."""


def linked_code(source: str, like: CodeType, constants: dict[str, object], flags: int = 0) -> CodeType:
    """The code of the function that the factory in ``source`` makes; texts among its constants stand for ``constants``.

    Raises:
        UnwritableError: it can't be compiled.
    """
    template = _template(source, like.co_name)
    linked = tuple(
        [constants.get(constant, constant) if type(constant) is str else constant for constant in template.co_consts]
    )
    return template.replace(
        co_consts=linked,
        co_flags=template.co_flags | flags,
        co_filename=like.co_filename,
        co_firstlineno=like.co_firstlineno,
        co_name=like.co_name,
        co_qualname=like.co_qualname,
    )


@lru_cache(maxsize=512)
def _template(source: str, name: str) -> CodeType:
    try:
        # From text to code at once: a tree of Python objects in between would count in the recursion that CPython 3.11
        # counts for all threads together. dont_inherit: this file's own __future__ flags must not leak into it.
        module = compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UnwritableError(f"its signature can't be generated: {error.msg}") from None
    factory = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    made = next(constant for constant in factory.co_consts if isinstance(constant, CodeType))
    return made.replace(co_linetable=_on_the_first_line(len(made.co_code) // 2))


def _on_the_first_line(units: int) -> bytes:
    """A table of places that has all code units on the first line, without columns (see CPython's locations.md)."""
    entries = []
    while units > 0:
        length = min(units, _LONGEST_ENTRY)
        entries.append(bytes((0x80 | _NO_COLUMNS << 3 | (length - 1), 0)))
        units -= length
    return b"".join(entries)
