"""Shims for plain Python functions: generated code of the same signature and kind, put *into* the function object.

Exchanging ``__code__`` keeps the function's identity, so whoever took a reference earlier (``from m import f``, a route
table, a bound method, a pickle) meets the shim too, ``super()`` and method resolution stay as they were, other wrappers
may come and go above it in any order, and undoing is one assignment. All lines of the shim map to the ``def`` line.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.compile.source import (
    GATED,
    GENERATORS,
    PROBE,
    SITE,
    UnwritableError,
    shim_source,
    shown_source,
)
from isolation_audit.instrument.layout import Layout
from isolation_audit.instrument.probe import Probe
from isolation_audit.instrument.shim_codes import remember
from isolation_audit.instrument.signatures import positional_names

if TYPE_CHECKING:
    from isolation_audit.instrument.compile.check import Check
    from isolation_audit.instrument.compile.gated import Gated

_NO_COLUMNS: Final = 13
_LONGEST_ENTRY: Final = 8
"""Code units, at most, that one entry of a table of places is for."""


__all__ = ["GENERATORS", "CodePatch", "UnshimmableError", "exact_layout"]


class UnshimmableError(Exception):
    """The function's code can't be exchanged; the message says why."""


def exact_layout(function: FunctionType, *, receiver: bool) -> Layout:
    """The layout of the values that the shim of ``function`` passes to its probe."""
    code = function.__code__
    names = list(code.co_varnames)
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    ordered = names[: positional + keyword_only]
    positions = {name: index for index, name in enumerate(ordered)}
    varargs = len(ordered) if code.co_flags & inspect.CO_VARARGS else None
    varkw = len(ordered) + (varargs is not None) if code.co_flags & inspect.CO_VARKEYWORDS else None
    passed_on = {} if varargs is None else _passed_on(function, positions)
    return Layout(True, receiver, positions, positional, varargs, varkw, passed_on)


def _passed_on(function: FunctionType, own: dict[str, int]) -> dict[str, int]:
    """Positions of the parameters that a decorator's ``*args`` stand for, told by the function below it."""
    if not hasattr(function, "__wrapped__"):
        return {}
    return {name: index for index, name in enumerate(positional_names(function)) if name not in own}


class CodePatch:
    """One function with exchanged code; :meth:`undo` puts the very same code object back."""

    __slots__ = ("_check", "_gated", "_undone", "function", "original_code", "probe", "shim_code")

    def __init__(self, function: FunctionType) -> None:
        """Install the shim.

        Raises:
            UnshimmableError: the signature can't be written down as source (generated code with odd names).
        """
        self.function = function
        self.original_code = function.__code__
        self._undone = False
        twin = FunctionType(
            self.original_code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        twin.__qualname__ = function.__qualname__
        twin.__module__ = function.__module__
        self.probe = Probe(twin)
        self._install(None, None)
        self.probe.relink = self._relink

    @property
    def installed(self) -> bool:
        """False when somebody else has exchanged the code since."""
        return self.function.__code__ is self.shim_code

    @property
    def key(self) -> tuple[int, str]:
        """What is patched."""
        return id(self.function), "__code__"

    def undo(self) -> bool:
        """Restore the original code; False where another tool has put code above ours: ours stays and asks nobody."""
        self._undone = True
        self.probe.clear()
        self.probe.relink = None  # the collector does not look into code: a way back to it from there would stay
        if not self.installed:
            return False
        self.function.__code__ = self.original_code
        return True

    @property
    def place(self) -> str:
        """Where the function stands, as a target would be written."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    def source(self) -> str:
        """The shim's source, as people read it."""
        probe, name = self.probe, self.function.__name__
        return shown_source(self.original_code, probe.check, name, gated=probe.gated is not None)

    def _relink(self) -> None:
        """Others are asked than before: put the code there that asks them."""
        check, gated = self.probe.check, self.probe.gated
        if (check is self._check and gated is self._gated) or self._undone or not self.installed:
            return
        self._install(check, gated)
        if self._undone:
            # By another thread, meanwhile: its word is the last.
            self.function.__code__ = self.original_code

    def _install(self, check: Check | None, gated: Gated | None) -> None:
        self.shim_code = shim = _shim_code(self.original_code, self.probe, check, gated)
        remember(shim, self.probe.original)
        self.function.__code__ = shim
        self._check, self._gated = check, gated


def _shim_code(code: CodeType, probe: Probe, check: Check | None, gated: Gated | None) -> CodeType:
    try:
        template = _template(shim_source(code, check, gated=gated is not None), code.co_name)
    except UnwritableError as error:
        raise UnshimmableError(str(error)) from None
    if template.co_freevars != code.co_freevars:
        raise UnshimmableError(f"its closure {code.co_freevars} can't be rebuilt")
    linked: dict[object, object] = {PROBE: probe, SITE: None if check is None else check.site, GATED: gated}
    constants = tuple(
        [linked.get(constant, constant) if type(constant) is str else constant for constant in template.co_consts]
    )
    flags = template.co_flags | (code.co_flags & GENERATORS)
    return template.replace(
        co_consts=constants,
        co_flags=flags,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )


@lru_cache(maxsize=512)
def _template(source: str, name: str) -> CodeType:
    try:
        # From text to code at once: a tree of Python objects in between would count in the recursion that CPython 3.11
        # counts for all threads together. dont_inherit: this file's own __future__ flags must not leak into it.
        module = compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UnshimmableError(f"its signature can't be generated: {error.msg}") from None
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
