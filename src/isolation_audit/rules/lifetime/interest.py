"""Which classes are worth following: the application's own, and those whose objects have to be closed or waited for."""

from __future__ import annotations

import sys
from asyncio import Future
from threading import Thread
from typing import Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.instrument.resolve import dict_of, mro_of

_NOBODYS: Final = ("isolation_audit", "builtins", "_pytest", "pluggy", "weakref")
_CLOSES: Final = ("close", "aclose", "disconnect")


def name_of(kind: type) -> str:
    """What findings call a class."""
    return f"{kind.__module__}:{kind.__qualname__}"


def is_own(kind: type) -> bool:
    """True for a class of the application."""
    module = str(kind.__module__)
    file = getattr(sys.modules.get(module), "__file__", None)
    return module.partition(".")[0] not in _NOBODYS and type(file) is str and not is_installed(file)


def is_of_interest(kind: type) -> bool:
    """The same, and one of a library whose objects have to be closed or waited for."""
    if is_own(kind):
        return True
    if str(kind.__module__).partition(".")[0] in _NOBODYS:
        return False
    bases = mro_of(kind)
    waited_for = any(base is Future or base is Thread or base.__name__ == "Task" for base in bases)
    return waited_for or any(name in dict_of(base) for base in bases for name in _CLOSES)
