"""The classes of all objects that there are, had without holding any of them where other threads run.

A tuple that C code is filling (``tuple(generator)``) is among the objects that the collector knows, and CPython raises
``SystemError`` in the thread that fills it if anybody else holds it at its end. So no list of all objects is ever in a
variable here: what makes one and what takes the classes out of it is a single call of C, which no other thread
interrupts.
"""

from __future__ import annotations

import gc
from itertools import chain


def kinds_of_all(generation: int | None = None) -> list[type]:
    """The class of each object that the collector knows, in one of its generations or in all of them."""
    return list(map(type, chain.from_iterable(map(gc.get_objects, (generation,)))))
