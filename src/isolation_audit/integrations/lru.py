"""``functools.lru_cache`` and ``functools.cache``: each cached value remembers who had it computed.

Both build a C object of the type ``functools._lru_cache_wrapper``, which takes no subclass. So another class takes its
place, whose instances hold the C cache and look like one. A value that a user's work computes is kept in a box with
that user; every way out of the cache unboxes it, also when the audit is over.
"""

from __future__ import annotations

import dis
import sysconfig
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.value_sources import Source
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.user_arguments import of_call, without
from isolation_audit.integrations import Replacement
from isolation_audit.model.contexts import current_scope
from isolation_audit.model.users import same
from isolation_audit.vocabulary.caches import CachedValues, ComputingCalls, Memo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User
    from isolation_audit.vocabulary.caches import ComputingCall

PLACE: Final = "functools:_lru_cache_wrapper"


class Lru:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Replacement]:
        """The type behind both decorators, for functions that are decorated from now on."""
        watch = runtime.config.watch
        if watch.caches or watch.factories:
            races = runtime.listener(ComputingCalls) if watch.factories else None
            caches = runtime.listener(CachedValues) if watch.caches else None
            yield Replacement(PLACE, CachePoint(caches, races), _watching)


class Box:
    """A cached value, and the user whose work computed it; None once nobody need be told apart.

    ``read(None)`` gives ``stamp`` while that user's work is running: the plain string in the application's variable.
    """

    __slots__ = ("holders", "memo", "read", "stamp", "value", "writer")

    def __init__(self, memo: Memo, writer: User, holders: frozenset[str] = frozenset()) -> None:
        self.memo = memo
        self.holders = holders
        """Parameters in which the writer was handed over."""
        self.writer: User | None = writer
        self.stamp: str | None = None
        self.read: Callable[[None], Any] = _nothing
        self.value: Any = None

    def open(self) -> None:
        """Let everybody have the value without a question."""
        self.writer = self.stamp = None


def _nothing(_default: None) -> None:
    return None


class Miss:
    """A call that the cache does not know: the box for its value, and the call itself, each where it is watched."""

    __slots__ = ("box", "call")

    def __init__(self, box: Box | None, call: ComputingCall | None) -> None:
        self.box = box
        self.call = call


_MISS: Final = 3
"""Values with which a miss is told; of a hit there are fewer."""

_EQUAL: Final = frozenset(map(id, (str, int, bool, float, bytes, type(None))))
"""Types whose values are one key only where they are one value."""

_NONE: Final[frozenset[str]] = frozenset()


