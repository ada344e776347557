"""Caches: what was computed in one user's work and is handed out in another's.

Integrations say who computed a value and who is given it; here is decided whether that is a leak. Most of what caches
share is meant to be shared: prices, settings, compiled patterns. So it takes evidence that the value is the writer's:

- a secret or a canary of theirs is in it; or
- the function made it from the ambient variable, or from another one that holds the reader now (see ``dependence``),
  or from what its context calls the user; or
- the function made it from something of the context, and the writer's id is in it;

and in the last two cases the reader's id is not. Where the arguments name either user, the key has told them apart.
"""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from isolation_audit.analysis.frames import beneath
from isolation_audit.analysis.value_sources import NOTHING, Source
from isolation_audit.content import secrets
from isolation_audit.content.index import Index, Mark
from isolation_audit.content.payload import Gathering
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.owner_records import Record
from isolation_audit.model.user_names import Name, name_of
from isolation_audit.model.users import Kind, plain_text
from isolation_audit.rules.caches.dependence import Dependence
from isolation_audit.rules.caches.function_reading import FunctionReading, TooLongError
from isolation_audit.vocabulary.caches import CachedValues, Memo

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar
    from types import FunctionType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.users import User


@dataclass(slots=True, eq=False, repr=False)
class Served:
    """A cached value that is the writer's was handed out in the reader's work.

    ``marked`` where an id or a secret in it says so.
    """

    target: str
    writer: User
    reader: User
    marked: bool
    record: Record
    stack: RawStack


class _Case:
    """A value of the ``writer``'s work that was handed out in the ``reader``'s, and what is in it; not the value."""

    __slots__ = ("about", "libraries", "memo", "reader", "secret", "stack", "writer")

    def __init__(self, memo: Memo, writer: User, reader: User, libraries: tuple[str, ...]) -> None:
        self.memo = memo
        self.writer = writer
        self.reader = reader
        self.libraries = libraries
        self.secret = False
        self.about: frozenset[str] = frozenset()
        """The ids of those of the two who are named in it."""
        self.stack: RawStack | None = None
        """Where it was handed out; None while that is now."""

    def look_into(self, value: Any) -> None:
        """See what the value says."""
        marks = _marks(value, self.writer, self.reader)
        self.secret = any(mark.secret for mark in marks)
        self.about = frozenset(mark.user.id for mark in marks)


