"""What integrations of job queues share: a job is a piece of work of its own, and its publisher's.

Workers run one job after the other in one context, and what a job has set there is the next one's. Whose a job is
travels beside the message: its id is bound to the user who published it. Where ``[baggage]`` asks for it, the message's
headers tell it as well, for workers that share no bindings.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.payload import Gathering
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.instrument.inputs.unlearned import Unlearned
from isolation_audit.instrument.work.jobs import Jobs
from isolation_audit.integrations import Point
from isolation_audit.model.baggage import HEADER, digest_in, with_pseudonym
from isolation_audit.model.contexts import change_unit, current_unit
from isolation_audit.model.inputs import ITEM, Input
from isolation_audit.model.user_names import field_of
from isolation_audit.model.users import STRANGER, Kind
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

RESULT: Final = "the result of a job"
"""What findings call it."""

_ARGUMENTS: Final = ("args", "_args", "kwargs", "_kwargs")
_HOLDING: Final = frozenset(map(id, (list, tuple, dict)))
_RANDOM: Final = re.compile("[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}")
"""Ids as libraries make them; one that the application made may be used again, by whomever."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Where the messages of a library have headers: a dict in which there is room for one entry more.

    ``written`` makes what reads it of the publishing call's values and result. It is asked before the call, without a
    result, or, with ``at_end``, after it.
    """

    written: Callable[[Layout], Callable[[Values, Any], Any]]
    read: Callable[[Layout], Callable[[Values], Any]]
    at_end: bool = False


@dataclass(frozen=True, slots=True)
class PublishedJobs:
    """One library: ``kind`` is the kind of id under which its jobs are bound.

    ``publishing`` names what is called with a message, or a job, before it is sent, and ``running`` what a worker calls
    to run one, never one within the other. Of a call's layout ``published_id`` makes what reads the id of the former,
    ``id_of`` that of the latter, and ``where_of`` what all runs of one job have in common.
    """

    kind: str
    publishing: tuple[str, ...]
    running: tuple[str, ...]
    published_id: Callable[[Layout], Callable[[Values], Any]]
    id_of: Callable[[Layout], Callable[[Values], Any]]
    where_of: Callable[[Layout], Callable[[Values], Hashable]]
    given_of: Callable[[Layout], Callable[[Values], Any]]
    """What the publisher has given to the job, or the message or job that holds it."""
    heads: Heads | None = None
    """None for a library whose messages have no room for others' words."""

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """A point a place."""
        if not runtime.config.watch.contexts:
            return
        runtime.bindings.handles.add(self.kind)
        marked = runtime.config.baggage.messages and self.heads is not None
        for target in self.publishing:
            yield Point(target, partial(MarkedMessagePoint if marked else MessagePoint, target, self, runtime))
        for target in self.running:
            yield Point(target, partial(TaskPoint, target, self, runtime))


