"""Fifty ways to keep an engine after its work, and fifty twins that let it go: ``lifetime_leaks.txt``, read.

Each begins with a line of its name and of what has to be in the words that name the holder. Then comes a module with
``keep(engine)`` and ``let_go(engine)``, which both run inside of one user's unit of work, and ``end()`` for the tidying
up.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

_IMPORTS: Final = """\
import asyncio, collections, contextlib, contextvars, functools, io, itertools, logging, queue
import sched, threading, types, weakref
from concurrent.futures import Future, ThreadPoolExecutor

"""


class Leak(NamedTuple):
    """What has to be in the words that name the holder, and the module's source."""

    words: str
    source: str


def _read() -> dict[str, Leak]:
    found = {}
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    for part in text.split("#### ")[1:]:
        head, _, source = part.partition("\n")
        name, _, words = head.partition(" | ")
        found[name] = Leak(words, _IMPORTS + source)
    return found


LEAKS: Final = _read()
