"""What can't take a shim: C callables, partials, callable objects and inherited foreign methods."""

from __future__ import annotations

import functools
import inspect
from contextlib import suppress
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from isolation_audit.instrument.patching.shims import GENERATORS
from isolation_audit.instrument.resolve import dict_of, find, mro_of
from isolation_audit.instrument.signatures import signature_of_class

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.calls.probe import Probe


def proxy(raw: Any, probe: Probe) -> Any:
    """A wrapt proxy around a callable or descriptor that is no plain function; values are ``(args, kwargs)``."""

    def around(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        received = args if instance is None else (instance, *args)
        states = probe.before((received, kwargs))
        if states is None:
            return wrapped(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            probe.failed(states, error)
            raise
        probe.after(states, result)
        return result

    def around_async(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        received = args if instance is None else (instance, *args)
        return _coroutine(lambda: wrapped(*args, **kwargs), probe, (received, kwargs))

    # Not before it is needed: wrapt imports asyncio, which half of all programs never do.
    from isolation_audit.instrument.patching.callable_proxy import CallableProxy

    return CallableProxy(raw, around_async if _is_async(raw) else around)


def _is_async(raw: Any) -> bool:
    while isinstance(raw, functools.partial):
        raw = raw.func
    function = raw if isinstance(raw, FunctionType) else find(type(raw), "__call__")[1]
    # By the code, not by inspect: a plain function may be marked as a coroutine function, and must not be called twice.
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & inspect.CO_COROUTINE)


def _coroutine(call: Callable[[], Any], probe: Probe, values: Any) -> Any:
    """The coroutine of an asynchronous call, with the probe inside; ``call`` makes the original one."""
    # A wrong call fails here and now, as it does without us. The coroutine is made anew when ours is awaited: one that
    # was never begun would be complained about.
    original = call()
    original.close()
    coroutine: Any = _awaited(call, probe, values)
    coroutine.__name__, coroutine.__qualname__ = original.__name__, original.__qualname__
    return coroutine


async def _awaited(call: Callable[[], Any], probe: Probe, values: Any) -> Any:
    states = probe.before(values)
    if states is None:
        return await call()
    try:
        result = await call()
    except BaseException as error:
        probe.failed(states, error)
        raise
    probe.after(states, result)
    return result


def passthrough_init(owner: Any, probe: Probe) -> Callable[..., None]:
    """An ``__init__`` for a class that inherits its own from C or from a foreign package.

    It goes on through ``super()``, so that method resolution stays what it was.
    """

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes that method
        states = probe.before(((self, *args), kwargs))
        try:
            result: None = _init_next(owner, self, args, kwargs)
        except BaseException as error:
            if states is not None:
                probe.failed(states, error)
            raise
        if states is not None:
            probe.after(states, None)
        return result

    function = _dressed(__init__, owner, "__init__")
    _INITS[function] = None
    return function


_INITS: Final[WeakKeyDictionary[Any, None]] = WeakKeyDictionary()
"""Every pass-through ``__init__`` there is."""


def _init_next(owner: Any, obj: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if not type.__subclasscheck__(owner, type(obj)):
        return super(owner, owner).__init__(obj, *args, **kwargs)
    following = super(owner, obj).__init__
    if (args or kwargs) and getattr(following, "__objclass__", None) is object and not _has_init(type(obj)):
        # object.__init__ accepts arguments meant for __new__ only while the class has no __init__ of its own, and it
        # takes ours for one.
        if find(type(obj), "__new__")[0] is object:
            raise TypeError(f"{type(obj).__name__}() takes no arguments")
        return following()
    return following(*args, **kwargs)


def _has_init(kind: type) -> bool:
    for base in mro_of(kind):
        own = dict_of(base).get("__init__")
        if own is not None and not (type(own) is FunctionType and own in _INITS):
            return base is not object
    return False


def passthrough_method(owner: Any, name: str, probe: Probe) -> Any:
    """A method for a class that inherits it from C or from a foreign package: of the same kind, sync or async alike.

    Raises:
        TypeError: what is inherited is neither a method nor a class or static method.
    """
    raw, inherited = find(owner, name)[1], getattr(owner, name)
    static = isinstance(raw, (staticmethod, BuiltinFunctionType))
    of_class = isinstance(raw, _CLASS_METHODS)
    if not static and not of_class and not isinstance(raw, _METHODS):
        raise TypeError(f"the inherited {name!r} is a {type(raw).__name__}, no method")

    def call_next(received: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if static or not received:
            return getattr(super(owner, owner), name)(*received, **kwargs)
        first = received[0]
        if of_class or type.__subclasscheck__(owner, type(first)):
            return getattr(super(owner, first), name)(*received[1:], **kwargs)
        # `Class.method(something else)`: whatever comes of it, the inherited method says so.
        return getattr(super(owner, owner), name)(*received, **kwargs)

    flags = getattr(getattr(inherited, "__code__", None), "co_flags", 0) & (GENERATORS | inspect.CO_COROUTINE)
    method = (_async_method if flags & inspect.CO_COROUTINE else _method)(call_next, probe)
    # For inspect only, as in the shims of generator functions: the caller gets the inherited one's own generator.
    # A new function, because Python 3.13 deprecates giving one a code of another kind.
    code = method.__code__.replace(co_flags=method.__code__.co_flags | flags)
    method = FunctionType(code, method.__globals__, name, None, method.__closure__)
    function = _dressed(method, owner, name)
    if static:
        return staticmethod(function)
    return classmethod(function) if of_class else function


def _method(call_next: Callable[..., Any], probe: Probe) -> FunctionType:
    def method(*received: Any, **kwargs: Any) -> Any:
        states = probe.before((received, kwargs))
        if states is None:
            return call_next(received, kwargs)
        try:
            result = call_next(received, kwargs)
        except BaseException as error:
            probe.failed(states, error)
            raise
        probe.after(states, result)
        return result

    return cast("FunctionType", method)


def _async_method(call_next: Callable[..., Any], probe: Probe) -> FunctionType:
    def method(*received: Any, **kwargs: Any) -> Any:
        return _coroutine(lambda: call_next(received, kwargs), probe, (received, kwargs))

    return cast("FunctionType", method)


_METHODS: Final = (FunctionType, MethodDescriptorType, WrapperDescriptorType)
_CLASS_METHODS: Final = (classmethod, ClassMethodDescriptorType)


def passthrough_init_subclass(owner: Any, probe: Probe) -> classmethod[Any, Any, None]:
    """An ``__init_subclass__`` for a class that has none of its own."""

    def __init_subclass__(cls: type, **kwargs: Any) -> None:  # noqa: N807 - it becomes that method
        super(owner, cls).__init_subclass__(**kwargs)
        states = probe.before(((cls,), kwargs))
        if states is not None:
            probe.after(states, None)

    return classmethod(_dressed(__init_subclass__, owner, "__init_subclass__"))


def _dressed(function: Callable[..., Any], owner: type, name: str) -> Callable[..., Any]:
    """Give a pass-through method the looks of what it stands for."""
    inherited = getattr(owner, name)
    signature = signature_of_class(owner) if name == "__init__" else None
    try:
        functools.update_wrapper(function, getattr(inherited, "__func__", inherited))
    except (AttributeError, TypeError):
        function.__name__ = name
    # A pickle refers to a function by its name, and under the inherited name lies the inherited function.
    function.__module__, function.__qualname__ = owner.__module__, f"{owner.__qualname__}.{name}"
    if signature is not None:
        # What inspect says about the class comes from its __new__, or from nowhere, as long as it has no __init__.
        first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        taken = signature.parameters.values()
        with suppress(ValueError):
            function.__signature__ = signature.replace(parameters=[first, *taken])  # type: ignore[attr-defined]
    return function
