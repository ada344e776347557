"""What the auditor keeps per context: the unit of work, and what lives shorter or longer than that, a variable each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from contextvars_extras import ContextVarsRegistry

from isolation_audit.model.unit_of_work import NO_UNIT, UnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Context, ContextVar

    from isolation_audit.model.scopes import Scope


class AuditContext(ContextVarsRegistry):  # type: ignore[misc]
    """Everything that the auditor keeps per context; what each is, its variable below says.

    What lives as long as a unit of work is in ``unit``. Each of the others says why it is none of the unit's.
    """

    unit: Any = NO_UNIT
    scope: Any = None
    moment: Any = None
    emission: Any = None
    sending: Any = None
    awaited: Any = None
    fetching: Any = None
    suspicion: Any = None
    task_origin: Any = None
    turn: Any = None
    residue: Any = None
    home: Any = None
    test: Any = None


def _variable(name: str) -> ContextVar[Any]:
    # A read through the registry's attribute costs 14 times as much as through the variable's own method (measured).
    variable: ContextVar[Any] = AuditContext.__dict__[name].context_var
    return variable


unit_of_work: Final[ContextVar[UnitOfWork]] = _variable("unit")
scope_variable: Final[ContextVar[Scope | None]] = _variable("scope")
"""Entered in the application's own functions, where the stack may have no room for the call that changes a unit."""
moment_variable: Final[ContextVar[Any]] = _variable("moment")
"""Another object for each scope and request that this context enters or leaves; see :func:`entered`. Functions of the
application compare it with what they have kept: so it has to be an object by itself, which keeps nothing alive."""
emission_variable: Final[ContextVar[Any]] = _variable("emission")
"""The event that an emitter is called with; lives as long as that call."""
sending_variable: Final[ContextVar[Any]] = _variable("sending")
"""What a call is sending: those below it need not search it once more. Lives as long as that call."""
awaited_variable: Final[ContextVar[Any]] = _variable("awaited")
"""What a call waits for, and one below it comes by: a :class:`CopiedContext`, or the item of a queue that is got in a
task of its own (``integrations/queues.py``). Lives as long as that call."""
fetching_variable: Final[ContextVar[Any]] = _variable("fetching")
"""The cache whose entry is being fetched (``instrument/inputs/receiver.py``). Lives as long as that call."""
suspicion_variable: Final[ContextVar[Any]] = _variable("suspicion")
"""What may be wrong with the user of this context (``rules/context/suspicions.py``): also in a thread that works on
nothing, and in what has inherited the context and is in another unit by now."""
task_origin_variable: Final[ContextVar[Any]] = _variable("task_origin")
"""The task or thread that has started what runs in this context (``rules/context/task_origins.py``)."""
turn_variable: Final[ContextVar[Any]] = _variable("turn")
"""What the running thread is at (``rules/context/task_origins.py``): it is put into contexts that bring their own unit
of work to the thread."""
residue_variable: Final[ContextVar[Any]] = _variable("residue")
"""What units that are over have left behind in this context (``model/residue.py``)."""
home_variable: Final[ContextVar[Any]] = _variable("home")
"""The user and the scope under which the server was started: its requests have them by design."""
test_variable: Final[ContextVar[Any]] = _variable("test")
"""The test that this context comes from (``testing/attribution.py``)."""

_every: Final[dict[str, ContextVar[Any]]] = {
    name: one.context_var for name, one in vars(AuditContext).items() if hasattr(one, "context_var")
}
OURS: Final = frozenset(_every.values())
"""Everything that the auditor keeps per context."""

_INHERITED: Final = tuple(
    [(one, NO_UNIT if name == "unit" else None) for name, one in _every.items() if name not in ("home", "test")]
)


def begin_anew(scope: Scope | None) -> None:
    """Forget what the running context has of ours, as it is about other work; but ``scope``, and whose server it is."""
    for variable, nothing in _INHERITED:
        if variable.get() is not nothing:
            variable.set(nothing)
    if scope is not None:
        scope_variable.set(scope)
        entered()


class CopiedContext:
    """The copy of a context that is handed to a thread; None as long as it is not known."""

    context: Context | None = None
    outer: Any = None
    """What was awaited around it."""


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
    idle = scope_variable.get() is None and unit_of_work.get().request is None
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


current_unit: Final[Callable[[], UnitOfWork]] = unit_of_work.get

_SAME: Final[Any] = object()


def change_unit(
    *,
    request: Any = _SAME,
    client: Any = _SAME,
    item: Any = _SAME,
    job: Any = _SAME,
    given_by: Any = _SAME,
    runs_for: Any = _SAME,
) -> None:
    """Give the running context a unit of work that differs in these; what inherited the former keeps that."""
    was, unit = unit_of_work.get(), UnitOfWork()
    unit.request = was.request if request is _SAME else request
    unit.client = was.client if client is _SAME else client
    unit.item = was.item if item is _SAME else item
    unit.job = was.job if job is _SAME else job
    unit.given_by = was.given_by if given_by is _SAME else given_by
    unit.runs_for = was.runs_for if runs_for is _SAME else runs_for
    idle = unit.request is unit.client is unit.item is unit.job is unit.given_by is unit.runs_for is None
    unit_of_work.set(NO_UNIT if idle else unit)
    if unit.request is not was.request:
        entered()


current_scope: Final[Callable[[], Scope | None]] = scope_variable.get

current_moment: Final[Callable[[], Moment | None]] = moment_variable.get
"""None where the context has no scope and no request."""
