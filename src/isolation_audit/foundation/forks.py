"""What a fork waits for: steps of the auditor's own threads that hold locks, above all those of imports.

A fork in the middle of one would leave the child with a lock that nobody there gives back, and whoever imports that
module in the child, also the application, would wait for ever.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Forks:
    """Held while there must be no fork."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Let forks wait for this block; it is short, and waits for nobody else."""
        with self._lock:
            yield

    def begin(self) -> None:
        """Before a fork."""
        self._lock.acquire()

    def ended_in_parent(self) -> None:
        """After it, in the process that has forked."""
        self._lock.release()

    def ended_in_child(self) -> None:
        """After it, in the child, whose lock it is not."""
        self._lock = threading.RLock()


forks = Forks()
