"""What integrations of servers and frameworks share: where a request begins and ends, and with whose context."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.suspicion import Suspicion
from isolation_audit.model.contexts import (
    CopiedContext,
    awaited_variable,
    begin_anew,
    current_moment,
    current_scope,
    home_variable,
    suspicion_variable,
)
from isolation_audit.model.running import running_task
from isolation_audit.model.users import same
from isolation_audit.vocabulary.work import ContextsOfWork

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

BEGAN_AS: Final = "a request ran with the user {ambient}, whom its context had before it began"
LOST_INSIDE: Final = (
    "nobody was the user, though a task of the same request had been {owner}'s: what it sets in its context is seen "
    "neither by the layers around it nor after it"
)
LOST_THERE: Final = (
    "nobody was the user, though a thread had set that the request was {owner}'s: what it sets in its copy of the "
    "context stays there"
)


class _Request(Suspicion):
    """One request; it becomes a suspicion once a task inside it has a user that the request's own has not.

    It is one from the beginning on where its context has a user already, ``bearer``.
    """

    __slots__ = ("_task",)

    def __init__(self, bearer: User | None = None) -> None:
        # As Suspicion has it: one is made for each request.
        self.how = LOST_INSIDE if bearer is None else BEGAN_AS
        self.ambient = bearer
        self.owner = self.told = None
        self.read = ()
        self.over = self.watched = False
        outer: Suspicion | None = suspicion_variable.get()
        self.outer = None if outer is None or outer.over else outer
        task = running_task()
        self._task = None if task is None else weakref.ref(task)

    def is_elsewhere(self) -> bool:
        """True in another task than the request's own."""
        return self._task is not None and self._task() is not running_task()


class RequestPoint(Interceptor):
    """Around what runs one request; of layers inside each other the outermost one counts."""

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        self._suspicions = runtime.listener(ContextsOfWork).suspicions

    def before(self, _values: Values) -> Any:
        """Begin a request, unless this is a part of one."""
        outer = suspicion_variable.get()
        if type(outer) is _Request and not outer.over:
            return None
        request = _Request()
        suspicion_variable.set(request)
        return request

    def after(self, request: Any, _result: Any) -> None:
        """Its last layer is done."""
        if request.watched or request.read or suspicion_variable.get() is not request:
            self._suspicions.close(request)
        else:  # the usual way of :meth:`close`
            suspicion_variable.set(request.outer)
            request.over = True

    def failed(self, request: Any, _error: BaseException) -> None:
        """The same."""
        self._suspicions.close(request)


class RootPoint(RequestPoint):
    """Around what a server runs for one request: nobody can be its user yet."""

    inherited: Callable[[Values], User | None] | None = None
    """Gives the user whom its context had before, where that is no more to be seen when it begins."""

    def __init__(self, place: str, runtime: Runtime) -> None:
        super().__init__(place, runtime)
        self._ambient = runtime.ambient
        self._native = runtime.listener(ContextsOfWork).native

    def before(self, values: Values) -> Any:
        """Nobody, or the user under whom the server itself was started.

        A connection that is kept alive may start the next request from the task of the last one, and so with a copy of
        its context. What is ours in there is taken out: it is about the other request.
        """
        if self.inherited is not None:
            user = self.inherited(values)
        else:  # as native(), which most requests have no need of
            user = None if current_moment() is None and not self._ambient.asks else self._native()
        home, scope = home_variable.get() or (None, None)
        begin_anew(scope)
        request = _Request(None if user is None or (home is not None and same(user, home)) else user)
        suspicion_variable.set(request)
        if request.ambient is not None:
            self._suspicions.watch(request, (BEGAN_AS, self.place))
        return request


class ThreadedPoint(Interceptor):
    """Around what serves one request from beginning to end on a thread that serves others before and after it.

    Of layers inside each other, the innermost has the word.
    """

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        self._lineage = runtime.listener(ContextsOfWork)

    def before(self, _values: Values) -> Any:
        """An earlier request's user may still be there."""
        return self._lineage.begin_request(self.place)

    def after(self, piece: Any, _result: Any) -> None:
        """Whoever is the user now is left behind."""
        self._lineage.end_job(piece)

    def failed(self, piece: Any, _error: BaseException) -> None:
        """The same."""
        self._lineage.end_job(piece)


class AnswerPoint(Interceptor):
    """Around an answer on its way out, where the task that made it knows its user."""

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        lineage = runtime.listener(ContextsOfWork)
        self._ambient = runtime.ambient
        self._user = lineage.native
        self._watch = lineage.suspicions.watch

    def before(self, _values: Values) -> None:
        """Note the user."""
        if not self._ambient.asks and current_scope() is None:
            return  # the context itself has nobody
        request = suspicion_variable.get()
        if type(request) is not _Request or request.ambient is not None or request.owner is not None or request.over:
            return  # whose it is, is known, or it is over
        if not request.is_elsewhere():
            return
        user = self._user()
        if user is not None and self._watch(request, LOST_INSIDE):
            request.owner = user


class HandingPoint(Interceptor):
    """Around a call that hands a request's work to a thread, in a copy of its context, and waits for it.

    What is set there is set in the copy, which whoever sees it being handed on tells.
    """

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        lineage = runtime.listener(ContextsOfWork)
        self._user = lineage.native
        self._watch = lineage.suspicions.watch

    def before(self, _values: Values) -> Any:
        """Ask for the copy, where the request has no user as yet."""
        request = suspicion_variable.get()
        if type(request) is not _Request or request.ambient is not None or request.owner is not None or request.over:
            return None  # it has a user, or is over: nobody can be lost any more
        if self._user() is not None:
            return None
        copied = CopiedContext()
        copied.outer = awaited_variable.get()
        awaited_variable.set(copied)
        return request, copied

    def after(self, state: Any, _result: Any) -> None:
        """Whoever is the user there has been lost on the way back."""
        request, copied = state
        awaited_variable.set(copied.outer)
        copy, copied.context = copied.context, None  # the copy has this object
        user = None if copy is None else copy.run(self._user)
        if user is not None and self._user() is None and self._watch(request, LOST_THERE):
            request.owner, request.how = user, LOST_THERE

    def failed(self, state: Any, _error: BaseException) -> None:
        """It was for nothing."""
        _request, copied = state
        awaited_variable.set(copied.outer)
        copied.context = None


class HomePoint(Interceptor):
    """Around the start of a server: whose work it is, where somebody has said so."""

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        self._user = runtime.listener(ContextsOfWork).native

    def before(self, _values: Values) -> None:
        """Every connection inherits it."""
        home_variable.set((self._user(), current_scope()))


def point(kind: Callable[[str, Runtime], Any], target: str, runtime: Runtime) -> tuple[str, Callable[[Layout], Any]]:
    """Target and maker of one point."""
    return target, lambda _layout: kind(target, runtime)
