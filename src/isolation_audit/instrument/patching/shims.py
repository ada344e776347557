"""Shims for plain Python functions: generated code of the same signature and kind, put *into* the function object.

Where a check only has to be counted, it goes into the function's own code instead (``compile/inlined.py``).

Exchanging ``__code__`` keeps the function's identity, so whoever took a reference earlier (``from m import f``, a route
table, a bound method, a pickle) meets the shim too, ``super()`` and method resolution stay as they were, other wrappers
may come and go above it in any order, and undoing is one assignment. All lines of the shim map to the ``def`` line.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING

from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.compile.source import (
    GATED,
    GENERATORS,
    PROBE,
    SITE,
    UnwritableError,
    shim_source,
    shown_source,
)
from isolation_audit.instrument.patching.linked import linked_code
from isolation_audit.instrument.reading.layout import Layout
from isolation_audit.instrument.shim_codes import own_code, remember, remember_inlined
from isolation_audit.instrument.signatures import positional_names

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.instrument.compile.check import Check
    from isolation_audit.instrument.compile.gated import Gated

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
        self.shim_code: CodeType
        self._check: Check | None = None
        self._gated: Gated | None = None
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
        inlined = own_code(self.shim_code) is not None
        return shown_source(self.original_code, probe.check, name, gated=probe.gated is not None, inlined=inlined)

    def _relink(self) -> None:
        """Others are asked than before: put the code there that asks them."""
        check, gated = self.probe.check, self.probe.gated
        same = check is self._check and gated is self._gated and (self.shim_code is not self.original_code)
        if (same and len(self.probe)) or self._undone or not self.installed:
            return
        if len(self.probe):
            self._install(check, gated)
        else:
            # Nobody is asked any more: it costs nothing any more.
            self.shim_code = self.function.__code__ = self.original_code
            self._check, self._gated = None, None
        if self._undone:
            # By another thread, meanwhile: its word is the last.
            self.function.__code__ = self.original_code

    def _install(self, check: Check | None, gated: Gated | None) -> None:
        code, own = self.original_code, None
        if check is not None:
            try:
                from isolation_audit.instrument.patching.inlined import inlined  # with what writes instructions

                own = inlined(self.function, code, check, self.probe)
            except Exception as fault:  # whatever is not as it is known: a shim takes any code
                self.probe.not_inlined(fault)
        if own is None:
            self.shim_code = _shim_code(code, self.probe, check, gated)
            remember(self.shim_code, self.probe.original)
        else:
            self.shim_code = own.code
            remember_inlined(own, code, self.probe.original)
        self.function.__code__ = self.shim_code
        self._check, self._gated = check, gated


def _shim_code(code: CodeType, probe: Probe, check: Check | None, gated: Gated | None) -> CodeType:
    linked: dict[str, object] = {PROBE: probe, SITE: None if check is None else check.site, GATED: gated}
    try:
        shim = linked_code(shim_source(code, check, gated=gated is not None), code, linked, code.co_flags & GENERATORS)
    except UnwritableError as error:
        raise UnshimmableError(str(error)) from None
    if shim.co_freevars != code.co_freevars:
        raise UnshimmableError(f"its closure {code.co_freevars} can't be rebuilt")
    return shim
