"""Overrides: functions that FastAPI calls in the place of others, ``app.dependency_overrides[get_engine] = make_fake``.

Meant for tests, and often left behind. What an override builds while a test runs is the test's own affair.
"""

from __future__ import annotations

import os
import sys
import weakref
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.instrument.resolve import find, function_of
from isolation_audit.instrument.shim_codes import beneath, code_of
from isolation_audit.model import contexts
from isolation_audit.vocabulary.libraries import DependencyOverrides

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime

_APPLICATIONS: Final = 64
_OVERRIDES: Final = 1_000
_RUNNING: Final = "PYTEST_CURRENT_TEST"
"""What pytest sets while a test runs, whoever audits."""


class Override(NamedTuple):
    """``name`` runs in the place of ``original``."""

    original: str
    name: str
    in_test: bool


class Overrides(DependencyOverrides):
    """The mechanism: one an audit."""

    def __init__(self, _runtime: Runtime) -> None:
        self._applications: dict[int, weakref.ref[Any]] = {}

    def seen(self, application: Any) -> None:
        """An application that may have overrides solves dependencies."""
        known = self._applications.get(id(application))
        if (known is None or known() is not application) and len(self._applications) < _APPLICATIONS:
            self._applications[id(application)] = weakref.ref(application)

    def at_work(self) -> Override | None:
        """The override that runs here; asked where something is about to be told."""
        codes = self._codes()
        frame = sys._getframe(1) if codes else None  # noqa: SLF001 - the stack tells who builds
        while frame is not None:
            found = codes.get(code_of(frame))
            if found is not None:
                in_test = contexts.test_variable.get() is not None or _RUNNING in os.environ
                return Override(*found, in_test)
            frame = frame.f_back
        return None

    def _codes(self) -> dict[CodeType, tuple[str, str]]:
        found: dict[CodeType, tuple[str, str]] = {}
        for reference in list(self._applications.values()):
            overrides = getattr(reference(), "dependency_overrides", None)
            if type(overrides) is dict:
                for original, override in [*islice(overrides.items(), _OVERRIDES)]:
                    function = _function(override)
                    if function is not None:
                        code = beneath(function).__code__
                        found[code] = found[function.__code__] = _shown(original), _shown(override)
        return found


def _function(call: Any) -> Any:
    """What runs when it is called: a function, a bound method's, or the ``__call__`` of an object's class."""
    return (
        function_of(call)
        or function_of(getattr(call, "__func__", None))
        or function_of(find(type(call), "__call__")[1])
    )


def _shown(call: Any) -> str:
    named = call if hasattr(call, "__qualname__") else type(call)
    return f"{named.__module__}:{named.__qualname__}".replace(".<locals>", "")
