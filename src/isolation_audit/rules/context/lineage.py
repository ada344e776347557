"""Context lineage: whose user a task, a thread, a job or a queued item should have, and whose user its context has.

A child that has its parent's context is no finding: it is how context variables are meant to work. What is suspected:

- a job in a pool whose thread has another user than the one who submitted it, or one that an earlier job left there;
- an item of one user, taken from a queue by a task that was started within another user's work, has outlived it, and
  serves them both; or by a consumer that still has the user of an earlier item;
- a request that a thread serves, where an earlier request's user is still there;
- a task that a worker runs, where an earlier task's user is still there, who is not its publisher;
- a job that a scheduler runs with another user than the one who has scheduled it;
- a job, or a thread, that has nobody, though it was started in a user's work.

What then becomes of a suspicion is for :mod:`suspicions`.
"""

from __future__ import annotations

from contextlib import suppress
from threading import get_ident
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.work.suspicion import Suspicion
from isolation_audit.model.contexts import (
    change_unit,
    current_scope,
    current_unit,
    residue_variable,
    suspicion_variable,
    task_origin_variable,
    turn_variable,
    unit_of_work,
)
from isolation_audit.model.residue import Residue
from isolation_audit.model.runners import POOL, brought, runner, running_thread
from isolation_audit.model.running import running_loop, running_task
from isolation_audit.model.unit_of_work import NO_UNIT, UnitOfWork
from isolation_audit.model.users import Kind, User, same
from isolation_audit.rules.context.brought_contexts import look_into
from isolation_audit.rules.context.context_residue import ContextResidue
from isolation_audit.rules.context.library_residue import LibraryResidue
from isolation_audit.rules.context.mailboxes import Mailboxes
from isolation_audit.rules.context.pieces_of_work import Elsewhere, PieceOfWork
from isolation_audit.rules.context.shared_values import SharedValues
from isolation_audit.rules.context.suspicions import Suspicions
from isolation_audit.rules.context.task_origins import TaskOrigin, Turn, own_origin
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable
    from contextvars import Context

    from isolation_audit.instrument.runtime import Runtime

_USER: Final = Kind.USER  # read for each task and each queued item

SUBMITTED: Final = "a job of {owner} ran with the user {ambient} of its pool's thread"
LEFT_BY_JOB: Final = "a job ran with the user {ambient}, whom an earlier job had left on its pool's thread"
LEFT_BY_REQUEST: Final = "a request ran with the user {ambient}, whom an earlier request had left on its thread"
LEFT_BY_TASK: Final = "a task ran with the user {ambient}, whom an earlier task had left in its worker"
PUBLISHED: Final = (
    "a task that {owner} had published ran with the user {ambient}, whom an earlier task had left in its worker"
)
SCHEDULED: Final = "a job that {owner} had scheduled ran with the user {ambient}"
OUTLIVED: Final = (
    "what {owner} had queued was worked on with the user {ambient}, in whose work the long-lived task was started"
)
LEFT_BY_ITEM: Final = "what {owner} had queued was worked on with the user {ambient} of an earlier item"
LOST_IN_POOL: Final = "a job that {owner} had submitted ran in its pool without a user"
LOST_IN_THREAD: Final = "a thread that was started in the work of {owner} ran without a user"


