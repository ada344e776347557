"""Sessions of an object-relational mapper: one session, two users' work, and the first one's not yet over.

A session collects changes and sends them at its next flush, whoever asks for it. Where two users' tasks share one, the
commit of one writes the half-done work of the other, and a query of one sees it. A job that works for many users in a
row by itself is one piece of work, and silent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.analysis.frames import beneath
from isolation_audit.instrument.stacks import capture, captured, frames_here
from isolation_audit.model.contexts import current_scope, moment_variable
from isolation_audit.model.owner_records import Record
from isolation_audit.model.running import running_task
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.pools.unread_answers import Dirty
from isolation_audit.vocabulary.pools import OrmSession, OrmSessions

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

_ORIGIN_FRAMES: Final = 8
_RAW_FRAMES: Final = 24
"""The same with what is left out when it is shown: ours, and what lies between."""


class Holder(OrmSession):
    """Who is in the middle of something in one session; it holds nothing of the application's."""

    __slots__ = ("changed", "kept", "moment", "place", "transaction", "user", "work")

    def __init__(self) -> None:
        self.user: User | None = None
        """None while nobody is."""
        self.work: Any = None
        """What goes on for this user: a reference to a task, or else the thread and the scope by identity."""
        self.moment: Any = None
        """The moment of the context that has used it last; see ``model/contexts.py``."""
        self.kept: Any = None
        """What that moment had of the user."""
        self.changed = False
        """True once something was changed that is not committed."""
        self.place: RawStack = ()
        """Where that was begun, with frames of ours among them."""
        self.transaction: ref[Any] | None = None
        """What they are in the middle of."""

    def keep(self, transaction: Any) -> None:
        """Note what has begun."""
        self.transaction = None if transaction is None else ref(transaction)

    def goes_on_in(self, transaction: Any) -> bool:
        """True where that is still under way."""
        return transaction is not None and self.transaction is not None and self.transaction() is transaction

    def clear(self) -> None:
        """Nobody is any more."""
        self.user = self.work = self.transaction = self.moment = self.kept = None
        self.changed, self.place = False, ()


class Sessions(OrmSessions):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def holder(self, session: Any) -> Holder | None:
        """What is known of a session; None for one that can't be told from another."""
        record = self._runtime.objects.record(session)
        if record is None:
            return None
        if record.connection is None:
            record.connection = Holder()
        holder: Holder = record.connection
        return holder

    def use(self, holder: Holder, transaction: Any, target: str, libraries: tuple[str, ...], *, changing: bool) -> None:
        """A user's work uses the session in this transaction; tell where another's is in the middle of it."""
        if not holder.goes_on_in(transaction):
            holder.clear()
            holder.keep(transaction)
        ambient, moment = self._runtime.ambient, moment_variable.get()
        if moment is not None and holder.moment is moment and ambient.is_as_kept(moment, holder.kept):
            # The same request goes on, and nobody has said anything new of whose work it is.
            holder.changed = holder.changed or changing
            return
        # Two sessions of one browser each are two pieces of work, whoever is behind them.
        user = ambient.party()
        if user is None or user.kind is not Kind.USER:
            return
        holder.moment, holder.kept = moment, None if moment is None else moment.ambient
        if holder.user is None:
            holder.user, holder.work = user, _work()
            holder.place = frames_here(_RAW_FRAMES)
        elif holder.user is not user and not same(holder.user, user):
            work = _work()
            if not _is_one(holder.work, work) and (holder.changed or _goes_on(holder.work)):
                self._tell(holder, user, target, libraries)
            # What is in there is now both users': whoever comes next is compared with the later one.
            holder.user, holder.work = user, work
        holder.changed = holder.changed or changing

    def _tell(self, holder: Holder, user: User, target: str, libraries: tuple[str, ...]) -> None:
        left_by = holder.user
        if left_by is None:
            return
        record = Record(self)
        record.owner, record.origin_label = left_by, "a transaction was begun for"
        record.origin = beneath(captured(holder.place, _ORIGIN_FRAMES), libraries)
        stack = beneath(capture(self._runtime.config.limits.stack), libraries)
        how = "in the middle of a transaction"
        self._runtime.publish(Dirty(target, how, left_by, user, record, stack))


def _work() -> Any:
    task = running_task()
    if task is not None:
        return ref(task)
    # By reference: a scope that is gone is no other one, whatever lies at its place in memory now.
    scope = current_scope()
    return (threading.get_ident(), None if scope is None else ref(scope))


def _is_one(one: Any, other: Any) -> bool:
    """True for the same piece of work; a task that is gone is no other's."""
    if isinstance(one, ref):
        return isinstance(other, ref) and one() is not None and one() is other()
    return bool(one == other)


def _goes_on(work: Any) -> bool:
    task = work() if isinstance(work, ref) else None
    return task is not None and not task.done()
