"""Holding: the shortest way from something that stays to an object, in words.

The garbage collector tells who refers to what. It does not tell of the local variables of functions that run, so these
are asked last. Nothing of the application's is called, and no value is shown: names of modules, classes, functions,
attributes and variables are words of its source.
"""

from __future__ import annotations

import gc
import sys
import time
from contextvars import Context
from threading import Thread
from types import (
    AsyncGeneratorType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    TracebackType,
)
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isolation_audit.analysis.frames import is_installed
from isolation_audit.analysis.texts import shown
from isolation_audit.instrument.heap.bounds import is_bounded
from isolation_audit.instrument.heap.unseen import referents, unseen_referrers
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.stacks import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEEPEST: Final = 14
_WIDEST: Final = 1_500
"""Referrers of one step that are followed."""
_SHOWN: Final = 5
_SUSPENDED: Final = frozenset(map(id, (CoroutineType, GeneratorType, AsyncGeneratorType)))
"""Classes by identity: a metaclass of the application may have an ``__eq__`` or a ``__hash__`` of its own."""
_CO_OPTIMIZED: Final = 1
_CODES: Final = {
    id(FunctionType): "__code__",
    id(FrameType): "f_code",
    id(CoroutineType): "cr_code",
    id(GeneratorType): "gi_code",
    id(AsyncGeneratorType): "ag_code",
}
"""Where what runs, or can be called, has its code."""
_PENDING: Final = "PENDING"
"""The state of a task that has not ended; event loops have none."""


class Holding(NamedTuple):
    """``words`` name the way from the holder on; ``passing`` is True where what holds is at work and may end."""

    words: str
    through: tuple[int, ...]
    """Identities of the objects on the way."""
    passing: bool
    ours: bool
    """True where it is a test runner that holds it."""
    bounded: bool = False
    """True where what holds it keeps no more than a number that it knows."""
    of_library: bool = False
    """True where nothing on the way is the application's: a library keeps it for its own purposes."""


class _Way:
    """The objects that were met, by identity, and to whose identity each refers; 0 for the one that is asked for."""

    def __init__(self, obj: Any) -> None:
        self.objects: dict[int, Any] = {id(obj): obj}
        self.children: dict[int, int] = {id(obj): 0}

    def down_from(self, top: Any) -> list[Any]:
        """From a holder to the object."""
        chain = [top]
        while (child := self.children[id(chain[-1])]) != 0:
            chain.append(self.objects[child])
        return chain


def holding(obj: Any, seconds: float = 1.0) -> Holding | None:
    """Who holds ``obj``; None where nobody was found in that time: it may be the interpreter itself."""
    ends = time.perf_counter() + seconds
    modules = {id(dict_of(one)): one for one in list(sys.modules.values()) if issubclass(type(one), ModuleType)}
    way = _Way(obj)
    level = last = [obj]
    for _ in range(_DEEPEST):
        level = _referrers(level, way, modules)
        # A name of a module's says more than a thread that has the same, whichever the collector tells first.
        named = next((one for one in level if id(one) in modules), None)
        holder = next((one for one in level if _stays(one)), None) if named is None else named
        if holder is not None:
            return _told(way.down_from(holder), modules)
        if not level or time.perf_counter() > ends:
            break
        last = level
    # Held by something that the collector does not know: what comes last on the way is the best there is.
    return _running(way, modules) or (_told(way.down_from(last[0]), modules) if last[0] is not obj else None)


def _referrers(level: list[Any], way: _Way, modules: dict[int, ModuleType]) -> list[Any]:
    """What refers to any of ``level`` and was not met yet; what it refers to is noted on the way."""
    known = {id(one) for one in level}
    asked = tuple(level)  # from CPython 3.13 on the tuple of the call's own arguments is told as well
    seen = _followed([one for one in gc.get_referrers(*asked) if one is not asked], level, known, way)
    if seen:
        return seen
    return _followed(unseen_referrers(known, map(dict_of, modules.values())), level, known, way)


def _followed(referrers: Iterable[Any], level: list[Any], known: set[int], way: _Way) -> list[Any]:
    found: list[Any] = []
    for one in referrers:
        if id(one) in way.objects or one is level or one is way.objects:
            continue
        if type(one) is FrameType and is_ours(one.f_code):
            continue
        child = next((id(inner) for inner in referents(one) if id(inner) in known), 0)
        if child and len(found) < _WIDEST:
            way.objects[id(one)], way.children[id(one)] = one, child
            found.append(one)
    return found


def _stays(one: Any) -> bool:
    """True for what lasts as long as the process does, or decides by itself when it ends."""
    kind = type(one)
    if issubclass(kind, (type, ModuleType)):
        return True
    if issubclass(kind, Thread):
        return Thread.is_alive(one)
    lasting = any(base.__name__ in _LASTING and base.__module__ in _LASTING_MODULES for base in mro_of(kind))
    return lasting and getattr(one, "_state", _PENDING) == _PENDING  # a finished task is held by somebody


_LASTING: Final = frozenset({"Task", "BaseEventLoop"})
_LASTING_MODULES: Final = frozenset({"asyncio.tasks", "_asyncio", "asyncio.base_events"})
_PASSING: Final = frozenset({"Task", "Thread", "Handle", "TimerHandle", "Future"})


def _told(chain: list[Any], modules: dict[int, ModuleType]) -> Holding:
    words = [one for one in _words(chain, modules) if one]
    passing = any(base.__name__ in _PASSING for one in chain[:-1] for base in mro_of(type(one)))
    ours = any(_is_ours(one) for one in chain[:-1])
    bounded = any(map(is_bounded, chain[:-1]))
    of_library = all(is_installed(file) for one in chain[:-1] if (file := _file_of(one, modules)))
    return Holding(shown(" -> ".join(_short(words))), (*map(id, chain[:-1]),), passing, ours, bounded, of_library)


