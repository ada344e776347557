"""Work that is begun beside what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable


class WorkStarted:
    """Tasks, threads and jobs."""

    __slots__ = ()

    def task(self, task: Any) -> None:
        """A task of asyncio was made; told twice where ``asyncio.create_task`` was called."""

    def thread(self, thread: threading.Thread) -> None:
        """A thread is about to be started."""

    def job(self, future: Any, function: Any) -> None:
        """A job was given to an executor; ``future`` is what it is waited for with."""

    def ends_with_loop(self, tasks: Iterable[Any]) -> None:
        """An event loop ends, and cancels what is left: nobody has waited for it. In tests that is told at once."""
