"""The application's own variable of the user at work, where no configuration names it: found by its name, or its value.

``current_user: ContextVar[str]`` in a module of the application says what it holds. A variable whose name speaks of the
request, the session and the like is one where a mapping or an object with a user is left in it, such as
``{"user": "alice", "api_key": ...}``.
"""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_beside_tests, is_installed, is_run
from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.resolve import dict_of
from isolation_audit.model.user_names import Name, field_of, name_of, plain_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

SOURCE: Final = "variable"
"""What ``identity.detect`` calls it."""

_LOOKS: Final = 64
"""Requests until which is looked: what an application has imported by then is what it has."""

_READINGS: Final = 5_000
"""Readings at which the values of variables of other names are looked at."""

_VARIABLES: Final = 200
"""Variables of other names whose values are looked at."""

_PERSON: Final = r"(?:user|username|principal|identity|viewer|actor)"
"""No account or member: those may be of many users."""
_says_so: Final = pattern(
    rf"_?(?:(?:current|request|active|auth|authenticated|logged_?in|signed_?in|acting|ctx|context|cv|var)_)*{_PERSON}"
    r"(?:_?(?:id|name|email|uid|login))?(?:_?(?:ctx|context|cv|var|ctxvar|contextvar|in_context))*"
)
_may_have_one: Final = pattern(
    r"context|ctx|session|auth|request|provider|caller|credential|claims|token|identity|login"
)
"""Names of variables whose values are looked at. The user of an order that is worked on may be somebody else."""

_is_a_connection: Final = pattern(r"connection|websocket|consumer")
"""Here a text would be the login of a database: only an object, or a mapping, is taken for its user."""

_id_says_so: Final = pattern(r"(?i)id|name|email|login")
_IN_VALUES: Final = ("current_user", "user", "user_id", "username", "user_name", "user_email", "principal", "sub")


class UserVariables:
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        identity, ambient = runtime.config.identity, runtime.config.ambient
        named = ambient.contextvar is not None or bool(ambient.holders)
        self.open = not named and (identity.detect is None or SOURCE in identity.detect)
        """True as long as it is looked for."""
        self._ambient = runtime.ambient
        self._requests = 0
        self._others: dict[str, ContextVar[Any]] = {}
        self._connections: dict[str, ContextVar[Any]] = {}
        self._readings = 0
        self.found: ContextVar[Any] | None = None

    def began(self) -> None:
        """A request begins: what the application has imported by now may have its variable."""
        if not self.open:
            return
        self._requests += 1
        if self._requests & (self._requests - 1) == 0:
            self._look()
        self.open = self.open and self._requests < _LOOKS

    def _look(self) -> None:
        by_name = []
        for label, variable in _variables():
            # What the module calls it, and what it was made with: ``current = ContextVar("current_user")``.
            names = [_spelled(label), _spelled(re.sub(r"\W+", "_", variable.name.rpartition(".")[2]))]
            said = [name for name in names if _says_so.fullmatch(name) is not None]
            if said:
                by_name.append((_id_says_so.search(said[0]) is None, label, variable))
            elif any(map(_may_have_one.search, names)) and len(self._others) < _VARIABLES:
                self._others[label] = variable
            elif any(map(_is_a_connection.search, names)) and len(self._others) < _VARIABLES:
                self._connections[label] = variable
        if by_name:
            self.found, self.open = min(by_name, key=lambda one: one[:2])[2], False
            self._ambient.adopt(self.found, _name_in)
        elif (self._others or self._connections) and not self._readings:
            self._ambient.expect(self._by_value, _name_in)

    def _by_value(self) -> ContextVar[Any] | None:
        """The first variable in which this context has something with a user in it."""
        self._readings += 1
        if self._readings > _READINGS:
            self._ambient.expect_no_more()
        for variable in list(self._others.values()):
            value = variable.get(None)
            if value is not None and plain_id(value) is None and _name_in(value) is not None:
                self.found, self.open = variable, False
                return variable
        for variable in list(self._connections.values()):
            if _has_a_person(variable.get(None)):
                self.found, self.open = variable, False
                return variable
        return None


def _name_in(value: Any) -> str | None:
    """The id in what a variable holds: an id itself, a user, or what has one under a name that says so."""
    if value is None:
        return None
    plain = plain_id(value)
    if plain is not None:
        return plain
    for field in _IN_VALUES:
        found = dict.get(value, field) if issubclass(type(value), dict) else field_of(value, field)
        name = None if found is None else name_of(found)
        if isinstance(name, Name):
            return name.id
    name = name_of(value)
    return name.id if isinstance(name, Name) else None


def _has_a_person(connection: Any) -> bool:
    person = dict.get(connection, "user") if issubclass(type(connection), dict) else field_of(connection, "user")
    return person is not None and plain_id(person) is None and isinstance(name_of(person), Name)


def _variables() -> Iterator[tuple[str, ContextVar[Any]]]:
    """The variables in the globals of the application's modules, and in the classes there, by name."""
    for module in list(sys.modules.values()):
        file = vars(module).get("__file__") if type(module) is ModuleType else None
        if type(file) is not str or _is_ours(module) or (is_installed(file) and not is_run(file)):
            continue
        if is_beside_tests(file):  # asked last: most modules are installed, and this takes longest
            continue
        for name, value in list(vars(module).items()):
            if type(value) is ContextVar:
                yield name, value
            elif issubclass(type(value), type):  # by its type: a lazy object that is asked for its class comes to life
                inside = dict_of(value)
                if inside.get("__module__") == module.__name__:
                    yield from [(inner, held) for inner, held in list(inside.items()) if type(held) is ContextVar]


def _is_ours(module: ModuleType) -> bool:
    return module.__name__.partition(".")[0] == "isolation_audit"


def _spelled(name: str) -> str:
    """``currentUserId`` and ``CURRENT_USER_ID`` in one spelling."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