def _file_of(one: Any, modules: dict[int, ModuleType]) -> str:
    """The file of the code that has made a holder what it is; empty for what the interpreter has written."""
    kind = type(one)
    if kind is MethodType:
        one, kind = one.__func__, type(one.__func__)
    code = _CODES.get(id(kind))
    if code is not None:
        return str(getattr(one, code).co_filename)
    home = modules.get(id(one))
    if home is None:
        home = sys.modules.get(str((one if issubclass(kind, type) else kind).__module__))
    file = None if home is None else dict_of(home).get("__file__")
    return file if type(file) is str else ""


def _short(words: list[str]) -> list[str]:
    if len(words) <= _SHOWN:
        return words
    return [*words[: _SHOWN - 2], "...", words[-1]]


def _words(chain: list[Any], modules: dict[int, ModuleType]) -> Iterator[str]:
    """One word or none for each holder on the way."""
    told = False
    for one, child, after in zip(chain, chain[1:], [*chain[2:], None], strict=False):
        if told:  # the dict of the instance or class before
            told = False
        elif id(one) in modules:
            yield f"{modules[id(one)].__name__}.{_key(one, child)}"
        else:
            yield _word(one, child, after)
            own = child is getattr(one, "__closure__", None) if type(one) is FunctionType else _own_dict(one) is child
            told = after is not None and own


def _own_dict(one: Any) -> Any:
    """The dict of an instance, read past whatever its class says; None where it has none."""
    if issubclass(type(one), type):
        return None
    try:
        return object.__getattribute__(one, "__dict__")
    except Exception:  # a property of that name may do anything
        return None


def _word(one: Any, child: Any, after: Any) -> str:  # noqa: PLR0911, C901 - one line a kind of holder
    kind = type(one)
    if issubclass(kind, type):
        return f"{one.__module__}.{one.__qualname__}.{_key(dict_of(one), child) or _key(dict_of(one), after) or '?'}"
    if kind is FunctionType:
        return _of_function(one, child, after)
    if kind is MethodType:
        return f"the bound method {one.__func__.__qualname__}"
    if id(kind) in _SUSPENDED:
        return f"a local variable of the waiting {one.__qualname__}()"
    if kind is FrameType:
        return f"a local variable of {one.f_code.co_qualname}()"
    if kind is TracebackType:
        return f"a traceback through {one.tb_frame.f_code.co_qualname}()"
    if kind.__module__ in ("builtins", "collections"):
        return f"a {kind.__name__}"
    if kind is Context or kind.__name__.startswith("hamt"):
        return "the value of a context variable" if kind is Context else ""
    if issubclass(kind, BaseException):
        return f"the kept exception {kind.__qualname__}"
    if issubclass(kind, Thread):
        return f"a thread for {getattr((_own_dict(one) or {}).get('_target'), '__qualname__', kind.__qualname__)}()"
    name = _attribute(one, child, after)
    return f"{kind.__module__}.{kind.__qualname__}{'.' + name if name else ''}"


def _of_function(function: FunctionType, child: Any, after: Any) -> str:
    if child is function.__closure__ and child is not None:
        number = next((n for n, cell in enumerate(child) if cell is after), None)
        name = "" if number is None else f" {function.__code__.co_freevars[number]!r}"
        return f"the closure{name} of {function.__qualname__}()"
    if child is function.__defaults__ or child is function.__kwdefaults__:
        return f"a default argument of {function.__qualname__}()"
    return f"the function {function.__qualname__}()"


def _key(names: Any, child: Any) -> str:
    """The name under which a namespace has something."""
    return next((str(name) for name, value in list(names.items()) if value is child), "")


def _attribute(one: Any, child: Any, after: Any) -> str:
    """The attribute by which an instance has what comes next; its dict may stand between."""
    for kind in mro_of(type(one)):
        for name, member in list(dict_of(kind).items()):
            if type(member).__name__ == "member_descriptor":
                try:
                    if member.__get__(one) is child:
                        return str(name)
                except AttributeError:
                    continue
    inside = _own_dict(one)
    return _key(inside, after if child is inside else child) if type(inside) is dict else ""


def _is_ours(one: Any) -> bool:
    """True for what belongs to the machinery of a test run: it lets go by itself."""
    return str(type(one).__module__).partition(".")[0] in ("_pytest", "pluggy")


def _running(way: _Way, modules: dict[int, ModuleType]) -> Holding | None:
    """A function that runs and has one of these in a local variable."""
    for frame in sys._current_frames().values():  # noqa: SLF001 - the documented way to the stacks of all threads
        below: FrameType | None = frame
        while below is not None:
            if not is_ours(below.f_code) and below.f_code.co_flags & _CO_OPTIMIZED:
                name, value = _local(below, way)
                if name:
                    chain = [] if value is None else way.down_from(value)
                    words = [f"the local variable {name!r} of {below.f_code.co_qualname}(), which runs"]
                    words += [one for one in _words(chain, modules) if one]
                    return Holding(shown(" -> ".join(_short(words))), (*map(id, chain[:-1]),), True, False)
            below = below.f_back
    return None


def _local(frame: FrameType, way: _Way) -> tuple[str, Any]:
    names = frame.f_locals
    try:
        return next(((name, value) for name, value in names.items() if id(value) in way.objects), ("", None))
    finally:
        if type(names) is dict:
            names.clear()  # a snapshot up to Python 3.12, which would hold what the function lets go of