class MessagePoint(Interceptor):
    """Around the making of a job's message: before it is sent, a worker can't be faster than the binding."""

    def __init__(self, place: str, jobs: PublishedJobs, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._kind = jobs.kind
        self._id = jobs.published_id(layout)
        self._current = runtime.ambient.current
        self._bindings = runtime.bindings

    def before(self, values: Values) -> Any:
        """Bind the job's id."""
        self.bind(self.publisher(), self._id(values))

    def bind(self, user: User | None, identifier: Any) -> None:
        """Bind an id; one that is known keeps its user: a retry is still the first publisher's."""
        if user is None or type(identifier) is not str or _RANDOM.fullmatch(identifier) is None:
            return
        if self._bindings.user_of(self._kind, identifier) is None:
            self._bindings.learn(self._kind, identifier, user)

    def publisher(self) -> User | None:
        """Who is running; in a job that has not said so, its own publisher. None where that is no real user."""
        user, work = self._current(), current_unit().job
        job = None if work is None else work.published
        if job is not None and (user is None or user is job.piece.native):
            user = job.publisher()
        return user if user is not None and user.kind is Kind.USER else None


class MarkedMessagePoint(MessagePoint):
    """The same where the message's headers are to tell whose it is, under the pseudonym."""

    def __init__(self, place: str, jobs: PublishedJobs, runtime: Runtime, layout: Layout) -> None:
        super().__init__(place, jobs, runtime, layout)
        assert jobs.heads is not None  # noqa: S101 - else this is no point of that library's
        self._head = jobs.heads.written(layout)
        self._at_end = jobs.heads.at_end

    def before(self, values: Values) -> Any:
        """Bind the job's id, and mark what is there by now."""
        super().before(values)
        if self._at_end:
            return values
        self._mark(self._head(values, None))
        return None

    def after(self, values: Any, result: Any) -> None:
        """Mark what the call has made."""
        self._mark(self._head(values, result))

    def _mark(self, head: Any) -> None:
        user, present = self.publisher(), head.get(HEADER) if type(head) is dict else None
        if type(head) is not dict or not (present is None or type(present) is str):
            return
        made = with_pseudonym(present, None if user is None else user.digest)
        if made is not None:
            head[HEADER] = made
        elif present is not None:
            del head[HEADER]


class _Job:
    """One run of a job; holds nothing of it."""

    __slots__ = ("_bindings", "_id", "_kind", "around", "counted", "inputs", "piece", "told")

    def __init__(self, kind: str, identifier: Any, bindings: Bindings) -> None:
        self._kind = kind
        self._id = identifier
        self._bindings = bindings
        self.piece: Any = None
        self.counted: Any = None
        self.inputs: Inputs | None = None
        """What comes in through it, from what its publisher has given on."""
        self.around: Any = None
        self.told: User | None = None
        """Whose it is by the message's own headers."""

    def publisher(self) -> User | None:
        """Whose it is, as far as is known by now: a binding may arrive after its message."""
        return self.told or self._bindings.user_of(self._kind, self._id)


class TaskPoint(Interceptor):
    """Around the running of a job in a worker."""

    def __init__(self, place: str, jobs: PublishedJobs, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._kind = jobs.kind
        self._id = jobs.id_of(layout)
        self._where = jobs.where_of(layout)
        self._given = jobs.given_of(layout)
        self._receiver = receiver(runtime)
        self._lineage = runtime.listener(ContextsOfWork)
        self._bindings = runtime.bindings
        self._jobs = runtime.part(Jobs)
        self._unlearned = runtime.part(Unlearned)
        self._exits = exits_of(runtime)
        self._users = runtime.users
        accepts = runtime.config.baggage.accept and jobs.heads is not None
        self._head = jobs.heads.read(layout) if accepts and jobs.heads is not None else None

    def _told(self, values: Values) -> User | None:
        """The user whom the message's headers name: maybe one whom only the publisher's process knows."""
        head = None if self._head is None else self._head(values)
        entry = head.get(HEADER) if type(head) is dict else None
        digest = digest_in(entry) if type(entry) is str else None
        return None if digest is None else self._users.token(STRANGER + digest)

    def before(self, values: Values) -> _Job:
        """An earlier job's user may still be there."""
        job = _Job(self._kind, self._id(values), self._bindings)
        job.told = self._told(values)
        job.counted = work = self._jobs.begin()
        publisher = job.publisher()
        job.piece = self._lineage.begin_task(publisher, self._where(values))
        work.published = job
        if self._receiver is not None:
            by = None if publisher is None else publisher.id
            given = Input(ITEM, self._given(values), texts=of_arguments, stored_by=by)
            job.around, job.inputs = current_unit().given_by, self._receiver.begin(given)
            job.inputs.user = publisher
            change_unit(given_by=job.inputs)
        return job

    def after(self, job: Any, result: Any) -> None:
        """What it gives back is its publisher's. Whoever is the user now is left behind."""
        if job.inputs is not None:
            user = job.publisher()
            if user is not None and user.kind is Kind.USER:
                self._gives(job.inputs, user, result)
            change_unit(given_by=job.around)
            job.inputs.end()
        self._jobs.end(job.counted, job.publisher())
        self._lineage.end_task(job.piece, job.publisher)

    def _gives(self, inputs: Inputs, user: User, result: Any) -> None:
        """What the job has read for its publisher explains what that one's requests give; its result leaves here."""
        if self._exits is not None and result is not None:
            self._exits.words(self.place, RESULT, user, "\0".join(Gathering(result).texts))
        self._unlearned.leaves(user, inputs)

    def failed(self, job: Any, _error: BaseException) -> None:
        """The same."""
        self.after(job, None)


def of_arguments(given: Any) -> Any:
    """Arguments, or what a message or a job holds of them by now: RQ's read them when they run."""
    if type(given) is tuple:
        return given
    held = field_of(given, "_message") or given  # dramatiq's brokers put a message into one of their own
    return [value for name in _ARGUMENTS if id(type(value := field_of(held, name))) in _HOLDING]


def given(*arguments: str) -> Callable[[Layout], Callable[[Values], Any]]:
    """A maker of what reads the message or the job of a call; or, where there are several names, all of these."""

    def make(layout: Layout) -> Callable[[Values], Any]:
        if arguments == ("self",):
            return layout.receiver_reader()
        reads = [layout.optional(name) for name in arguments]
        return reads[0] if len(reads) == 1 else lambda values: tuple([read(values) for read in reads])

    return make


def headers_of(argument: str, name: str) -> Heads:
    """Headers that are one attribute of an argument, or of ``self``, of what publishes and of what runs alike."""
    read = field(argument, name)

    def written(layout: Layout) -> Callable[[Values, Any], Any]:
        of_values = read(layout)
        return lambda values, _result: of_values(values)

    return Heads(written, read)


def field(argument: str, name: str) -> Callable[[Layout], Callable[[Values], Any]]:
    """A maker of what reads one attribute of an argument, or of ``self``."""

    def make(layout: Layout) -> Callable[[Values], Any]:
        read = layout.argument(argument) if argument != "self" else layout.receiver_reader()
        return lambda values: getattr(read(values), name, None)

    return make
