"""Values of context variables that all requests share: a mutable default, or one that was set before the first request.

A context of its own does not make an object one's own: what a variable has by default, or had when the server started,
is one object for all. Most of these are meant to be: connections, settings, caches by user. So it takes evidence: one
user's request has changed the object so that it names them, and another user's request has read it in that state.

Only what lies on the surface is looked at: items and attributes, and theirs. What stands under a key that names its
user is kept apart, and silent.
"""

from __future__ import annotations

import sys
from collections import deque
from contextvars import Context, ContextVar, copy_context
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath, is_installed
from isolation_audit.content.borders import mentions
from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import OURS, current_unit
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, plain_text, same
from isolation_audit.rules.context.context_residue import LIBRARIES, OPENTELEMETRYS
from isolation_audit.rules.context.suspicions import ContextBled, Suspicions
from isolation_audit.rules.listeners.selectivity import fields_of
from isolation_audit.vocabulary.work import RequestContexts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User

SHARED: Final = (
    "the value of a context variable that all requests share was changed in the work of {owner}, and read in that of "
    "{ambient}"
)
_CONTAINERS: Final = (list, tuple, set, frozenset, deque)
_SCALARS: Final = frozenset(
    map(id, (type(None), str, bytes, int, float, bool, complex, tuple, frozenset, type, ModuleType))
)
_NOBODYS: Final = frozenset({("decimal", "Context")})
"""Types of values that hold figures and switches, and nobody's name."""

_VALUES: Final = 64
_VARIABLES: Final = 1_000


class Sharing:
    """One request, as long as it lasts; it holds nothing of the application's but its variables."""

    __slots__ = ("before", "changed", "looks", "read", "texts", "variable")

    def __init__(self, before: dict[ContextVar[Any], tuple[int, int]], changed: dict[ContextVar[Any], User]) -> None:
        self.before = before
        """What the values are that it may change: their identity, and a hash of their texts."""
        self.changed = changed
        """Who has changed those that it may read."""
        self.looks = False
        self.variable: ContextVar[Any] | None = None
        self.read: RawStack = ()
        """Where it has read such a value, first."""
        self.texts: list[str] = []
        """What was read."""


