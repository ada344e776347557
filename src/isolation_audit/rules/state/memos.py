"""Memos: what a function keeps the first time it is called, and gives to whoever calls it later.

``if key not in KEPT: KEPT[key] = made_of(user)`` is right where the key tells users apart. Where another user is given
what is kept, it does not. Most of what functions keep like this is made of nobody: prices, templates, connections. So
it takes evidence that this is a user's: the function makes it from who is running, or from a parameter that holds them.
"""

from __future__ import annotations

import re
import sys
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Final, NamedTuple

from isolation_audit.analysis.value_sources import Given, Source
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.reading.user_arguments import of_frame
from isolation_audit.instrument.shim_codes import code_of
from isolation_audit.rules.caches.served import Caches
from isolation_audit.vocabulary.caches import Memo

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User
    from isolation_audit.rules.state.literals import Literals
    from isolation_audit.vocabulary.caches import ReadsFunctions

__builtins__ = BUILTINS

_FRAMES: Final = 12


class MemoReader(NamedTuple):
    """The running function, where it reads what it has kept itself; ``holders`` are parameters that hold the user."""

    code: CodeType
    namespace: dict[str, object]
    holders: frozenset[str]


def kept_by(read: AccessSite, written: AccessSite, reader: User | None) -> MemoReader | None:
    """The function that is reading, if it has written there as well."""
    if reader is None or (read.file, read.function) != (written.file, written.function):
        return None
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    for _ in range(_FRAMES):
        if frame is None:
            return None
        code = code_of(frame)
        if code.co_filename == read.file and code.co_qualname == read.function:
            return MemoReader(code, frame.f_globals, of_frame(frame, reader.id))
        frame = frame.f_back
    return None


class Memos:
    """Reads the functions of one audit."""

    def __init__(self, runtime: Runtime, literals: Literals) -> None:
        self._caches = runtime.part(Caches)
        self._literals = literals

    def is_made_of_users(self, kept: MemoReader, written: AccessSite) -> bool:
        """True where the function makes what it keeps from who is running, if nothing is kept yet."""
        if not _asks_first(self._literals.function(written), written.expression):
            return False
        return self._caches.source(_Line(kept, written.line)) >= Source.USER


class _Line(Memo):
    """What a function keeps at one of its lines."""

    __slots__ = ("_line",)

    def __init__(self, kept: MemoReader, line: int) -> None:
        # Its closure is not held: what is in it may be a user's.
        cells = tuple([CellType() for _ in kept.code.co_freevars])
        function = FunctionType(kept.code, kept.namespace, kept.code.co_name, None, cells)
        function.__qualname__ = kept.code.co_qualname
        given: Given = frozenset((name, Source.USER) for name in kept.holders)
        super().__init__(function, given)
        self._line = line

    def source(self, reading: ReadsFunctions, receiver: type | None) -> Source:  # noqa: ARG002 - the base's form
        return reading.stored(self.function, self._line, self.given)


def _asks_first(function: str, expression: str) -> bool:
    """True where the text of a function asks whether there is something, before it puts something there."""
    expression = expression.casefold()
    whole = re.escape(expression)
    container, _, _key = expression.rpartition("[")
    holder, _, name = expression.rpartition(".")
    forms = [rf"\bif not {whole}", rf"{whole} is None".casefold(), rf"{whole} = {whole} or\b"]
    if container:
        inside = re.escape(container)
        forms += [
            rf"\bin {inside}(?!\w)",
            rf"{inside}\.(?:get|setdefault)\(",
            r"\bexcept (?:\w+\.)?(?:key|lookup)error",
        ]
    elif holder:
        forms += [rf"attr\({re.escape(holder)}, [\"']{re.escape(name)}[\"']", r"\bexcept attributeerror"]
    return any(re.search(form, function) for form in forms)
