"""Objects of libraries that keep their attributes somewhere else, and where: in what they stand for, once it is there.

Nothing is imported for it: classes are known by their modules and names, and only what lies there is read.
"""

from __future__ import annotations

from contextvars import ContextVar
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.resolve import dict_of, is_proxy, mro_of

if TYPE_CHECKING:
    from collections.abc import Callable

    ReaderOf = Callable[[str], Callable[[Any], Any]]

__builtins__ = BUILTINS


class NotReadError(LookupError):
    """What is asked for does not lie there: it would have to be loaded, queried or computed."""


_ABSENT: Final = object()


def behind(kind: type) -> Callable[[Any, ReaderOf], Any] | None:
    """What gives the object that one of this class stands for; None for a class that stands for nothing else."""
    names = _names_of(kind)
    if "django.utils.functional:LazyObject" in names:
        return _of_django
    if "werkzeug.local:LocalProxy" in names:
        return _of_werkzeug
    if is_proxy(kind):
        return _of_wrapt
    return None


def kept_elsewhere(kind: type, name: str) -> Callable[[Any, ReaderOf], Any] | None:
    """How an attribute is read that a library keeps in a place of its own; None for all others."""
    for base in mro_of(kind):
        known = _KNOWN.get(f"{base.__module__}:{base.__qualname__}")
        found = None if known is None else known(name)
        if found is not None or name in dict_of(base):
            return found  # a class further down may have a way of its own
    # What no class has, is where these look when they are asked for it.
    for base in mro_of(kind):
        fallback = _FALLBACKS.get(f"{base.__module__}:{base.__qualname__}")
        if fallback is not None:
            return fallback(name)
    return None


def item_behind(kind: type) -> Callable[[Any, Any], Any] | None:
    """How an item of a mapping is read that loads itself when it is asked; None for a class that is none such."""
    return _of_session_of_django if "django.contrib.sessions.backends.base:SessionBase" in _names_of(kind) else None


def of_fields_cache(value: Any, name: str) -> Any:
    """A related object of one of Django's, where it is loaded."""
    return _key(fields(fields(value).get("_state")).get("fields_cache"), name)


def _names_of(kind: type) -> set[str]:
    return {f"{base.__module__}:{base.__qualname__}" for base in mro_of(kind)}


