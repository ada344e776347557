"""Scopes: stretches of work for one user, held in context variables, so that tasks and threads inherit them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from contextvars_extras import ContextVarsRegistry

from isolation_audit.analysis.texts import bounded
from isolation_audit.model.living import living

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import ContextVar
    from types import TracebackType

    from isolation_audit.model.span_places import Happening, SpanPlace


class Scope:
    """One stretch of work.

    ``adopted`` is the raw value of the application's own variable when the scope began, ``origin`` the raw place where,
    ``trace`` the application's own span at that moment. Where spans are sent, ``span`` is the scope's own, ``unit`` the
    request that it is in, ``happened`` what its span tells of, and ``links`` the work of others that it has to do with.
    ``rebound`` has the ids of others that were bound to its user, until it is known whether the application ``refused``
    that. ``work`` is the run that this scope ``leads`` or is a part of, for the service levels. ``inputs`` is what came
    in through it, where it is a unit of work by itself; see ``model/inputs.py``.
    """

    __slots__ = (
        "__weakref__",
        "adopted",
        "crossings",
        "ended",
        "events",
        "failed",
        "happened",
        "ids",
        "inputs",
        "leads",
        "links",
        "name",
        "origin",
        "parent",
        "rebound",
        "refused",
        "span",
        "started",
        "target",
        "trace",
        "unit",
        "user_id",
        "work",
    )

    def __init__(
        self, user_id: str, name: str = "scope", parent: Scope | None = None, ids: dict[str, str] | None = None
    ) -> None:
        self.user_id = user_id
        self.name = name
        self.parent = parent
        self.ids = ids or {}
        self.adopted: Any = UNSET
        self.started = time.time_ns()
        self.ended = 0
        self.events = 0
        self.crossings = 0
        self.failed = False
        self.refused = False
        self.rebound: list[Any] | None = None
        self.trace: SpanPlace | None = None
        self.span: SpanPlace | None = None
        self.unit: UnitSpan | None = None
        self.happened: list[Happening] | None = None
        self.links: list[SpanPlace] | None = None
        self.origin: Any = None
        self.target: str | None = None
        self.work: Any = None
        self.leads = False
        self.inputs: Any = None


class UnitSpan(Scope):
    """A request or a connection, as the span around what runs in it. It is never the current scope.

    ``used`` says that something has happened in it, or was named as the other side of that: only then it is sent.
    """

    __slots__ = ("method", "route", "used")

    def __init__(self, name: str) -> None:
        super().__init__("", name=name)
        self.used = False
        self.route: str | None = None
        self.method: str | None = None


UNSET: Final = object()
"""Stands for "the application's variable had no value"; never equal to a value that it could have."""

AWAITED: Final = object()
"""Stands for a context that is about to be handed on."""

SYSTEM_USER: Final = "\0system"
"""The id behind ``system_scope()``; the NUL keeps it apart from every id that an application uses."""


class AuditContext(ContextVarsRegistry):  # type: ignore[misc]
    """Everything that the auditor keeps per context; what each is, its variable below says."""

    scope: Any = None
    moment: Any = None
    emission: Any = None
    request: Any = None
    client: Any = None
    sink: Any = None
    suspicion: Any = None
    starter: Any = None
    turn: Any = None
    waiting: Any = None
    running_unit: Any = None
    job: Any = None
    residue: Any = None
    handed: Any = None
    unit: Any = None
    fetching: Any = None
    home: Any = None
    test: Any = None


def _variable(name: str) -> ContextVar[Any]:
    # A read through the registry's attribute costs 14 times as much as through the variable's own method (measured).
    variable: ContextVar[Any] = AuditContext.__dict__[name].context_var
    return variable


scope_variable: Final[ContextVar[Scope | None]] = _variable("scope")
moment_variable: Final[ContextVar[Any]] = _variable("moment")
"""Another object for each scope and request that this context enters or leaves; see :func:`entered`."""
emission_variable: Final[ContextVar[Any]] = _variable("emission")
request_variable: Final[ContextVar[Any]] = _variable("request")
client_variable: Final[ContextVar[Any]] = _variable("client")
sink_variable: Final[ContextVar[Any]] = _variable("sink")
suspicion_variable: Final[ContextVar[Any]] = _variable("suspicion")
"""What may be wrong with the user of this context; see ``rules/context/suspicions.py``."""
starter_variable: Final[ContextVar[Any]] = _variable("starter")
"""The task in which the children of this context were started; see ``rules/context/task_origins.py``."""
turn_variable: Final[ContextVar[Any]] = _variable("turn")
"""The request or job that the running thread is at; see ``rules/context/task_origins.py``."""
waiting_variable: Final[ContextVar[Any]] = _variable("waiting")
"""What waits for an item in a task of its own; see ``integrations/queues.py``."""
running_unit_variable: Final[ContextVar[Any]] = _variable("running_unit")
"""The job or the queued item that this context works on."""
job_variable: Final[ContextVar[Any]] = _variable("job")
"""The job that is counted in this context, and what is known of its message; see ``instrument/work/jobs.py``."""
residue_variable: Final[ContextVar[Any]] = _variable("residue")
"""What earlier jobs or items have left behind in this context; see ``model/residue.py``."""
handed_variable: Final[ContextVar[Any]] = _variable("handed")
"""The copy of this context that was handed to a thread; ``AWAITED`` as long as it is not known."""
unit_variable: Final[ContextVar[Any]] = _variable("unit")
"""The inputs of the unit of work that has handed over what is worked on; see ``integrations/continued_work.py``."""
fetching_variable: Final[ContextVar[Any]] = _variable("fetching")
"""The cache whose entry is being fetched; see ``model/inputs.py``."""
home_variable: Final[ContextVar[Any]] = _variable("home")
"""The user and the scope under which the server was started: its requests have them by design."""
test_variable: Final[ContextVar[Any]] = _variable("test")
"""The test that this context comes from; see ``testing/attribution.py``."""

_every: Final[dict[str, ContextVar[Any]]] = {
    name: one.context_var for name, one in vars(AuditContext).items() if hasattr(one, "context_var")
}
OURS: Final = frozenset(_every.values())
"""Everything that the auditor keeps per context."""

_INHERITED: Final = tuple([variable for name, variable in _every.items() if name not in ("home", "test")])


def begin_anew(scope: Scope | None) -> None:
    """Forget what the running context has of ours, as it is about other work; but ``scope``, and whose server it is."""
    for variable in _INHERITED:
        if variable.get() is not None:
            variable.set(None)
    if scope is not None:
        scope_variable.set(scope)
        entered()


class Moment:
    """A stretch in which a context has one scope and one request.

    It refers to neither, so whoever remembers a moment keeps nothing of a request. ``ambient`` is what was found out of
    it, and for which value of the application's variable; see ``model/ambient.py``.
    """

    ambient: tuple[Any, ...] | None = None


def entered() -> None:
    """This context has another scope or another request than before.

    As long as a context has the very same moment, both are the same, which takes one look instead of two.
    """
    idle = scope_variable.get() is None and request_variable.get() is None
    moment_variable.set(None if idle else Moment())


@contextmanager
def of_test(test: Any) -> Iterator[None]:
    """What is told in this block belongs to ``test``, where that is known, and not to whoever tells of it late."""
    telling = test_variable.get()
    test_variable.set(test or telling)
    try:
        yield
    finally:
        test_variable.set(telling)


current_scope: Final[Callable[[], Scope | None]] = scope_variable.get

current_moment: Final[Callable[[], Moment | None]] = moment_variable.get
"""None where the context has no scope and no request."""


class ScopeListener:
    """What the running auditor does when an explicit scope begins or ends; the default does nothing."""

    def begin(self, scope: Scope) -> None:
        """Called after the scope became current."""

    def end(self, scope: Scope) -> None:
        """Called after the scope was left."""


class _Listening:
    listener: ScopeListener = ScopeListener()
    faults = 0
    """Exceptions of listeners; they stay here, because scopes are entered in the application's own code."""


