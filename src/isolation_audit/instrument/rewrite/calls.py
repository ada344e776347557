"""What rewritten code calls before a method that containers have. The call itself is the application's own.

It ends as the call in the source would, to the text of an exception: there the interpreter calls a method of a class
written in C through its class (``dict.items() takes no arguments``, whatever subclass of dict it is), but with ``*`` or
``**`` through the object (``Kept.items() takes no arguments``); and what can't be unpacked names the method.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from sys import _getframe as current_frame
from sys import getprofile
from types import BuiltinFunctionType, FrameType, MethodDescriptorType
from typing import Any, Final, cast

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.rewrite.contents import ABSENT, container_of, is_of_containers
from isolation_audit.instrument.rewrite.events import Events
from isolation_audit.instrument.rewrite.listener import TEXTS, concern, concerned, ear
from isolation_audit.instrument.rewrite.methods import METHODS
from isolation_audit.instrument.rewrite.telling import OfFields, Teller, fault

__builtins__ = BUILTINS

ToTell = Callable[[object], Teller]
"""Gives what tells, for a unit of work."""

_ALL_OF: Final = ("items", "values", "copy")
_NOBODY: Final = object()


class Calls(Events):
    """All that there is to call."""

    @staticmethod
    def prepare(method: Any, site: int | ToTell | None, /, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        """Before a method that containers have; gives what is called, and its arguments."""
        if not named and ear.quick and _tells_nothing(method, arguments):
            return (method, *arguments)
        arguments = _told(method, site, arguments, named)
        called = _called(method, by_name=bool(named))
        if named and callable(method):
            function, *owner = called
            return (partial(function, *owner, **named), *arguments)
        return (*called, *arguments)

    @staticmethod
    def prepare_fields(owner: Any, method: Any, site: int, /, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        """The same where ``owner.__dict__`` is the container: what is told are attributes."""
        return Calls.prepare(method, _of_fields(owner, method, site), *arguments, **named)

    @staticmethod
    def unpacked(method: Any, site: int, /) -> Any:
        """The same where arguments are unpacked; gives what is called with them to be told."""
        return Unpacked(method, site)

    @staticmethod
    def unpacked_fields(owner: Any, method: Any, site: int, /) -> Any:
        """The same where ``owner.__dict__`` is the container."""
        return Unpacked(method, _of_fields(owner, method, site))


class Unpacked:
    """Stands for a method until its arguments are unpacked: where they can't be, the interpreter names the method."""

    __slots__ = ("_method", "_site")

    def __init__(self, method: Any, site: int | ToTell | None) -> None:
        self._method = method
        self._site = site

    @property
    def __module__(self) -> Any:  # type: ignore[override]
        return self._method.__module__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._method, name)  # its __qualname__, which a class can't define

    def __str__(self) -> str:
        return str(self._method)

    def __call__(self, /, *arguments: Any, **named: Any) -> tuple[Any, ...]:
        method = self._method
        arguments = _told(method, self._site, arguments, named)
        return (partial(method, **named) if named and callable(method) else method, *arguments)


def _tells_nothing(method: Any, arguments: tuple[Any, ...]) -> bool:
    """True for a call as most are: of a method that no container has, or one that reads what concerns nobody."""
    if type(method) is not BuiltinFunctionType:
        return not is_of_containers(method)
    owner = method.__self__
    if type(owner) is not dict:
        return False
    only = concerned.get(id(owner), _NOBODY)
    if only is not _NOBODY and (only is None or only is not ear.unit()):
        return False
    name = method.__name__
    if name == "get" or name == "pop":  # noqa: PLR1714 - for each call
        key = arguments[0] if arguments else None
        value = dict.get(owner, key) if type(key) is str or type(key) is int else owner
        return value is None or id(type(value)) in TEXTS or (value is not owner and id(value) not in concerned)
    return name in _ALL_OF


def _of_fields(owner: Any, method: Any, site: int) -> ToTell | None:
    """What tells of an object's attributes; None where they are not what the method belongs to."""
    if owner is not ABSENT and type(method) is BuiltinFunctionType and type(method.__self__) is dict:
        return partial(OfFields, site=site, owner=owner)
    return None


def _told(method: Any, site: int | ToTell | None, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    try:
        if type(method) is BuiltinFunctionType and type(method.__self__) is ContextVar:
            _profile(method, current_frame(2))
        listener = ear.listener
        if listener is not None and (type(method) is BuiltinFunctionType or is_of_containers(method)):
            method_of = METHODS.get(method.__name__)
            if method_of is not None and site is not None and (unit := listener.unit()) is not None:
                teller = Teller(unit, site) if type(site) is int else cast("ToTell", site)(unit)
                owner = method.__self__
                arguments = method_of(owner, arguments, named, teller)
                inner = container_of(owner)
                if inner is not owner and inner is not ABSENT:
                    concern(id(owner), None)
    except Exception as error:
        fault(error)
    return arguments


def _called(method: Any, *, by_name: bool) -> tuple[Any, ...]:
    """The method as the interpreter calls ``owner.method(...)``.

    Of a class's own methods the texts are the same either way, but where arguments are named.
    """
    if type(method) is BuiltinFunctionType:
        try:
            owner, name = method.__self__, method.__name__
            kinds = mro_of(type(owner))
            if by_name or name not in dict_of(kinds[0]):
                raw = next((dict_of(kind)[name] for kind in kinds if name in dict_of(kind)), None)
                if type(raw) is MethodDescriptorType:
                    return raw, owner
        except Exception as error:
            fault(error)
    return (method,)


def _profile(method: Any, frame: FrameType) -> None:
    """Tell the thread's profile function of a call, where that is ours: it sees none that ``operator.call`` makes."""
    profile: Any = getprofile()
    if profile is not None and getattr(type(profile), "hears_of_calls", False):
        profile(frame, "c_call", method)
