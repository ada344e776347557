"""What the names in the application's functions mean, as things stand; nothing of the application runs for it."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.resolve import dict_of, find

if TYPE_CHECKING:
    from types import FunctionType

UNKNOWN: Final = object()
"""What stands for a meaning that can't be told."""

LOGGING: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
"""Methods of loggers: what is handed to them goes nowhere else."""

STARTING: Final = frozenset({"asyncio.tasks", "asyncio.threads", "asyncio.taskgroups"})
"""Modules whose functions give what they are handed, later."""


def named(function: FunctionType, name: str, otherwise: Any = UNKNOWN) -> Any:
    """What a name that is not local to ``function`` means: a variable of a function around it, or of its module.

    ``otherwise`` is what it means where neither has it.
    """
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            return cell.cell_contents
        except ValueError:  # empty as yet
            return UNKNOWN
    return function.__globals__.get(name, otherwise)


def member(owner: Any, name: str) -> Any:
    """What an attribute of a module or a class means, as it stands there; unknown of anything else."""
    if issubclass(type(owner), ModuleType):
        return dict_of(owner).get(name, UNKNOWN)
    if issubclass(type(owner), type):
        home, raw = find(owner, name)
        return UNKNOWN if home is None else raw
    return UNKNOWN