_listening = _Listening()


def listen(listener: ScopeListener | None) -> None:
    """Install the listener of explicit scopes; None takes it away."""
    _listening.listener = listener or ScopeListener()


def listener_faults() -> int:
    """How many times a listener raised in this process."""
    return _listening.faults


def enter(scope: Scope) -> None:
    """Make ``scope`` current and tell the listener."""
    scope_variable.set(scope)
    # As entered(), without a call: the application's stack may have no room left for one, and both change, or none.
    moment_variable.set(Moment())
    try:
        if not living.idle:
            living.began(scope)
        _listening.listener.begin(scope)
    except Exception:
        _listening.faults += 1


def leave(scope: Scope, *, failed: bool = False) -> None:
    """End ``scope``: its parent is current again, or, where others are inside it, it drops out of their chain.

    A generator may be closed in another context: there the chain does not hold this scope, and nothing is touched.
    """
    if scope.ended:
        return
    scope.ended = time.time_ns()
    scope.failed = failed
    current = scope_variable.get()
    if current is scope:
        parent = scope.parent
        scope_variable.set(parent)
        moment_variable.set(None if parent is None and request_variable.get() is None else Moment())  # as above
    else:
        # Left before the scopes that were entered in it: when they end, they must not bring it back.
        while current is not None and current.parent is not scope:
            current = current.parent
        if current is not None:
            current.parent = scope.parent
    inputs, scope.inputs = scope.inputs, None
    try:
        if inputs is not None:
            inputs.end()
        _listening.listener.end(scope)
    except Exception:
        _listening.faults += 1


class user_scope:  # noqa: N801 - used like a function
    """Say who the work in this block is for::

        with user_scope("alice", run_id="run_17"):
            ...

    ``user_id`` is a non-empty string; further keywords (``run_id``, ``thread_id``, ``request_id``, ``connection_id``)
    are bound to the user. Works without a running auditor, too: it then only sets a context variable.

    Raises:
        TypeError: ``user_id`` is no string, or is empty.
    """

    __slots__ = ("_ids", "_open", "_user_id")

    def __init__(self, user_id: str, **ids: str) -> None:
        if not issubclass(type(user_id), str) or not str.__len__(user_id):
            given = "an empty one" if issubclass(type(user_id), str) else type(user_id).__name__
            raise TypeError(f"user_scope() takes the user's id as a non-empty string, not {given}")
        self._user_id = bounded(str.__str__(user_id))
        self._ids = {kind: bounded(one) if type(one) is str else one for kind, one in ids.items()}
        self._open: list[Scope] = []

    def __enter__(self) -> None:
        scope = Scope(self._user_id, "user_scope", current_scope(), self._ids)
        self._open.append(scope)
        enter(scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # One object may be entered again, also by several tasks at once: what ends is this context's scope.
        current = current_scope()
        scope = current if current in self._open else self._open[-1] if self._open else None
        if scope is not None:
            self._open.remove(scope)
            leave(scope, failed=kind is not None)


def system_scope() -> user_scope:
    """Say that the work in this block is the system's own and may touch every user's data."""
    return user_scope(SYSTEM_USER)
