"""From ``module:qualname`` to the thing itself, looked up without running descriptors."""

from __future__ import annotations

import inspect
import sys
from functools import cached_property, lru_cache, partial
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from isolation_audit.config.model import Target

__builtins__ = BUILTINS


class UnresolvedError(LookupError):
    """The qualname leads nowhere; the message says from where on, and what may have been meant."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """``owner.name`` is the target; ``raw`` is its ``__dict__`` entry, ``home`` the class or module that holds it."""

    owner: type | ModuleType
    name: str
    raw: Any
    home: type | ModuleType

    @property
    def cls(self) -> type | None:
        """The target itself where it is a class."""
        return self.raw if issubclass(type(self.raw), type) else None


def resolve(module: ModuleType, target: Target) -> Resolved:
    """Walk the qualname inside an imported module.

    Raises:
        UnresolvedError: a part of the name does not exist.
    """
    owner: Any = module
    parts = target.qualname.split(".")
    for index, name in enumerate(parts):
        home, raw = find(owner, name)
        if home is None:
            raise UnresolvedError(_not_found(module, parts[:index], name, owner))
        if index == len(parts) - 1:
            return Resolved(owner, name, raw, home)
        if not issubclass(type(raw), type):
            raise UnresolvedError(
                f"{module.__name__}:{'.'.join(parts[: index + 1])} is no class, so it has no {parts[index + 1]!r}"
            )
        owner = raw
    raise UnresolvedError(f"{target} names no attribute")


def leads_to(raw: object, module: ModuleType, target: Target) -> bool:
    """True where the target is certainly this: it stands in the module's own dict, or in that of a plain class there.

    That is asked often, of many: what it takes to be sure otherwise (:func:`resolve`) costs ten times as much.
    """
    if type(module) is not ModuleType:
        return False
    first, _, name = target.qualname.partition(".")
    owner = _MODULE_DICT.__get__(module).get(first)
    if not name:
        return owner is raw
    return type(owner) is type and _TYPE_DICT.__get__(owner).get(name) is raw


_MRO: Any = type.__dict__["__mro__"]
_TYPE_DICT: Any = type.__dict__["__dict__"]
_MODULE_DICT: Any = vars(ModuleType)["__dict__"]


def mro_of(cls: type) -> tuple[type, ...]:
    """``cls.__mro__`` as ``type`` itself tells it, whatever the metaclass overrides."""
    mro: tuple[type, ...] = _MRO.__get__(cls)
    return mro


def dict_of(owner: type | ModuleType) -> Any:
    """``vars(owner)`` without the attribute look-up, which a metaclass or a lazy module may have taken over.

    Anything may stand in for a module among those that are imported, such as a proxy that warns of old names
    (``zope.deprecation``): of that, it is what the object itself shows, and empty where it shows nothing.
    """
    kind = type(owner)
    if issubclass(kind, type):
        return _TYPE_DICT.__get__(owner)
    if issubclass(kind, ModuleType):
        return _MODULE_DICT.__get__(owner)
    shown = getattr(owner, "__dict__", None)
    return shown if type(shown) is dict else {}


def find(owner: Any, name: str) -> tuple[Any, Any]:
    """The holder and the raw ``__dict__`` entry of an attribute; ``(None, None)`` where there is none."""
    if isinstance(owner, type):
        for base in mro_of(owner):
            if name in dict_of(base):
                return base, dict_of(base)[name]
        return None, None
    if name in dict_of(owner):
        return owner, dict_of(owner)[name]
    # A module may make its names on demand (PEP 562).
    try:
        return owner, getattr(owner, name)
    except AttributeError:
        return None, None


def function_of(raw: Any) -> FunctionType | None:
    """The plain function behind a method descriptor and the wrappers of other tools, if there is one."""
    for _ in range(_DEEPEST):
        # By the type, never isinstance(): a lazy object (celery's tasks, Django's users) would come to life.
        kind = type(raw)
        if is_proxy(kind):
            # Another tool's wrapper may be taken away at any time; the function below it stays.
            raw = raw.__wrapped__
        elif issubclass(kind, (classmethod, staticmethod)):
            raw = raw.__func__
        elif issubclass(kind, property):
            raw = raw.fget
        elif issubclass(kind, cached_property):
            raw = raw.func
        else:
            break
    return raw if type(raw) is FunctionType else None


def awaited_below(function: FunctionType) -> FunctionType:
    """The coroutine function that a plain wrapper (``functools.wraps``) hands out, else ``function`` itself.

    The wrapper's call is over before the work has begun: what lasts as long as the work is found below.
    """
    below: Any = function
    for _ in range(_DEEPEST):
        if type(below) is not FunctionType:
            break
        if below.__code__.co_flags & inspect.CO_COROUTINE:
            return below
        below = below.__dict__.get("__wrapped__")
    return function


_DEEPEST = 32


def is_proxy(kind: type) -> bool:
    """True for the classes of wrapt's proxies; as long as nobody has imported wrapt, there is none."""
    wrapt: Any = sys.modules.get("wrapt")
    proxy = getattr(wrapt, "BaseObjectProxy", None) or getattr(wrapt, "ObjectProxy", None)  # the former since wrapt 2
    return proxy is not None and issubclass(kind, proxy)


def has_receiver(owner: Any, raw: Any) -> bool:
    """True where calls get ``self`` or ``cls`` as their first value: a C function in a class, say, gets neither."""
    if not isinstance(owner, type) or isinstance(raw, staticmethod):
        return False
    if isinstance(raw, partial):
        # Python 3.13 has given it a __get__ that warns and binds nothing, 3.14 one that binds.
        return sys.version_info >= (3, 14)
    return hasattr(type(raw), "__get__")


def names(owner: Any) -> list[str]:
    """All attribute names of a class (its bases included, ``object`` not) or of a module."""
    if isinstance(owner, type):
        return list(dict.fromkeys(name for base in mro_of(owner) if base is not object for name in dict_of(base)))
    return list(dict_of(owner))


def _not_found(module: ModuleType, path: list[str], name: str, owner: Any) -> str:
    where = module.__name__ + (":" + ".".join(path) if path else "")
    close = _closest(name, (*names(owner),))
    if close is None and inspect.ismodule(owner):
        close = next((one for one in names(owner) if one.lower() == name.lower()), None)
    meant = f"; did you mean {close!r}?" if close else ""
    return f"{where} has no {name!r}{meant}"


@lru_cache(
    maxsize=256
)  # what a version of a library has not is missed by each audit of a process, in each of its looks
def _closest(name: str, names: tuple[str, ...]) -> str | None:
    import difflib  # nearly all names are found

    return next(iter(difflib.get_close_matches(name, names, n=1)), None)