class SharedValues(RequestContexts):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._suspicions: Suspicions = runtime.part(Suspicions)
        self._suspicions.watchers.append(self.touched)
        self._with_defaults: dict[ContextVar[Any], None] = {}
        self._modules = 0
        self._changed: dict[ContextVar[Any], tuple[int, User]] = {}
        """The identity of a variable's value, and the user whose request has changed it last."""

    def begin(self, request: Request, outer: Request | None) -> Sharing | None:
        """A request begins, within another one or not; None where there is nothing to look at in the end."""
        if outer is not None:
            request.looked_at = outer.looked_at
        try:
            values = self._values()
            return self._begin(request, values) if values else None
        except Exception as error:
            self._fault(error)
            return None

    def end(self, sharing: Sharing, user: User | None) -> None:
        """It is over, and was ``user``'s."""
        try:
            self._end(sharing, user)
        except Exception as error:
            self._fault(error)

    def _fault(self, error: Exception) -> None:
        """That a request begins, and ends, does not depend on this."""
        if raised_by_signal(error):
            raise error
        self._runtime.barrier.fault("shared values", error)

    def _begin(self, request: Request, values: dict[ContextVar[Any], Any]) -> Sharing | None:
        before, changed = {}, {}
        for variable, value in values.items():
            last = self._changed.get(variable)
            if last is not None and last[0] == id(value):
                changed[variable] = last[1]
            if self._suspicions.worth(("shared", variable)):
                before[variable] = id(value), hash((*_texts(value),))
        if not before and not changed:
            return None
        sharing = Sharing(before, changed)
        if changed and self._suspicions.look(("shared values", *changed)):
            sharing.looks = True
            request.looked_at = sharing
        return sharing

    def _end(self, sharing: Sharing, user: User | None) -> None:
        if sharing.looks:
            self._suspicions.look_away()
        if user is None or user.kind is not Kind.USER:
            return
        values = self._values()
        if sharing.variable is not None:
            self._judge(sharing, sharing.variable, values.get(sharing.variable), user)
        for variable, (identity, print_before) in sharing.before.items():
            value = values.get(variable)
            if value is None or id(value) != identity or hash((*_texts(value),)) == print_before:
                continue
            if self._names(_texts(value, user.id), user):
                self._changed[variable] = identity, user
                drop_oldest(self._changed, _VARIABLES)

    def touched(self, variable: ContextVar[Any], method: str) -> None:
        """The application has called a method of a context variable, on a thread that looks."""
        request = current_unit().request
        sharing: Sharing | None = None if request is None else request.looked_at
        if sharing is None or sharing.read or method != "get" or variable not in sharing.changed:
            return
        value = _value_of(variable)
        known = self._changed.get(variable)
        if known is not None and known[0] == id(value):
            sharing.variable, sharing.texts = variable, _texts(value, known[1].id)
            sharing.changed[variable] = known[1]
            sharing.read = beneath(capture(self._runtime.config.limits.stack), LIBRARIES)

    def _judge(self, sharing: Sharing, variable: ContextVar[Any], value: Any, user: User) -> None:
        """Tell, where what was read named the one who had changed it alone, and what is there now still does."""
        writer = sharing.changed[variable]
        if same(writer, user) or self._names(sharing.texts, user) or not self._names(sharing.texts, writer):
            return
        if self._names(_texts(value, writer.id), writer):
            self._runtime.publish(ContextBled(SHARED, "read here", user, writer, sharing.read))

    def _names(self, texts: list[str], user: User) -> bool:
        known = self._runtime.users.known
        return any(mentions(text, user.id, known) for text in texts)

    def _values(self) -> dict[ContextVar[Any], Any]:
        """The values that may be shared: those in the running context, and defaults of variables that are not set."""
        ambient = self._runtime.ambient.variable
        values = {}
        for variable, value in copy_context().items():
            kind = type(value)
            if id(kind) in _SCALARS or variable is ambient or (kind.__module__, kind.__name__) in _NOBODYS:
                continue
            # As is_watched_elsewhere() has it: this goes through all variables of a context, for each request.
            if variable not in OURS and variable.name != OPENTELEMETRYS:
                values[variable] = value
        if len(sys.modules) != self._modules:
            self._discover()
        for variable in list(self._with_defaults):
            if variable is not ambient and variable not in values:
                value = _value_of(variable)
                if id(type(value)) not in _SCALARS:
                    values[variable] = value
        return values

    def _discover(self) -> None:
        """Find the application's variables that have a default which can be changed: nothing else leads to them."""
        self._modules = len(sys.modules)
        for module in list(sys.modules.values()):
            kind = type(module)
            if not issubclass(kind, ModuleType):
                continue
            names = ModuleType.__getattribute__(module, "__dict__")
            file = names.get("__file__")
            # A module that was made by hand, as a script's own is with -c, has neither.
            if is_installed(file) if type(file) is str else names.get("__spec__") is not None:
                continue
            for value in list(names.values()):
                if type(value) is ContextVar and value not in OURS and id(type(_default_of(value))) not in _SCALARS:
                    self._with_defaults[value] = None
                    drop_oldest(self._with_defaults, _VARIABLES)


def _value_of(variable: ContextVar[Any]) -> Any:
    try:
        return variable.get()
    except LookupError:
        return None


def _default_of(variable: ContextVar[Any]) -> Any:
    return Context().run(_value_of, variable)


def _texts(value: Any, apart: str = "") -> list[str]:
    """The texts on the surface of a value; without what stands under keys that name the user ``apart``."""
    found: list[str] = []
    for held in _held(value, apart):
        text = plain_text(held)
        if text is not None:
            found.append(text)
        elif id(type(held)) not in _SCALARS or type(held) is tuple or type(held) is frozenset:
            below = [plain_text(one) for one in _held(held, apart)]
            found += [one for one in below if one is not None]
    return found


def _held(value: Any, apart: str) -> Iterable[Any]:
    if issubclass(type(value), _CONTAINERS):
        return islice(list(value), _VALUES)
    held = dict(value) if issubclass(type(value), dict) else fields_of(value)
    return [one for key, one in islice(held.items(), _VALUES) if not (apart and mentions(plain_text(key) or "", apart))]