class Caches(CachedValues):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._reading = runtime.part(FunctionReading)
        self._dependence = Dependence(None, self._reading, self._says_who)

    def user(self) -> User | None:
        """Whose work is running, where that is a user's."""
        user = self.runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None

    def served(
        self,
        memo: Memo,
        *,
        writer: User,
        reader: User,
        arguments: tuple[tuple[Any, ...], dict[str, Any]],
        value: Any,
        libraries: tuple[str, ...] = (),
    ) -> bool:
        """Judge a value that ``writer`` had computed, and ``reader`` is given; False where it is of no user at all."""
        case, receiver = _Case(memo, writer, reader, libraries), memo.receiver(arguments[0])
        try:
            source = self._source(memo, receiver)
        except TooLongError:
            if not self._tells_apart(arguments, (writer, reader)):
                case.stack, context = self._stack(libraries), copy_context()
                self._reading.later(lambda: context.run(self._conclude, case, receiver, value))
            return True
        if source is Source.ELSEWHERE and not secrets.known():
            memo.settled = self.runtime.ambient.variable is not None or self.runtime.config.ambient.contextvar is None
            return False
        if not self._tells_apart(arguments, (writer, reader)):
            case.look_into(value)
            self._decide(case, source)
        return True

    def _conclude(self, case: _Case, receiver: type | None, value: Any) -> None:
        """Judge what could not be judged at once. Most functions depend on nobody, and no value is looked into."""
        source = self._source(case.memo, receiver)
        if source is not Source.ELSEWHERE or secrets.known():
            case.look_into(value)
            self._decide(case, source)

    def _decide(self, case: _Case, source: Source) -> None:
        """Tell of a value that was handed out, where its source and what is in it say that it is the writer's."""
        if not case.secret:
            theirs = source >= Source.USER or (source is Source.CONTEXT and case.writer.id in case.about)
            if not theirs or case.reader.id in case.about:
                return
        memo = case.memo
        record = Record(memo.function)
        record.owner, record.origin, record.origin_label = case.writer, ((memo.function.__code__, 0),), "computed for"
        marked = case.secret or bool(case.about)
        stack = self._stack(case.libraries) if case.stack is None else case.stack
        self.runtime.publish(Served(memo.target, case.writer, case.reader, marked, record, stack))

    def _stack(self, libraries: tuple[str, ...]) -> RawStack:
        return beneath(capture(self.runtime.config.limits.stack), libraries)

    def once_of_the_user(self, memo: Memo, then: Callable[[], None]) -> None:
        """Call ``then`` where the results of a function are made from the ambient variable; it may be later."""
        try:
            of_the_user = self._source(memo, memo.receiver(())) is Source.AMBIENT
        except TooLongError:
            self._reading.later(lambda: self.once_of_the_user(memo, then))
            return
        if of_the_user:
            then()

    def is_nobodys(self, function: FunctionType, receiver: type) -> bool:
        """True where it is known already that its results are not made from the ambient variable."""
        if self._dependence.ambient is not self.runtime.ambient.variable:
            return False
        known = self._dependence.known(function, receiver, NOTHING)
        return known is not None and known is not Source.AMBIENT

    def _source(self, memo: Memo, receiver: type | None) -> Source:
        variable = self.runtime.ambient.variable
        if self._dependence.ambient is not variable:
            self._dependence = Dependence(variable, self._reading, self._says_who)
        return memo.source(self._dependence, receiver)

    def source(self, memo: Memo) -> Source:
        """Where that comes from which a function keeps; from elsewhere, where that takes too long to find out."""
        try:
            return self._source(memo, None)
        except TooLongError:
            return Source.ELSEWHERE

    def _says_who(self, variable: ContextVar[Any]) -> bool:
        """True where a variable of the application's holds whose work is running: the auditor knows who that is."""
        user, name = self.user(), name_of(variable.get(None))
        return user is not None and type(name) is Name and user.id in (name.id, *name.aliases, *name.ids)

    def _tells_apart(self, arguments: tuple[tuple[Any, ...], dict[str, Any]], users: tuple[User, User]) -> bool:
        args, kwargs = arguments
        values = [*args, *kwargs.values()]
        for value in values[:_ARGUMENTS]:
            record = self.runtime.objects.get(value)
            if record is not None and record.owner is not None:
                return True
            values += _stored(value)
        texts = {_text(value) for value in values}
        if any(user.id in texts for user in users):
            return True
        index = Index()
        for user in users:
            index.add(user.id, Mark(user))
        return bool(index.find("\0".join(Gathering(values).texts))[0])


_ARGUMENTS: Final = 32
"""Arguments that are looked into: the ids of users stand among the first ones, or in ``self``."""


def _stored(value: Any) -> list[Any]:
    try:
        stored = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return []
    return [*islice(stored.values(), _ARGUMENTS)] if type(stored) is dict else []


def _text(value: Any) -> str | None:
    kind = type(value)
    return str(value) if kind is int or kind is UUID else plain_text(value)


def _marks(value: Any, writer: User, reader: User) -> list[Mark]:
    index = Index()
    for user in (writer, reader):
        index.add(user.id, Mark(user))
    for text, user_id in secrets.known():
        if user_id == writer.id:
            index.add(text, Mark(writer, secret=True))
    # What a plain object holds as well: a response its body, a row its columns.
    return index.find("\0".join(Gathering([value, *_stored(value)]).texts))[0]
