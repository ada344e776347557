"""Leavings: what a job leaves behind in context variables, and a later job of another user finds there.

A pool's thread, or a long-lived task, has one context for all its jobs. A variable that one job sets and does not reset
is there for the next one: a tenant, what a logging library adds to each line, a framework's pushed context. The running
user's own variable is for :mod:`lineage`.

Most of what is left is nobody's: a cache a thread, a counter, a language. So it takes evidence that the value is the
user's: it holds the id of the user whose job has left it. It is a finding where another user's job reads it, and the
value does not hold that user's id, too. Reading is seen as :mod:`suspicions` sees it.
"""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.content.borders import mentions
from isolation_audit.content.payload import Gathering
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import OURS, residue_variable
from isolation_audit.model.residue import Residue
from isolation_audit.model.runners import OfRunner
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.context.suspicions import ContextBled, Suspicions
from isolation_audit.vocabulary.libraries import ContextVariables

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User

STILL_SET: Final = (
    "a context variable that was set in the work of {owner}, and never reset, was read in the work of {ambient}"
)
OPENTELEMETRYS: Final = "current_context"
"""The name of OpenTelemetry's own variable, which is for :mod:`library_residue`."""
LIBRARIES: Final = ("werkzeug", "flask", "structlog", "loguru")
_OBJECTS: Final = 64
_DEPTH: Final = 3
_MISSING: Final = object()


class LeftValues(OfRunner):
    """What earlier jobs of one thread or task have left in its variables; holds no value."""

    __slots__ = ("values",)

    def __init__(self, values: dict[ContextVar[Any], tuple[int, User]]) -> None:
        super().__init__()
        self.values = values
        """Variable -> the identity of its value, which the context keeps alive, and whose it is."""


class Job:
    """One job, as long as it lasts. Where a thread looks, it notes what the job reads of what was left."""

    __slots__ = ("before", "kept", "own", "read", "texts", "variable", "writer")

    def __init__(self, kept: LeftValues | None) -> None:
        # Not the context itself: what the job starts inherits this, and would keep alive what was in there.
        self.before = {variable: id(value) for variable, value in copy_context().items()}
        """The identities of what was in the variables when it began."""
        self.kept = kept
        """What it may read, where this thread looks."""
        self.own: set[ContextVar[Any]] = set()
        """Variables that it has set."""
        self.read: RawStack = ()
        """Where it has read one that it has not set, first."""
        self.variable: ContextVar[Any] | None = None
        self.writer: User | None = None
        self.texts: list[str] = []
        """What was read: the job's user may be known later."""


class ContextResidue(ContextVariables):
    """What jobs of one audit leave behind."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._suspicions: Suspicions = runtime.part(Suspicions)
        self._suspicions.watchers.append(self.touched)

    def begin(self, where: Callable[[], Hashable]) -> Job:
        """A job begins; ``where`` says which ones come from one place."""
        left: Residue | None = residue_variable.get()
        kept: LeftValues | None = None if left is None else left.values
        looks = kept is not None and kept.is_here() and self._suspicions.look(("kept", where()))
        job = Job(kept if looks else None)
        if looks:
            Residue().reader = job
        return job

    def end(self, job: Job, user: User | None) -> None:
        """The job is done, and was ``user``'s."""
        user = user if user is not None and user.kind is Kind.USER else None
        if job.kept is not None:
            self._suspicions.look_away()
            left: Residue | None = residue_variable.get()
            if left is not None and left.reader is job:
                Residue().reader = None
            if job.read and user is not None and not self._names(job.texts, user):
                self._tell(job, user)
        self._leave(job.before, user)

    def _leave(self, before: dict[ContextVar[Any], int], user: User | None) -> None:
        left: Residue | None = residue_variable.get()
        kept: LeftValues | None = None if left is None else left.values
        known = kept.values if kept is not None and kept.is_here() else {}
        values: dict[ContextVar[Any], tuple[int, User]] = {}
        for variable, value in copy_context().items():
            if before.get(variable) == id(value):
                if variable in known:
                    values[variable] = known[variable]
            elif user is not None and self._may_be_left(variable) and self._names(_texts(value), user):
                values[variable] = id(value), user
        if values or known:
            Residue().values = LeftValues(values) if values else None

    def _may_be_left(self, variable: ContextVar[Any]) -> bool:
        return (
            variable is not self._runtime.ambient.variable
            and not is_watched_elsewhere(variable)
            and self._suspicions.worth(("left", variable))
        )

    def _names(self, texts: list[str], user: User) -> bool:
        known = self._runtime.users.known
        return any(mentions(text, user.id, known) for text in texts)

    def touched(self, variable: ContextVar[Any], method: str) -> None:
        """The application has called a method of a context variable, on a thread that looks."""
        left: Residue | None = residue_variable.get()
        job: Job | None = None if left is None else left.reader
        if job is None or job.kept is None or variable not in job.kept.values or not job.kept.is_here():
            return
        if method != "get":
            job.own.add(variable)
            if job.variable is variable:
                job.read = ()  # a look before setting is no harm
        elif not job.read and variable not in job.own:
            identity, writer = job.kept.values[variable]
            value = variable.get(_MISSING)
            if id(value) == identity:
                job.variable, job.writer, job.texts = variable, writer, _texts(value)
                job.read = beneath(capture(self._runtime.config.limits.stack), LIBRARIES)

    def touched_all(self, prefix: str) -> None:
        """The application has read all variables whose names begin with ``prefix``, out of a copy of its context."""
        left: Residue | None = residue_variable.get()
        job: Job | None = None if left is None else left.reader
        if job is not None and job.kept is not None:
            for variable in job.kept.values:
                if variable.name.startswith(prefix):
                    self.touched(variable, "get")

    def _tell(self, job: Job, user: User) -> None:
        variable, writer = job.variable, job.writer
        if variable is None or writer is None or same(user, writer):
            return
        # A thread's own connection, say, remembers its last user until it is used by the next one.
        texts = _texts(variable.get(None))
        if self._names(texts, writer) and not self._names(texts, user):
            self._runtime.publish(ContextBled(STILL_SET, "read here", user, writer, job.read))


def is_watched_elsewhere(variable: ContextVar[Any]) -> bool:
    """True for our own variables, and for the one of OpenTelemetry's."""
    return variable in OURS or variable.name == OPENTELEMETRYS


def _texts(value: Any) -> list[str]:
    """The texts in a value, and in what plain objects hold: a framework's context keeps the user in attributes."""
    found: list[str] = []
    level, seen = [value], {id(value)}
    for _ in range(_DEPTH):
        found += Gathering(level).texts
        inside = [held for one in level for held in _held(one) if id(held) not in seen]
        level = inside[:_OBJECTS]
        seen.update(map(id, level))
    return found


def _held(value: Any) -> list[Any]:
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return []
    return [*islice(held.values(), _OBJECTS)] if type(held) is dict else []
