"""What can't take a shim: C callables, partials, callable objects (wrapt's FunctionWrapper) and inherited foreign methods."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.probe import Probe


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

    async def around_async(
        wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        received = args if instance is None else (instance, *args)
        states = probe.before((received, kwargs))
        try:
            result = await wrapped(*args, **kwargs)
        except BaseException as error:
            if states is not None:
                probe.failed(states, error)
            raise
        if states is not None:
            probe.after(states, result)
        return result

    return wrapt.FunctionWrapper(raw, around_async if inspect.iscoroutinefunction(raw) else around)


def passthrough_init(owner: type, probe: Probe) -> Callable[..., None]:
    """An ``__init__`` for a class that inherits its own from C or from a foreign package.

    It goes on through ``super()``, so that method resolution stays what it was.
    """

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it becomes that method
        states = probe.before(((self, *args), kwargs))
        try:
            _init_next(owner, self, args, kwargs)
        except BaseException as error:
            if states is not None:
                probe.failed(states, error)
            raise
        if states is not None:
            probe.after(states, None)

    return _dressed(__init__, owner, "__init__")


def _init_next(owner: type, obj: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    following = super(owner, obj).__init__
    if (args or kwargs) and getattr(following, "__objclass__", None) is object:
        # object.__init__ accepts arguments meant for __new__ only while the class has no __init__ of its own.
        if type(obj).__new__ is object.__new__:
            raise TypeError(f"{type(obj).__name__}() takes no arguments")
        following()
        return
    following(*args, **kwargs)


def passthrough_method(owner: type, name: str, probe: Probe) -> Callable[..., Any]:
    """A method for a class that inherits it from C or from a foreign package; sync or async as the inherited one."""
    inherited = getattr(owner, name)

    if inspect.iscoroutinefunction(inherited):

        async def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            states = probe.before(((self, *args), kwargs))
            try:
                result = await getattr(super(owner, self), name)(*args, **kwargs)
            except BaseException as error:
                if states is not None:
                    probe.failed(states, error)
                raise
            if states is not None:
                probe.after(states, result)
            return result
    else:

        def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            states = probe.before(((self, *args), kwargs))
            try:
                result = getattr(super(owner, self), name)(*args, **kwargs)
            except BaseException as error:
                if states is not None:
                    probe.failed(states, error)
                raise
            if states is not None:
                probe.after(states, result)
            return result

    return _dressed(method, owner, name)


def passthrough_init_subclass(owner: type, probe: Probe) -> classmethod[Any, Any, None]:
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
    try:
        functools.update_wrapper(function, getattr(inherited, "__func__", inherited))
    except (AttributeError, TypeError):
        function.__name__ = name
    return function
