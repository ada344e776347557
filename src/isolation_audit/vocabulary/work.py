"""Work: requests, tasks, threads, jobs and items, from beginning to end, and with whose context they are worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import threading
    from collections.abc import Callable, Hashable, Iterable
    from contextvars import Context

    from isolation_audit.instrument.work.suspicion import Suspicion
    from isolation_audit.model.ambient import Ambient
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User


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


class RequestsArrived:
    """Requests that have been served, and whose they were."""

    __slots__ = ()

    def arrived(self, request: Request, user: User | None, endpoint: Any) -> None:
        """A request is over, and was this user's."""


class RequestContexts:
    """Context variables as a request finds and leaves them; ``sharing`` is what :meth:`begin` has given."""

    __slots__ = ()

    def begin(self, request: Request, outer: Request | None) -> Any:
        """A request begins, within another one or not; None where there is nothing to look at in the end."""
        raise NotImplementedError

    def end(self, sharing: Any, user: User | None) -> None:
        """It is over, and was ``user``'s."""


class InputsLearned:
    """What users say in their inputs."""

    __slots__ = ()

    def learn(self, inputs: Inputs, user: User) -> None:
        """What a unit was asked with is its user's."""


class ContextDoubts:
    """What is suspected of contexts, until it turns out to be harmless, or not."""

    __slots__ = ()

    def open(self, suspicion: Suspicion, where: Hashable) -> Suspicion | None:
        """Look into it from now on, in the current context and those that are copied from it; None if not worth it.

        ``where`` says which suspicions come from one place.
        """
        raise NotImplementedError

    def watch(self, suspicion: Suspicion, where: Hashable) -> bool:
        """Look what this thread does with its user; False where nobody can, or has looked often enough."""
        raise NotImplementedError

    def close(self, suspicion: Suspicion) -> None:
        """The suspected work is over: tell whether its variable was read and never set."""

    def close_with(self, suspicion: Suspicion, _task: object) -> None:
        """The same where the event loop says that a task is done: there is no probe to hold back what goes wrong."""


class ContextsOfWork:
    """Work as it is handed over, taken up and ended; ``piece`` is what a method that begins it has given."""

    __slots__ = ()

    current: Callable[[], User | None]
    """Whose work is running."""

    ambient: Ambient

    suspicions: ContextDoubts

    def user(self) -> User | None:
        """The running user; None where it is unknown, or no real user."""
        raise NotImplementedError

    def native(self) -> User | None:
        """The user whom the running context itself has, whatever the request that is being served says of its own."""
        raise NotImplementedError

    @staticmethod
    def starting(task: asyncio.Task[Any], user: User) -> None:
        """``task`` is about to start another one, in ``user``'s work."""

    @staticmethod
    def hands_on(context: Context, user: User) -> None:
        """``user``'s work has something run in ``context``, a copy of its own, later or elsewhere."""

    @staticmethod
    def hand_on_copy(user: User) -> Any:
        """The same where the copy is yet to be made; returns what has to be set again after that."""
        raise NotImplementedError

    def begin_job(self, submitter: User | None, function: Any, *, may_be_lost: bool) -> Any:
        """A pool's thread takes up a job; ``may_be_lost`` where the submitter's own context said who that was."""
        raise NotImplementedError

    def end_job(self, piece: Any) -> None:
        """The job is done; what it leaves in the thread's own context is the next one's."""

    def begin_request(self, where: Hashable) -> Any:
        """A thread takes up a request; :meth:`end_job` ends it."""
        raise NotImplementedError

    def begin_task(self, publisher: User | None, where: Hashable) -> Any:
        """A worker takes up a task; :meth:`end_task` ends it."""
        raise NotImplementedError

    def end_task(self, piece: Any, publisher: Callable[[], User | None]) -> None:
        """The task is done; asks for its ``publisher`` once more where that was unknown and matters now."""

    def begin_scheduled(self, owner: User, function: Any) -> Any:
        """A scheduler runs a job of ``owner``'s; :meth:`end_job` ends it. That it runs as nobody is as it should be."""
        raise NotImplementedError

    def begin_elsewhere(self, context: Context) -> None:
        """A worker thread has got something that it runs in ``context``; :meth:`end_item` ends it."""

    def begin_item(self, owner: User | None, queue: object, where: Callable[[], Hashable]) -> None:
        """A consumer has got an item that ``owner`` had put into ``queue``; ``where`` says which consumer."""

    def end_item(self) -> None:
        """A consumer asks for its next item."""

    def begin_thread(self, starter: User, function: Any) -> Suspicion | None:
        """A thread of ``starter``'s work begins; None where nothing is to be ended."""
        raise NotImplementedError
