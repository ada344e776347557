"""Injected users: what a framework computes before it calls a view, and gives to it as its current user.

``Depends(get_current_user)`` names nobody to the framework: whether what such a function gives is the current user, its
name says, or what it reads and what it gives. Where only the latter speaks for it, there is a doubt, which coverage
tells; ``[[users]]`` in the configuration ends it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache, partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.sources import DEPENDENCY, DOUBTFUL
from isolation_audit.model.user_names import Name, field_of, name_of, plain_id
from isolation_audit.model.users import plain_text
from isolation_audit.targets.current_user import tell_current_user

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request

_PERSON: Final = r"(?:super_?)?(?:user|member|account|principal|identity|subject|customer|person|viewer|actor)"
_says_so: Final = pattern(
    rf"(?i)(?:^|_|[a-z])(?:current|logged_?in|authenticated|authorized|signed_?in|require[sd]?|verified|active)_?"
    rf"(?:[a-z]+_)?{_PERSON}(?:_?(?:id|name|email|optional|or_none|or_\w+|from_\w+|by_token|dep|dependency|ws))?$"
)
_may_be: Final = pattern(r"(?i)user|member|auth|principal|identity|account|subject|session|login|customer|whoami|token")
_gives_ids: Final = pattern(r"(?i)user|member|principal|identity|whoami|login")
"""What a function is called whose plain text or number is an id; ``verify_token`` may give a scope."""
_is_another: Final = pattern(r"(?i)tenant|org|company|team|project|workspace|target|other|owner|recipient|service")
_personal: Final = ("username", "user_name", "login", "email", "user_id", "preferred_username", "sub")
_IN_CONTEXTS: Final = ("current_user", "user", "viewer", "principal")

_KNOWN: Final = 1_000
"""Functions whose names are counted apart."""


def called(call: Any) -> tuple[str, str]:
    """The name of what is called, and ``module:qualname``, past its own ways of being read."""
    while type(call) is partial:
        call = call.func
    if type(call) is MethodType:
        call = call.__func__
    if type(call) is not FunctionType and not isinstance(call, type):
        call = type(call)
    return call.__name__, f"{call.__module__}:{call.__qualname__}"


def says_who(name: str) -> bool | None:
    """Whether a function of this name gives the current user; None where it may."""
    if _says_so.search(name) is not None:
        return True
    return None if _may_be.search(name) is not None and _is_another.search(name) is None else False


_SAYS_SO: Final = "it gives the current user"
_CONTEXT: Final = "it gives a context"
_MAY_BE: Final = "it may give the current user"
_GIVES_IDS: Final = "what it gives is an id"


@lru_cache(1_000)
def _meaning(name: str) -> frozenset[str]:
    """What the name of a function says of what it gives; the same few are called in each request."""
    meaning = {_SAYS_SO: _says_so.search(name) is not None, _CONTEXT: "context" in name.lower()}
    meaning[_MAY_BE] = _may_be.search(name) is not None and _is_another.search(name) is None
    meaning[_GIVES_IDS] = _gives_ids.search(name) is not None
    return frozenset(one for one, true in meaning.items() if true)


class InjectedUsers:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._configured = {str(entry.target): entry for entry in runtime.config.users}
        self.told: Counter[str] = Counter()
        """Requests that each function has named the user of."""
        self.doubts: dict[str, None] = {}
        """Those of them of which only what they read and give speaks for it."""

    def given(self, call: Any, value: Any, *, asks_who: bool, asks_for: bool, by_path: bool) -> None:
        """A framework has called this, and got a value.

        ``asks_who``: it reads the request's credentials; ``asks_for``: it reads what the request is about, such as an
        id in the path; ``by_path``: it reads the path.
        """
        request = current_unit().request
        if request is None or value is None:
            return
        name, label = called(call)
        entry = self._configured.get(label)
        if entry is not None:
            tell_current_user(entry, value)
            return
        meaning = _meaning(name)
        if _SAYS_SO in meaning and not by_path:
            self._tell(request, DEPENDENCY, label, name_of(value), value)
        elif _CONTEXT in meaning:
            self._tell(request, DEPENDENCY, label, _in_context(value), value)
        elif (
            asks_who
            and not asks_for
            and _MAY_BE in meaning
            and (_GIVES_IDS in meaning if type(value) is str or type(value) is int else _is_personal(value))
        ):
            self._tell(request, DOUBTFUL, label, name_of(value), value)

    def in_context(self, label: str, context: Any) -> None:
        """A query is run with this as the context of its resolvers; ``label`` is what runs it."""
        request = current_unit().request
        if request is not None and context is not None:
            self._tell(request, DEPENDENCY, label, _in_context(context), context)

    def as_dict(self) -> dict[str, dict[str, int]]:
        """As the report has it: by function, how many requests it has named the user of, and how many in doubt."""
        return {
            label: {"told": count, "doubted": count if label in self.doubts else 0}
            for label, count in sorted(self.told.items())
        }

    def clear(self) -> None:
        """Begin to count anew, as a forked child does."""
        self.told.clear()
        self.doubts.clear()

    def _tell(self, request: Request, rank: int, label: str, name: object, value: Any) -> None:
        if type(name) is not Name or request.presents(plain_text(value)):
            return
        before = request.rank
        request.told(rank, name)
        if request.rank == rank and (label in self.told or len(self.told) < _KNOWN):
            self.told[label] += before != rank
            if rank == DOUBTFUL:
                self.doubts[label] = None


def _is_personal(value: Any) -> bool:
    """True for an object or a mapping with a field that only a person has."""
    return any(plain_id(field_of(value, field)) is not None for field in _personal)


def _in_context(value: Any) -> object:
    """The user in what a resolver is given as its context."""
    for field in _IN_CONTEXTS:
        found = dict.get(value, field) if issubclass(type(value), dict) else field_of(value, field)
        if found is not None:
            return name_of(found)
    return None
