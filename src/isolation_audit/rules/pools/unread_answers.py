"""Pooled connections that are handed on dirty: with an answer that nobody has read.

On a connection where one task at a time asks and reads its answer, a task that is cancelled in between leaves the
answer behind, and whoever asks next reads it. So each connection is followed: written -> answered, or written -> cut
off. Another user's writing while it is cut off is a finding.

Not followed are connections on which somebody reads all the time for everybody (pipelines, HTTP/2, subscriptions):
there the reading is not done by who asked. What a task leaves behind for itself is its own business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.owner_records import Record
from isolation_audit.model.running import running_task
from isolation_audit.model.users import Kind, same
from isolation_audit.vocabulary.pools import QuestionsAndAnswers

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_LIBRARIES: Final = ("asyncio", "contextlib.py")


@dataclass(slots=True, eq=False, repr=False)
class Dirty:
    """A resource that a user's work left as it should not be passed on, and that another user's work goes on with."""

    target: str
    how: str
    left_by: User
    taken_by: User
    record: Record
    stack: RawStack


class Exchange:
    """Questions and answers on one connection; it holds nothing of the application's."""

    __slots__ = ("answered", "asked_by", "asker", "cut_off", "paired", "readers", "shared")

    def __init__(self) -> None:
        self.asked_by: User | None = None
        """Whose work wrote last."""
        self.asker: ref[Any] | None = None
        """The task that wrote last."""
        self.answered = True
        """True once something was read since."""
        self.readers: list[ref[Any]] = []
        """The tasks that wait for something to read at this moment."""
        self.paired = False
        """True once who asked has read."""
        self.shared = False
        """True once somebody else has, for a task that was there to read: nothing can be told of this connection."""
        self.cut_off: _CutOff | None = None

    @property
    def is_read(self) -> bool:
        """True while somebody waits for something to read. A reading that was given up for good tells no end of it."""
        return any((task := reader()) is not None and not task.done() for reader in self.readers)


class _CutOff:
    """An answer that its task did not live to read."""

    __slots__ = ("asked_since", "place", "task", "user")

    def __init__(self, user: User, task: ref[Any] | None, place: RawStack) -> None:
        self.user = user
        self.task = task
        self.place = place
        self.asked_since = False


class Pools(QuestionsAndAnswers):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def user(self) -> User | None:
        """Whose work is running, where that is a user's, or somebody's with credentials of their own."""
        user = self.runtime.ambient.party()
        return user if user is not None and user.kind is Kind.USER else None

    def exchange(self, connection: Any) -> Exchange | None:
        """What is known of a connection; None for one that can't be told from another."""
        record = self.runtime.objects.record(connection)
        if record is None:
            return None
        if not isinstance(record.connection, Exchange):
            record.connection = Exchange()
        exchange: Exchange = record.connection
        return exchange

    def ask(self, exchange: Exchange, target: str) -> None:
        """Something is written; tell where an answer for another user is still to come."""
        user, task = self.user(), running_task()
        asked_by = exchange.asked_by
        if not exchange.answered and exchange.cut_off is None and asked_by is not None and _cancelled(exchange.asker):
            exchange.cut_off = _CutOff(asked_by, exchange.asker, ())
        cut_off = exchange.cut_off
        if cut_off is not None:
            cut_off.asked_since = True
            if user is not None and not same(user, cut_off.user) and self._is_dirty(exchange, cut_off, task):
                exchange.cut_off = None
                self._tell(cut_off, user, target)
        exchange.asked_by, exchange.answered = user, False
        exchange.asker = None if task is None else ref(task)

    @staticmethod
    def _is_dirty(exchange: Exchange, cut_off: _CutOff, task: Any) -> bool:
        if exchange.shared or exchange.is_read or not exchange.paired:
            return False
        left = None if cut_off.task is None else cut_off.task()
        # A task that goes on after a time limit of its own knows what it has not read.
        return left is None or (left is not task and left.done())

    def _tell(self, cut_off: _CutOff, user: User, target: str) -> None:
        stack = beneath(capture(self.runtime.config.limits.stack), _LIBRARIES)
        record = Record(self)
        record.owner, record.origin = cut_off.user, cut_off.place
        record.origin_label = "the answer was left unread for"
        how = "with an answer that was never read"
        self.runtime.publish(Dirty(target, how, cut_off.user, user, record, stack))

    def wait(self, connection: Any) -> Exchange | None:
        """A reading begins; None where nothing was asked. Whoever asked, and waits, has its answers for itself."""
        record = self.runtime.objects.get(connection)
        exchange = None if record is None else record.connection
        if not isinstance(exchange, Exchange):
            return None
        task = running_task()
        if exchange.readers:
            exchange.readers = [reader for reader in exchange.readers if reader() not in (None, task)]
        if task is not None:
            exchange.readers.append(ref(task))
        if not exchange.answered and not exchange.paired:
            asker = exchange.asker
            exchange.paired = (asker is not None and asker() is task) or self._asked(exchange, task)
        return exchange

    def answer(self, exchange: Exchange, data: Any) -> None:
        """A reading is over. No data is no answer: before it lends, a pool may look whether there is any."""
        task, readers = running_task(), exchange.readers
        if len(readers) == 1 and readers[0]() is task:
            exchange.readers = []
        else:
            _leave(exchange, task)
        if not data:
            return
        asker = exchange.asker
        by_another = not exchange.answered and (asker is None or asker() is not task)
        if by_another and _lives(asker) and not self._asked(exchange, task):
            exchange.shared = True
        exchange.answered = True
        if exchange.cut_off is not None and not exchange.cut_off.asked_since:
            exchange.cut_off = None

    def _asked(self, exchange: Exchange, task: Any) -> bool:
        if exchange.asker is not None and exchange.asker() is task:
            return True
        return exchange.asked_by is not None and exchange.asked_by is self.user()

    def fail(self, exchange: Exchange, error: BaseException) -> None:
        """A reading was broken off."""
        _leave(exchange, running_task())
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled and not exchange.answered and exchange.asked_by is not None and exchange.cut_off is None:
            place = beneath(capture(self.runtime.config.limits.stack), _LIBRARIES)
            exchange.cut_off = _CutOff(exchange.asked_by, exchange.asker, place)


def _leave(exchange: Exchange, task: Any) -> None:
    """A task reads no more."""
    if exchange.readers:
        exchange.readers = [reader for reader in exchange.readers if reader() not in (None, task)]


def _lives(task: ref[Any] | None) -> bool:
    found = None if task is None else task()
    return found is not None and not found.done()


def _cancelled(task: ref[Any] | None) -> bool:
    found = None if task is None else task()
    return found is not None and found.done() and found.cancelled()
