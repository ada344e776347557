"""Runs random programs as they are, rewritten and audited, and compares what they show."""

from __future__ import annotations

import contextlib
import re
import traceback
import warnings
from collections import OrderedDict, UserDict, deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar
from typing import Any

from random_state import PRELUDE
from told import Counting

from isolation_audit import user_scope
from isolation_audit.instrument.barrier import STACK_END, Barrier
from isolation_audit.instrument.rewrite import listener
from isolation_audit.instrument.rewrite.loading import Loading

FILE = "random_state_program.py"
_MOST = 4_000
_WIDE, _DEEP = 12, 6
_at_work: ContextVar[str | None] = ContextVar("at_work", default=None)


class Run:
    """One run of one program: what it has shown."""

    def __init__(self, user: Any) -> None:
        self.lines: list[str] = []
        self._user = user
        self._ticks = 0

    def of(self, prelude: Any, code: Any, pool: ThreadPoolExecutor) -> list[str]:
        """What it shows."""
        given = {
            "__name__": "random_state_program",
            "show": self.show,
            "attempt": self.attempt,
            "tick": self.tick,
            "user": self.user,
            "POOL": pool,
        }

        def run() -> None:
            try:
                exec(prelude, given)
                exec(code, given)
            except Exception as error:
                self.show(error)

        Context().run(run)
        return self.lines

    def user(self, name: str) -> Any:
        """A context manager: what runs in it is this user's work."""
        return self._user(name)

    def show(self, value: Any) -> None:
        if len(self.lines) < _MOST:
            self.lines.append(_text(value, _DEEP)[:3_000])

    def attempt(self, work: Any, *given: Any) -> None:
        try:
            self.show(work(*given))
        except Exception as error:
            self.show(error)

    def tick(self) -> bool:
        self._ticks += 1
        if self._ticks > 400:
            raise TimeoutError
        return self._ticks % 4 == 0


def _text(value: Any, deep: int) -> str:
    """The value in words that are the same in each run."""
    if deep < 0:
        return "..."
    kind = type(value)
    if isinstance(value, BaseException):
        return _error(value, deep)
    if kind in (list, tuple, deque) or (isinstance(value, list) and kind.__name__ == "Listed"):
        return f"{kind.__name__}({', '.join(_text(one, deep - 1) for one in list(value)[:_WIDE])}; {len(value)})"
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted(_text(one, deep - 1) for one in value)[:_WIDE])}; {len(value)})"
    if isinstance(value, (dict, OrderedDict)):
        found = [f"{_text(key, deep - 1)}: {_text(dict.get(value, key), deep - 1)}" for key in list(value)[:_WIDE]]
        return f"{kind.__name__}({', '.join(found)}; {len(value)})"
    if kind is UserDict:
        return f"UserDict({_text(value.data, deep - 1)})"
    try:
        return _plain(repr(value))
    except RecursionError:
        return "too deep"


def _error(error: BaseException, deep: int) -> str:
    if isinstance(error, RecursionError):
        return "RecursionError"
    where = [
        # Where a name has no value, Python 3.11 names the instruction before it, if it has joined the two meanwhile.
        (one.name,)
        if type(error) is UnboundLocalError
        else (one.name, one.lineno, one.end_lineno, one.colno, one.end_colno)
        for one in traceback.extract_tb(error.__traceback__)
        if one.filename == FILE
    ]
    given = ", ".join(_text(one, deep - 1) for one in error.args)
    return f"{type(error).__name__}({given}) {where} {'' if error.__context__ is None else type(error.__context__)}"


_addresses = re.compile(r"0x[0-9a-f]+")


def _plain(text: str) -> str:
    return _addresses.sub("0x", text)[:500]


@contextlib.contextmanager
def _nobody(_name: str) -> Any:
    yield


@contextlib.contextmanager
def _counted(name: str) -> Any:
    before = _at_work.set(name)
    try:
        yield
    finally:
        _at_work.reset(before)


class ByName(Counting):
    """A listener to whom each user is a unit."""

    def unit(self) -> object:
        return _at_work.get()


Code = tuple[Any, Any]


def codes_of(sources: list[str]) -> list[Code]:
    """Each as it is, and rewritten."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loading = Loading((), Barrier())
        return [(compile(one, FILE, "exec", dont_inherit=True), loading.code(one.encode(), FILE)) for one in sources]


def differences(sources: list[str], audited: Any) -> list[tuple[int, str, str, str]]:
    """Programs that do not do the same: their number, how they ran, and the first lines that differ.

    ``audited`` makes an audit at depth ``state``.
    """
    (before, rewritten_before), *codes = codes_of([PRELUDE, *sources])
    found = []
    with ThreadPoolExecutor(1) as pool:
        expected = [Run(_nobody).of(before, plain, pool) for plain, _rewritten in codes]

        def compare(how: str, user: Any) -> None:
            for number, (_plain_code, rewritten) in enumerate(codes):
                lines = Run(user).of(rewritten_before, rewritten, pool)
                if lines != expected[number]:
                    apart = next((pair for pair in zip(expected[number], lines) if pair[0] != pair[1]), None)
                    one, other = apart or (str(len(expected[number])), str(len(lines)))
                    found.append((number, how, one, other))

        compare("rewritten", _nobody)
        barrier = Barrier()
        listener.listen(ByName(), barrier)
        listener.arm([listener.ANY])
        try:
            compare("told", _counted)
        finally:
            listener.listen(None)
        barrier.counts.pop(STACK_END, None)
        assert dict(barrier.counts) == {}
        with audited() as audit:
            compare("audited", user_scope)
        counts = dict(audit.runtime.barrier.counts)
        counts.pop(STACK_END, None)
        assert counts == {}
    return found
