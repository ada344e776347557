"""A listener for tests, and ways to run the same source as it is and rewritten."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.barrier import STACK_END, Barrier
from isolation_audit.instrument.rewrite import listener
from isolation_audit.instrument.rewrite.loading import Loading

if TYPE_CHECKING:
    from pathlib import Path


class Counting:
    """A listener that counts what it is told, inside of one unit."""

    def __init__(self) -> None:
        self.told = 0

    def unit(self) -> object:
        return self

    def wrote(self, *_told: object) -> None:
        self.told += 1

    def read(self, *_told: object) -> None:
        self.told += 1

    def born(self, *_told: object) -> None:
        self.told += 1


@contextlib.contextmanager
def listening(to: Any = None):
    """Somebody listens, and no hook fails."""
    barrier, found = Barrier(), to or Counting()
    listener.listen(found, barrier)
    listener.arm([listener.ANY])
    try:
        yield found
    finally:
        listener.listen(None)
    barrier.counts.pop(STACK_END, None)  # a program that recurses to the end of its stack
    assert dict(barrier.counts) == {}


def output(code: Any, **names: Any) -> str:
    """What a program prints; an exception that ends it is printed as well."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(code, {"__name__": "program", **names})
        except Exception as error:
            print(type(error).__name__, error)
    return out.getvalue()


def plain_and_rewritten(source: str, file: Path | str) -> tuple[Any, Any]:
    """The code of a program as it is, and rewritten."""
    text = source.encode()
    return compile(text, str(file), "exec", dont_inherit=True), Loading((), Barrier()).code(text, str(file))