class Lineage(ContextsOfWork):
    """The lineage of contexts in one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.current = runtime.ambient.current
        self.ambient = runtime.ambient
        self.suspicions: Suspicions = runtime.part(Suspicions)
        self.library_residue: LibraryResidue = runtime.part(LibraryResidue)
        self._mailboxes = Mailboxes()
        self._context_residue: ContextResidue = runtime.part(ContextResidue)

    def user(self) -> User | None:
        """The running user; None where it is unknown, or no real user."""
        current = self.current
        user = current()
        return user if user is not None and user.kind is _USER else None

    def native(self) -> User | None:
        """The user whom the running context itself has, whatever the request that is being served says of its own."""
        ambient = self.ambient
        user = ambient.in_context() if ambient.asks or current_scope() is not None else None
        return user if user is not None and user.kind is _USER else None

    @staticmethod
    def starting(task: asyncio.Task[Any], user: User) -> None:
        """``task`` is about to start another one, in ``user``'s work."""
        starter: TaskOrigin | None = task_origin_variable.get()
        turn = _turn(user)
        if starter is None or not starter.is_same(task, user, turn):
            task_origin_variable.set(TaskOrigin(task, user, turn, own_origin()))

    @staticmethod
    def hands_on(context: Context, user: User) -> None:
        """``user``'s work has something run in ``context``, a copy of its own, later or elsewhere."""
        starter = _starter(user)
        if starter is not None:
            # Raises where the context is in use at this moment: then it is no copy, and not for somebody else.
            with suppress(RuntimeError):
                context.run(task_origin_variable.set, starter)

    @staticmethod
    def hand_on_copy(user: User) -> TaskOrigin | None:
        """The same where the copy is yet to be made; returns what has to be set again after that."""
        before: TaskOrigin | None = task_origin_variable.get()
        task_origin_variable.set(_starter(user) or before)
        return before

    def begin_job(self, submitter: User | None, function: Any, *, may_be_lost: bool) -> PieceOfWork:
        """A pool's thread takes up a job; ``may_be_lost`` where the submitter's own context said who that was."""
        native, context = self.native(), brought(function)
        piece = self._begin(submitter, native, lambda: _code(function))
        _take_turn(piece)
        if context is not None:
            self._enter(piece, piece.turn, context)
            if submitter is not None:
                piece.kept = look_into(context, submitter, self.native, self.suspicions, _code(function))
        if (submitter is not None or native is not None) and context is None:
            suspicion = _of_job(submitter, native, may_be_lost=may_be_lost)
            if suspicion is not None:
                piece.suspicion = self.suspicions.open(suspicion, _code(function))
        return piece

    def end_job(self, piece: PieceOfWork) -> None:
        """The job is done; what it leaves in the thread's own context is the next one's."""
        user = self.native()
        if user is not None and user is not piece.native:
            Residue().user = user
        self._end(piece, user or self.user() or piece.owner)

    def begin_request(self, where: Hashable) -> PieceOfWork:
        """A thread takes up a request; :meth:`end_job` ends it."""
        native = self.native()
        piece = self._begin(None, native, lambda: where)
        _take_turn(piece)
        if native is not None and _left(native):
            piece.suspicion = self.suspicions.open(Suspicion(LEFT_BY_REQUEST, native, None), where)
        return piece

    def begin_task(self, publisher: User | None, where: Hashable) -> PieceOfWork:
        """A worker takes up a task; :meth:`end_task` ends it."""
        suspicion_variable.set(None)  # of the pool's thread: this one knows more
        native = self.native()
        piece = self._begin(publisher, native, lambda: where)
        _take_turn(piece)
        if native is not None and _left(native) and (publisher is None or not same(publisher, native)):
            how = LEFT_BY_TASK if publisher is None else PUBLISHED
            piece.suspicion = self.suspicions.open(Suspicion(how, native, publisher), where)
        return piece

    def end_task(self, piece: PieceOfWork, publisher: Callable[[], User | None]) -> None:
        """The task is done; asks for its ``publisher`` once more where that was unknown and matters now."""
        suspicion = piece.suspicion
        if suspicion is not None and suspicion.read and not suspicion.over and piece.owner is None:
            piece.owner = suspicion.owner = publisher()
            if piece.owner is not None:
                suspicion.how = PUBLISHED
                suspicion.over = piece.native is not None and same(piece.native, piece.owner)
        self.end_job(piece)

    def begin_scheduled(self, owner: User, function: Any) -> PieceOfWork:
        """A scheduler runs a job of ``owner``'s; :meth:`end_job` ends it. That it runs as nobody is as it should be."""
        suspicion_variable.set(None)  # of the pool's thread: whoever has woken the scheduler is not whose job it is
        native = self.native()
        piece = self._begin(owner, native, lambda: _code(function))
        _take_turn(piece)
        if native is not None and not same(native, owner):
            piece.suspicion = self.suspicions.open(Suspicion(SCHEDULED, native, owner), _code(function))
        return piece

    def begin_elsewhere(self, context: Context) -> None:
        """A worker thread has got something that it runs in ``context``; :meth:`end_item` ends it.

        From here on it works for all, whoever has started it.
        """
        elsewhere, unit = Elsewhere(), current_unit()
        if unit.request is unit.client is unit.job is None:  # as change_unit(): it gets several for each request
            unit = UnitOfWork()
            unit.item = elsewhere
            unit_of_work.set(unit)
        else:
            change_unit(item=elsewhere, given_by=None, runs_for=None)
        self._enter(elsewhere, elsewhere, context)

    def _enter(self, piece: PieceOfWork | Elsewhere, turn: Turn | None, context: Context) -> None:
        """What is suspected of ``context`` is looked for on this thread, too."""
        try:
            context.run(turn_variable.set, turn or turn_variable.get())
        except RuntimeError:
            return  # the context is in use at this moment: it is no copy
        suspicion: Suspicion | None = context.get(suspicion_variable)
        if suspicion is not None and suspicion.watched and not suspicion.over and suspicion.ambient is not None:
            piece.looks = self.suspicions.look(("elsewhere", suspicion.how))
        elif (request := context.get(unit_of_work, NO_UNIT).request) is not None and request.looked_at is not None:
            piece.looks = self.suspicions.look(("elsewhere", SharedValues))

    def begin_item(self, owner: User | None, queue: object, where: Callable[[], Hashable]) -> None:
        """A consumer has got an item that ``owner`` had put into ``queue``; ``where`` says which consumer."""
        suspicion: Suspicion | None = suspicion_variable.get()
        if suspicion is not None and suspicion.how is LOST_IN_THREAD:
            self.suspicions.close(suspicion)  # from now on the thread works for whoever has put something in
        native = self.user()
        own = owner is not None and native is not None and (owner is native or same(owner, native))
        if own and native is not None:
            self._serves(native, queue, where)
        if (own or owner is None) and self.library_residue.idle:
            return  # nothing that this item could leave behind, or find
        piece = self._begin(owner, native, where)
        piece.turn = Turn()
        change_unit(item=piece)
        bearer = None if own or owner is None else self.native()
        if owner is None or bearer is None:
            return
        how = self._doubt(bearer, owner, queue, where)
        if how:
            piece.suspicion = self.suspicions.open(Suspicion(how, bearer, owner), where())

    def _serves(self, user: User, queue: object, where: Callable[[], Hashable]) -> None:
        """A consumer works on an item of its own context's user."""
        starter = own_origin()
        if starter is not None and not starter.served and same(starter.user, user):
            starter.served = True
            self._note(starter, queue, where)

    def _note(self, starter: TaskOrigin, queue: object, where: Callable[[], Hashable]) -> None:
        """Which queue is asked by what ``starter`` started: once, because saying where takes a look at the stack."""
        if not starter.noted:
            starter.noted = True
            self._mailboxes.add(where(), starter.user, queue)

    def _doubt(self, native: User, owner: User, queue: object, where: Callable[[], Hashable]) -> str:
        """Why a consumer in ``native``'s context should not work on ``owner``'s item; empty where it may."""
        task = running_task()
        if task is not None and task.cancelling():
            return ""  # whoever started it has gone, and has told it to stop
        starter = own_origin()
        if starter is not None and same(starter.user, native):
            self._note(starter, queue, where)
            if starter.served and starter.ended() and not self._mailboxes.has_another(where(), owner, queue):
                return OUTLIVED
        return LEFT_BY_ITEM if _left(native) else ""

    def end_item(self) -> None:
        """A consumer asks for its next item."""
        unit = current_unit()
        piece: PieceOfWork | Elsewhere | None = unit.item
        if piece is None:
            return
        if unit.request is unit.client is unit.job is unit.given_by is unit.runs_for is None:
            unit_of_work.set(NO_UNIT)  # as change_unit(): the usual way of a worker thread
        else:
            change_unit(item=None)
        if isinstance(piece, Elsewhere):
            # As is_here(), without the two calls.
            here = get_ident() if running_loop() is None else runner()
            if piece.runner == here:
                piece.over = True
                if piece.looks:
                    self.suspicions.look_away()
            return
        if not piece.is_here():
            return  # of whoever started this task: it was not this one that got the item
        user = self.user()
        # Whoever got the item may have its own user, known by then: only that of the item itself is left behind.
        if user is not None and user is not piece.native and piece.owner is not None and same(user, piece.owner):
            Residue().user = user
        self._end(piece, user)

    def begin_thread(self, starter: User, function: Any) -> Suspicion | None:
        """A thread of ``starter``'s work begins; None where nothing is to be ended."""
        # A pool's thread is started by whoever submits first, and works for everybody.
        for_all = type(function) is FunctionType and function.__module__ == POOL
        if for_all or self.current() is not None or brought(function) is not None:
            return None
        return self.suspicions.open(Suspicion(LOST_IN_THREAD, None, starter), _code(function))

    def _begin(self, owner: User | None, native: User | None, where: Callable[[], Hashable]) -> PieceOfWork:
        piece = PieceOfWork(owner, native)
        piece.trail = self.library_residue.begin()
        piece.job = self._context_residue.begin(where)
        return piece

    def _end(self, piece: PieceOfWork, user: User | None) -> None:
        if piece.turn is not None:
            piece.turn.over = True
        if piece.looks:
            self.suspicions.look_away()
        if piece.suspicion is not None:
            self.suspicions.close(piece.suspicion)
        if piece.kept is not None:
            piece.kept.close()
        self.library_residue.end(piece.trail, user)
        if piece.job is not None:
            self._context_residue.end(piece.job, user)