class CachePoint(Interceptor):
    """Asked at each miss (``memo, args, kwargs``), and at each hit that may be another user's (``box, arguments``)."""

    place = PLACE

    def __init__(self, caches: CachedValues | None, races: ComputingCalls | None) -> None:
        self._caches = caches
        self._races = races

    def before(self, values: Values) -> Miss | None:
        """At a miss, what is to be done with the value; None where that is nothing, and at a hit."""
        if len(values) == _MISS:
            memo, args, kwargs = values
            box = None if self._caches is None else self._box(self._caches, memo, args, kwargs)
            call = None if self._races is None else self._races.begin(memo.function, memo.target, args, kwargs)
            return None if box is None and call is None else Miss(box, call)
        if self._caches is not None:
            self._hit(self._caches, *values)
        return None

    @staticmethod
    def _box(caches: CachedValues, memo: Memo, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Box | None:
        if memo.settled and _EQUAL.issuperset(map(id, map(type, args))) and not kwargs:
            return None
        writer = caches.user()
        holders = _NONE if writer is None else of_call(memo.function.__code__, args, kwargs, writer.id)
        return None if writer is None or (memo.settled and not holders) else Box(memo, writer, holders)

    @staticmethod
    def _hit(caches: CachedValues, box: Box, arguments: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        writer, reader, memo = box.writer, caches.user(), box.memo
        if writer is None or reader is None or same(writer, reader):
            return
        if box.holders:
            code = memo.function.__code__
            users = box.holders & of_call(code, *arguments, reader.id)
            if users:
                # Two users' objects that are equal are one key. What makes them equal may be all that is used of them.
                memo = Memo(memo.function, frozenset((name, Source.CONTEXT) for name in users))
                arguments = without(users, code, *arguments)
        if memo.settled or not caches.served(memo, writer=writer, reader=reader, arguments=arguments, value=box.value):
            box.open()

    def after(self, miss: Miss, value: Any) -> None:
        """The value is there."""
        if miss.box is not None and self._caches is not None:
            self._kept(self._caches, miss.box)
        if miss.call is not None:
            miss.call.ended(value)

    def failed(self, miss: Miss, _error: BaseException) -> None:
        """There is none."""
        if miss.call is not None:
            miss.call.failed()

    @staticmethod
    def _kept(caches: CachedValues, box: Box) -> None:
        """Who signed in or out meanwhile leaves it without an owner."""
        writer, now = box.writer, caches.user()
        if writer is None or now is None or not same(writer, now):
            box.open()
            return
        variable = caches.runtime.ambient.variable
        value = None if variable is None or current_scope() is not None else variable.get(None)
        if variable is not None and type(value) is str:
            box.stamp, box.read = value, variable.get


class _SameKind(type):
    """Stands for the C type: what was made before, or is left alone, is an instance as well."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._CachedFunction__original)  # type: ignore[attr-defined]

    def __subclasscheck__(cls, subclass: type) -> bool:
        return subclass is cls or issubclass(subclass, cls._CachedFunction__original)  # type: ignore[attr-defined]


class _CachedFunction:
    """A C cache with something before and behind it, that looks like the C cache; a subclass an audit has the rest."""

    # The instance's own dict is the application's, so nothing of ours may have a name that it could use.
    __slots__ = ("__cache", "__dict__", "__weakref__")
    __original: ClassVar[Any]
    __probe: ClassVar[Probe]
    __cache: Any
    # What isinstance() asks for where the type itself does not satisfy it.
    __class__ = property(lambda self: type(self).__original)  # noqa: SLF001 - its own class's

    def __new__(cls, user_function: Any, *args: Any, **kwargs: Any) -> Any:
        original, probe = cls.__original, cls.__probe
        if not len(probe) or type(user_function) is not FunctionType or _left_alone(user_function.__code__):
            return original(user_function, *args, **kwargs)
        self = object.__new__(cls)
        self.__cache = original(_recorded(user_function, probe), *args, **kwargs)
        return self

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        result = self.__cache(*args, **kwargs)
        if type(result) is not Box:
            return result
        stamp = result.stamp
        if stamp is not None:
            now = result.read(None)
            if (now is stamp or (type(now) is str and now == stamp)) and current_scope() is None:
                return result.value
        if result.writer is not None:
            type(self).__probe.before((result, (args, kwargs)))  # noqa: SLF001 - its own class's
        return result.value

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __reduce__(self) -> Any:
        # Like the C type: a pickle refers to a cached function by its name.
        return self.__qualname__  # type: ignore[attr-defined]

    def cache_info(self) -> Any:
        """Report cache statistics"""
        return self.__cache.cache_info()

    def cache_clear(self) -> None:
        """Clear the cache and cache statistics"""
        self.__cache.cache_clear()


def _watching(original: Any, probe: Probe) -> type:
    """A class whose instances ask ``probe``."""
    own = {
        "__slots__": (),
        "__module__": original.__module__,
        "__doc__": original.__doc__,
        "_CachedFunction__original": original,
        "_CachedFunction__probe": probe,
    }
    return _SameKind(original.__name__, (_CachedFunction,), own)


def _recorded(function: FunctionType, probe: Probe) -> Callable[..., Any]:
    memo = Memo(function)

    def recorded(*args: Any, **kwargs: Any) -> Any:
        states = probe.before((memo, args, kwargs))
        if states is None:
            return function(*args, **kwargs)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            probe.failed(states, error)
            raise
        box = states[0][1].box
        if box is not None:
            box.value = value
        probe.after(states, value)
        return value if box is None else box

    return recorded


_STANDARD_LIBRARY: Final = (sysconfig.get_path("stdlib") + "/", "<frozen ")


def _left_alone(code: CodeType) -> bool:
    """The standard library's own caches, and functions that call themselves: they would run out of stack earlier."""
    if code.co_filename.startswith(_STANDARD_LIBRARY) and "-packages/" not in code.co_filename:
        return True
    code = as_written(code)
    return _calls(code, code.co_name, code.co_varnames[0] if code.co_argcount else None)


def _calls(code: CodeType, name: str, receiver: str | None) -> bool:
    """True where the code, or a function inside it, reads ``name`` itself, or as an attribute of the receiver."""
    if name in code.co_names or name in code.co_freevars:
        of_receiver = False
        for step in dis.get_instructions(code):
            if step.argval == name and (step.opname in _OF_NAMES or (step.opname in _OF_ATTRIBUTES and of_receiver)):
                return True
            # One instruction may load two variables, the later one last.
            loaded = step.argval[-1] if type(step.argval) is tuple and step.argval else step.argval
            of_receiver = receiver is not None and loaded == receiver and step.opname.startswith("LOAD_")
    inner = (constant for constant in code.co_consts if type(constant) is CodeType)
    return any(_calls(constant, name, receiver) for constant in inner)


_OF_NAMES: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF"})
_OF_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})


integration = Lru()