def fields(value: Any) -> dict[str, Any]:
    """The ``__dict__`` of an object, past its class's own way to it."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _of_django(value: Any, _reader_of: ReaderOf) -> Any:
    inner = fields(value).get("_wrapped")
    if inner is None or type(inner) is object:
        raise NotReadError("lazy")
    return inner


def _of_werkzeug(value: Any, reader_of: ReaderOf) -> Any:
    """What a proxy of a variable stands for at this moment; one of a function would have to call it."""
    current = object.__getattribute__(value, "_get_current_object")
    if type(current) is not FunctionType:
        raise NotReadError("proxy")
    cells = dict(zip(current.__code__.co_freevars, current.__closure__ or (), strict=False))
    local = cells["local"].cell_contents if "local" in cells else None
    variable = local if type(local) is ContextVar else None
    if f"{type(local).__module__}:{type(local).__qualname__}" == "werkzeug.local:LocalStack":
        variable = object.__getattribute__(local, "_storage")
    found: Any = _ABSENT if type(variable) is not ContextVar else variable.get(_ABSENT)
    if found is _ABSENT or not found:
        raise NotReadError("proxy")
    if variable is not local:
        found = found[-1]
    get_name = cells["get_name"].cell_contents if "get_name" in cells else None
    if type(get_name) is attrgetter:
        return reader_of(get_name.__reduce__()[1][0])(found)
    return found


def _of_wrapt(value: Any, _reader_of: ReaderOf) -> Any:
    if any("__wrapped_factory__" in dict_of(base) for base in mro_of(type(value))):
        raise NotReadError("proxy")
    return value.__wrapped__


# Where attributes lie


def _in_field(field: str) -> Callable[[Any, ReaderOf], Any]:
    def read(value: Any, _reader_of: ReaderOf) -> Any:
        found = fields(value).get(field, _ABSENT)
        if found is _ABSENT:
            raise NotReadError(field)
        return found

    return read


def _enumerated(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    return _in_field({"value": "_value_", "name": "_name_"}[name]) if name in {"value", "name"} else None


def _of_request_of_starlette(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    """The user and the session lie in the scope; what else is a property there is made from it, and tells nobody."""
    if name in {"user", "auth", "session"}:
        return lambda value, _reader_of: _key(fields(value).get("scope"), name)
    if name == "state":
        return _state_of_starlette
    if name in {"headers", "query_params", "path_params", "client", "url", "method", "app", "base_url"}:
        return lambda value, _reader_of: getattr(value, name)
    return None


def _state_of_starlette(value: Any, _reader_of: ReaderOf) -> Any:
    own = fields(value)
    return own["_state"] if "_state" in own else _key(own.get("scope"), "state")


def _of_state_of_starlette(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    return None if name == "_state" else lambda value, _reader_of: _key(fields(value).get("_state"), name)


def _of_request_of_django(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    if name in {"GET", "headers", "COOKIES"}:
        return lambda value, _reader_of: getattr(value, name)
    return None


def _of_request_of_rest_framework(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    """The user is there once the view has authenticated."""
    return _in_field(f"_{name}") if name in {"user", "auth"} else None


def _beyond_request_of_rest_framework(name: str) -> Callable[[Any, ReaderOf], Any]:
    """What it does not have itself, is Django's request's."""

    def read(value: Any, reader_of: ReaderOf) -> Any:
        own = fields(value)
        return own[name] if name in own else reader_of(name)(own.get("_request"))

    return read


def _of_model_of_django(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    """The primary key is a property that looks up what it is called."""

    def read(value: Any, reader_of: ReaderOf) -> Any:
        return reader_of(type(value)._meta.pk.attname)(value)  # noqa: SLF001 - Django's own name for it

    return read if name == "pk" else None


def _of_session_of_django(session: Any, key: Any) -> Any:
    """Of what is loaded; to ask the session itself would load it, and have it noted that it was asked."""
    loaded = fields(session).get("_session_cache")
    if type(loaded) is not dict:
        raise NotReadError("session")
    return loaded[key]


def _of_pydantic(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    def read(value: Any, _reader_of: ReaderOf) -> Any:
        for slot in ("__pydantic_extra__", "__pydantic_private__"):
            found = object.__getattribute__(value, slot)
            if type(found) is dict and name in found:
                return found[name]
        return object.__getattribute__(value, name)

    return read


def _of_mock(name: str) -> Callable[[Any, ReaderOf], Any] | None:
    """What was set on a mock; asking it for more would make it."""

    def read(value: Any, _reader_of: ReaderOf) -> Any:
        own = fields(value)
        return own[name] if name in own else _key(own.get("_mock_children"), name)

    return read


def _key(mapping: Any, name: str) -> Any:
    if not issubclass(type(mapping), dict) or not dict.__contains__(mapping, name):
        raise NotReadError(name)
    return dict.__getitem__(mapping, name)


_KNOWN: Final[dict[str, Callable[[str], Callable[[Any, ReaderOf], Any] | None]]] = {
    "enum:Enum": _enumerated,
    "starlette.requests:HTTPConnection": _of_request_of_starlette,
    "django.http.request:HttpRequest": _of_request_of_django,
    "rest_framework.request:Request": _of_request_of_rest_framework,
    "django.db.models.base:Model": _of_model_of_django,
}
_FALLBACKS: Final[dict[str, Callable[[str], Callable[[Any, ReaderOf], Any] | None]]] = {
    "starlette.datastructures:State": _of_state_of_starlette,
    "rest_framework.request:Request": _beyond_request_of_rest_framework,
    "pydantic.main:BaseModel": _of_pydantic,
    "unittest.mock:NonCallableMock": _of_mock,
}