def _starter(user: User) -> TaskOrigin | None:
    """What stands for the running work of ``user`` in what it starts; None where that is known, or there is nothing."""
    task = running_task()
    first: TaskOrigin | None = task_origin_variable.get()
    if task is None and first is not None and same(first.user, user):
        return None  # a thread that was started itself starts the next one: a chain of timers is its first starter's
    unit = task or running_thread()
    return None if unit is None else TaskOrigin(unit, user, _turn(user), own_origin())


def _take_turn(piece: PieceOfWork) -> None:
    """A thread does this now. Of turns inside each other the outer counts."""
    turn: Turn | None = turn_variable.get()
    if turn is None or turn.over or not turn.is_here():
        piece.turn = Turn()
        turn_variable.set(piece.turn)


def _turn(user: User) -> Turn | None:
    """What the running thread or task is at for ``user``; None where all that it does is one piece of work."""
    turn: Turn | None = turn_variable.get()
    if turn is not None and not turn.over and turn.is_here():
        return turn
    piece: PieceOfWork | Elsewhere | None = current_unit().item
    if piece is None or not piece.is_here() or (piece.native is not None and same(piece.native, user)):
        return None  # a connection reads what there is for its own user: it is one piece of work
    return piece.turn


def _of_job(submitter: User | None, native: User | None, *, may_be_lost: bool) -> Suspicion | None:
    if native is None:
        return None if submitter is None or not may_be_lost else Suspicion(LOST_IN_POOL, None, submitter)
    if submitter is not None:
        return None if same(native, submitter) else Suspicion(SUBMITTED, native, submitter)
    return Suspicion(LEFT_BY_JOB, native, None) if _left(native) else None


def _left(native: User) -> bool:
    left: Residue | None = residue_variable.get()
    return left is not None and left.user is not None and same(left.user, native) and left.is_here()


def _code(function: Any) -> Hashable:
    """What the same jobs have in common."""
    below = function.__func__ if type(function) is MethodType else function
    return below.__code__ if type(below) is FunctionType else id(type(below))
