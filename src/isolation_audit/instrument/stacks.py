"""Stacks, captured as cheap (code, instruction) pairs and turned into readable frames only for a finding."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis import frames
from isolation_audit.analysis.frames import beneath, is_installed, own_place
from isolation_audit.analysis.texts import printable
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.shim_codes import is_shim, own_code, own_codes, shim_codes
from isolation_audit.model.findings import Frame, Site

if TYPE_CHECKING:
    from types import CodeType, FrameType

__builtins__ = BUILTINS

RawStack = frames.RawStack

_PACKAGE = str(Path(__file__).resolve().parents[1]) + "/"
_EXAMPLES = _PACKAGE + "_examples/"
_MACHINERY = ("/site-packages/wrapt/", "<frozen importlib", "<frozen runpy", "/importlib/__init__.py")

DEEP: Final = 64
"""Frames that are looked through for the application's own: frameworks and their middlewares go deep."""

_KNOWN_CODES: Final = 20_000

known_ours: dict[int, CodeType] = {}
_theirs: dict[int, CodeType] = {}
"""Answers of :func:`is_ours` by the code's identity; the code is held, so that its identity stays its own."""


def is_ours(code: CodeType) -> bool:
    """True for frames of the auditor and of the import and wrapping machinery around it."""
    key = id(code)
    if key in _theirs:
        return False
    if key in known_ours or is_shim(code):
        return True  # shims are never among the known ones, which are held: a shim goes with its function
    if key in own_codes and own_code(code) is not None:
        return False  # nor is this
    ours = is_our_file(code.co_filename)
    known = known_ours if ours else _theirs
    if len(known) >= _KNOWN_CODES:
        known.clear()
    known[key] = code
    return ours


def is_our_file(file: str) -> bool:
    """True for the auditor's own source, and for the import and wrapping machinery."""
    if file.startswith(_PACKAGE):
        return not file.startswith(_EXAMPLES)
    return any(part in file for part in _MACHINERY)


def beyond(frame: FrameType | None) -> FrameType | None:
    """The first frame, from this one on, that is none of ours."""
    # What is known as ours is stepped over without a call: this is asked at each use of a stream.
    while frame is not None and (id(frame.f_code) in known_ours or is_ours(frame.f_code)):
        frame = frame.f_back
    return frame


def place_in(code: CodeType, lasti: int) -> tuple[CodeType, int] | None:
    """A step of a stack as the code was written; None where it is none of the application's."""
    own = own_code(code) if id(code) in own_codes else None
    if own is not None:
        return own.place(lasti)
    return None if is_ours(code) else (code, lasti)


def capture(limit: int, nearest: FrameType | None = None) -> RawStack:
    """The application's innermost ``limit`` frames, starting with the caller nearest to the instrumented call.

    Those from ``nearest`` on, where that is given.
    """
    frame: FrameType | None = nearest or sys._getframe(1)  # noqa: SLF001 - a frame without a traceback's cost
    raw: list[tuple[CodeType, int]] = []
    add, theirs, ours, shims = raw.append, _theirs, known_ours, shim_codes
    while frame is not None and limit:
        code = frame.f_code
        key = id(code)
        # Whoever is at work has asked for most codes before, and shims are known: nothing is called for them.
        if key in theirs:
            add((code, frame.f_lasti))
            limit -= 1
        elif (
            key not in ours
            and not ((shim := shims.get(key)) is not None and shim() is code)
            and (place := place_in(code, frame.f_lasti)) is not None
        ):
            add(place)
            limit -= 1
        frame = frame.f_back
    return tuple(raw)


def capture_again(last: RawStack, limit: int, shim: int = 0) -> RawStack:
    """What :func:`capture` gives; ``last`` itself, which it has given before, where that is the same.

    ``shim`` says how many calls further out the shim is, where there is one: what is nearer is not looked at.
    """
    nearest = sys._getframe(shim + 1)  # noqa: SLF001 - as above
    at_shim = shim and id(nearest.f_code) in shim_codes
    frame = nearest.f_back if at_shim else beyond(sys._getframe(1))  # noqa: SLF001 - as above
    if last:
        at = frame
        for code, lasti in last:
            if at is None or (
                (at.f_code is not code or at.f_lasti != lasti)
                and (id(at.f_code) not in own_codes or place_in(at.f_code, at.f_lasti) != (code, lasti))
            ):
                break
            at = at.f_back
        else:
            if at is None or len(last) == limit:
                return last
    return () if frame is None else capture(limit, frame)


def outside_of_shim(limit: int, most: int) -> tuple[RawStack, bool] | None:
    """All frames from the caller of the shim at work to the application's ``limit``-th; None for more than ``most``.

    True beside them where the stack ends there.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as above
    while frame is not None and not is_shim(frame.f_code):
        frame = frame.f_back
    raw: list[tuple[CodeType, int]] = []
    frame = None if frame is None else frame.f_back
    while frame is not None and limit and len(raw) <= most:
        raw.append((frame.f_code, frame.f_lasti))
        limit -= not is_ours(frame.f_code)
        frame = frame.f_back
    return None if len(raw) > most else (tuple(raw), frame is None)


def frames_here(limit: int) -> RawStack:
    """The innermost ``limit`` frames, ours among them: where a place is noted that hardly anybody ever asks for."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - as above
    raw: list[tuple[CodeType, int]] = []
    while frame is not None and len(raw) < limit:
        raw.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(raw)


def captured(raw: RawStack, limit: int) -> RawStack:
    """What :func:`capture` would have given where :func:`frames_here` has given ``raw``."""
    return tuple([step for step in (place_in(*one) for one in raw) if step is not None][:limit])


def here() -> RawStack:
    """The present place, deep enough to find the application in it.

    Where only an event loop or a framework is above, it begins with the application's function that is being called.
    """
    stack = capture(DEEP)
    frame: FrameType | None = None if own_place(stack) else sys._getframe(1)  # noqa: SLF001 - as above
    while frame is not None:
        code = frame.f_code
        if is_shim(code) and not is_installed(code.co_filename):
            return ((code, 0), *stack)
        frame = frame.f_back
    return stack


def raised(error: BaseException, limit: int, libraries: tuple[str, ...]) -> RawStack:
    """Where an exception came from: its innermost ``limit`` frames, from the first one of the application's own on.

    Frames of the standard library and of installed packages are stepped over where anything else was passed; else only
    those of the ``libraries``.
    """
    raw: list[tuple[CodeType, int]] = []
    trace = error.__traceback__
    while trace is not None:
        place = place_in(trace.tb_frame.f_code, trace.tb_lasti)
        if place is not None:
            raw.append(place)
        trace = trace.tb_next
    stack = tuple(reversed(raw))
    own = own_place(stack)
    return (beneath(stack, libraries) if own is None else own.stack)[:limit]


_LONGEST_FILE: Final = 1_000
_LONGEST_NAME: Final = 300


def frame_of(code: CodeType, lasti: int) -> Frame:
    """Readable form of one step of a stack."""
    return frame_at(code.co_filename, _line(code, lasti), code.co_qualname)


def frame_at(file: str, line: int, function: str) -> Frame:
    """A frame whose texts may be shown: source that was made at run time may have any name."""
    return Frame(printable(file, _LONGEST_FILE), line, printable(function, _LONGEST_NAME))


def site(raw: RawStack | None) -> Site | None:
    """Readable form of a captured stack; None where nothing was captured."""
    return Site(tuple([frame_of(*step) for step in raw])) if raw else None


def _line(code: CodeType, lasti: int) -> int:
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= lasti < end:
            return number if number is not None else line
        line = number or line
    return line
