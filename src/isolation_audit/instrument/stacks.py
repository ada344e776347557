"""Stacks, captured as cheap (code, instruction) pairs and turned into readable frames only for a finding."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from isolation_audit.findings import Frame, Site
from isolation_audit.instrument.shims import is_shim

if TYPE_CHECKING:
    from types import CodeType, FrameType

RawStack = tuple[tuple["CodeType", int], ...]

_PACKAGE = str(Path(__file__).resolve().parents[1]) + "/"
_EXAMPLES = _PACKAGE + "_examples/"
_MACHINERY = ("/site-packages/wrapt/", "<frozen importlib", "<frozen runpy", "/importlib/__init__.py")


_KNOWN_CODES: Final = 20_000

_known: dict[int, tuple[CodeType, bool]] = {}
"""Answers of :func:`is_ours` by the code's identity; the code is held, so that its identity stays its own."""


def is_ours(code: CodeType) -> bool:
    """True for frames of the auditor and of the import and wrapping machinery around it."""
    if is_shim(code):
        return True
    answer = _known.get(id(code))
    if answer is None:
        if len(_known) >= _KNOWN_CODES:
            _known.clear()
        answer = _known[id(code)] = (code, _is_our_file(code.co_filename))
    return answer[1]


def _is_our_file(file: str) -> bool:
    if file.startswith(_PACKAGE):
        return not file.startswith(_EXAMPLES)
    return any(part in file for part in _MACHINERY)


def capture(limit: int) -> RawStack:
    """The application's innermost ``limit`` frames, starting with the caller nearest to the instrumented call."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame without traceback's cost
    raw: list[tuple[CodeType, int]] = []
    while frame is not None and len(raw) < limit:
        code = frame.f_code
        if not is_ours(code):
            raw.append((code, frame.f_lasti))
        frame = frame.f_back
    return tuple(raw)


def site(raw: RawStack | None) -> Site | None:
    """Readable form of a captured stack; None where nothing was captured."""
    if not raw:
        return None
    return Site(tuple(Frame(code.co_filename, _line(code, lasti), code.co_qualname) for code, lasti in raw))


def _line(code: CodeType, lasti: int) -> int:
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= lasti < end:
            return number if number is not None else line
        line = number or line
    return line
