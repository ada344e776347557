"""Libraries of caches with keys: which code is theirs, and which of it wraps a function of the application's."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import TYPE_CHECKING, Final

from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.stacks import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FunctionType

_CODES: Final = 10_000
"""Codes of which it is remembered what they are."""

BELOW: Final = ("func", "method", "f", "view_func", "user_func")
"""What the wrappers that decorators make call the function below them."""


class FrameOf(Enum):
    """What a frame's code may be to a cache."""

    CALLER = "caller"
    WRAPPER = "wrapper"
    """The library's, and it may be the wrapper of a decorated function."""
    OTHER = "other"


def _no_parameters(_function: FunctionType) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Library:
    """A library's own code is in ``folders``; ``unkeyed`` names the parameters of a function that keys leave out.

    ``by_hand``: what its own decorators keep is watched elsewhere.
    """

    folders: tuple[str, ...]
    unkeyed: Callable[[FunctionType], frozenset[str]] = _no_parameters
    by_hand: bool = False

    known: dict[int, tuple[CodeType, FrameOf]] = field(default_factory=dict, compare=False)
    """What is known of code by its identity; the code is held, so that its identity stays its own."""

    def what_is(self, code: CodeType) -> FrameOf:
        """Whose code this is; what the library inherits from the standard library counts as its own."""
        known = self.known.get(id(code))
        if known is None:
            if len(self.known) >= _CODES:
                self.known.clear()
            known = self.known[id(code)] = (code, self._what_is(code))
        return known[1]

    def _what_is(self, code: CodeType) -> FrameOf:
        file = code.co_filename
        if (
            not is_ours(code)
            and not file.startswith("<frozen ")
            and not any(f"/{one}/" in file for one in self.folders)
        ):
            return FrameOf.CALLER
        may_wrap = code.co_name == "__call__" or not {*code.co_varnames, *code.co_freevars}.isdisjoint(BELOW)
        return FrameOf.WRAPPER if may_wrap and not is_ours(code) else FrameOf.OTHER
