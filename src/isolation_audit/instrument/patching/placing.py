"""Placing: how a point gets into a function, a method, a constructor or a whole family of classes."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import field
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from isolation_audit.foundation.records import record
from isolation_audit.instrument.calls.receivers import OnlyFor, Receivers
from isolation_audit.instrument.calls.subclassing import SubclassPoint
from isolation_audit.instrument.patching import wrappers
from isolation_audit.instrument.patching.shims import CodePatch, exact_layout
from isolation_audit.instrument.reading.layout import Layout, loose_layout
from isolation_audit.instrument.resolve import (
    Resolved,
    UnresolvedError,
    awaited_below,
    dict_of,
    find,
    function_of,
    has_receiver,
)
from isolation_audit.model.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.calls.interceptors import Guarded, Interceptor
    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.patching.patches import Patch, PatchTable

    MakePoint = Callable[[Layout], Interceptor]


@record
class _Group:
    """What was placed on behalf of one target, so that it can be taken back alone."""

    added: list[tuple[Patch, Guarded]] = field(default_factory=list)
    covered: dict[tuple[int, str, str], Any] = field(default_factory=dict)
    """(identity of the patched thing, attribute, purpose) -> the thing: each purpose is served once a place."""
    families: list[tuple[type, Callable[[type], None]]] = field(default_factory=list)
    calls: list[int] = field(default_factory=lambda: [0])
    """The cell that counts the calls of everything placed."""


class Places:
    """Puts points where they belong, each purpose once a place, and takes those of one target back."""

    def __init__(self, patches: PatchTable, barrier: Barrier) -> None:
        self._patches = patches
        self._barrier = barrier
        self._groups: dict[Hashable, _Group] = {}
        self._group = _Group()
        self.over = False
        """True once everything was taken back: a call that is under way must not have anything placed any more."""
        self._fresh = False
        """True while a class is being created: a decorator may still look at what its ``__dict__`` has."""
        # Classes are created on any thread, and each creation may place points.
        self._lock = threading.RLock()
        _everywhere.add(self)

    def after_fork(self) -> None:
        """A forked child gets its own lock: another thread may have held this one."""
        self._lock = threading.RLock()

    @contextmanager
    def on_behalf_of(self, key: Hashable, calls: list[int] | None = None) -> Iterator[None]:
        """Everything placed in this block belongs to ``key``, and has its calls counted in ``calls[0]``."""
        with self._lock:
            group = self._groups.setdefault(key, _Group())
            if calls is not None:
                group.calls = calls
            before, self._group = self._group, group
            try:
                yield
            finally:
                self._group = before

    def meanwhile(self, key: Hashable, place: Callable[[], None]) -> None:
        """Place what is found while the application runs, on behalf of ``key`` and in place of what was placed for it.

        Once everything was taken back, nothing is placed any more.
        """
        with self._lock:
            if not self.over:
                self.release(key)  # what a reload leaves behind would pile up, reload after reload
                with self.on_behalf_of(key):
                    place()

    def holds(self, raw: Any) -> bool:
        """True for a function with a point in it."""
        function = function_of(raw)
        return function is not None and self._patches.has(function)

    def release(self, key: Hashable) -> None:
        """Take back what was placed for ``key``, and undo the patches that nobody else needs."""
        with self._lock:
            self._take_back(self._groups.pop(key, _Group()).added)

    def release_code(self, key: Hashable) -> None:
        """Take back what was put into the code of functions for ``key``.

        A method that a class has got for it stays: others may have put theirs into that.
        """
        with self._lock:
            group = self._groups.get(key, _Group())
            gone = [pair for pair in group.added if isinstance(pair[0], CodePatch)]
            group.added = [pair for pair in group.added if not isinstance(pair[0], CodePatch)]
            self._take_back(gone)

    def _take_back(self, added: list[tuple[Patch, Guarded]]) -> None:
        for patch, guarded in added:
            patch.probe.remove(guarded)
        self._patches.take_back({patch.key: patch for patch, _guarded in added if not len(patch.probe)}.values())

    def code_of(self, key: Hashable) -> dict[str, str]:
        """The source of the shims that were placed for ``key``, by the function that each stands in.

        Empty where a wrapper stands before it: then no code is generated.
        """
        added = [patch for patch, _guarded in self._groups.get(key, _Group()).added]
        return {patch.place: patch.source() if isinstance(patch, CodePatch) else "" for patch in added}

    def release_all(self) -> None:
        """Undo everything."""
        with self._lock:
            self.over = True
            self._groups.clear()
            self._patches.undo()

    def revisit(self) -> None:
        """Look again at the known families: decorators may have added methods after a class had been created."""
        with self._lock:
            for key, group in list(self._groups.items()):
                for base, instrument in list(group.families):
                    with self.on_behalf_of(key):
                        for cls in _descendants(base):
                            instrument(cls)

    def family(self, cls: type, receivers: Receivers, instrument: Callable[[type], None]) -> None:
        """Instrument a class, and its subclasses where they are meant: those that exist and those to come."""
        instrument(cls)
        if not receivers.subclasses:
            return

        def if_meant(kind: type) -> None:
            if receivers.accept(kind):
                instrument(kind)

        for kind in _descendants(cls):
            if_meant(kind)
        self._group.families.append((cls, if_meant))
        point = SubclassPoint(f"{cls.__module__}:{cls.__qualname__}", self._on_creation(if_meant))
        own = function_of(dict_of(cls).get("__init_subclass__"))
        if own is not None:
            self._add(self._patches.function(own), point)
            return
        self._add(
            self._patches.attribute(
                cls, "__init_subclass__", None, lambda probe: wrappers.passthrough_init_subclass(cls, probe)
            ),
            point,
        )

    def _on_creation(self, instrument: Callable[[type], None]) -> Callable[[type], None]:
        group = self._group

        def created(kind: type) -> None:
            with self._lock:
                if self.over:
                    return
                before, self._group, self._fresh = self._group, group, True
                try:
                    instrument(kind)
                finally:
                    self._group, self._fresh = before, False

        return created

    def construction(self, cls: type, purpose: str, make: MakePoint) -> None:
        """Put a point around the ``__init__`` of a class."""
        home, raw = find(cls, "__init__")
        if self._is_covered(home, "__init__", purpose):
            return
        function = function_of(raw)
        if function is not None and (home is cls or same_package(home, cls)):
            self._shim(function, purpose, make, receiver=True)
        elif self._fresh:
            return  # `@dataclass` makes no __init__ where it finds one; revisit() comes back
        elif self._cover(cls, "__init__", purpose):
            layout = loose_layout(raw if callable(raw) else None, receiver=True)
            if home is cls:
                patch = self._patches.attribute(cls, "__init__", raw, lambda probe: wrappers.proxy(raw, probe))
            else:
                patch = self._patches.attribute(
                    cls, "__init__", raw, lambda probe: wrappers.passthrough_init(cls, probe)
                )
            self._add(patch, make(layout))

    def method(self, cls: type, name: str, raw: Any, purpose: str, make: MakePoint) -> None:
        """Put a point around a method that a class has or inherits."""
        home = find(cls, name)[0]
        if self._is_covered(home, name, purpose):
            return
        function = function_of(raw)
        if function is not None and (home is cls or same_package(home, cls)):
            self._shim(function, purpose, make, receiver=has_receiver(cls, raw))
        elif self._fresh:
            return
        elif home is cls:
            self.callable(Resolved(cls, name, raw, home), purpose, make)
        elif self._cover(cls, name, purpose):
            layout = loose_layout(getattr(cls, name), receiver=has_receiver(cls, raw))
            patch = self._patches.attribute(cls, name, raw, lambda probe: wrappers.passthrough_method(cls, name, probe))
            self._add(patch, make(layout))

    def callable(self, resolved: Resolved, purpose: str, make: MakePoint) -> None:
        """Put a point around a function, or around whatever else can be called.

        Raises:
            UnresolvedError: it can't be called.
        """
        owner, name, raw = resolved.owner, resolved.name, resolved.raw
        receiver = has_receiver(owner, raw)
        if receiver and isinstance(owner, type) and resolved.home is not owner:
            receivers, shared = Receivers(owner), make
            purpose = f"{purpose} of {owner.__module__}:{owner.__qualname__}"

            def make(layout: Layout) -> Interceptor:
                return OnlyFor(shared(layout), receivers, layout)

        function = function_of(raw)
        if function is not None:
            self._shim(function, purpose, make, receiver=receiver)
            return
        if not callable(raw) and not hasattr(type(raw), "__get__"):
            raise UnresolvedError(f"{owner.__name__}.{name} is a {type(raw).__name__}, which can't be called")
        if not self._cover(owner, name, purpose):
            return
        layout = loose_layout(raw if callable(raw) else None, receiver=receiver)
        patch = self._patches.attribute(owner, name, raw, lambda probe: wrappers.proxy(raw, probe))
        guarded = self._add(patch, make(layout))
        if isinstance(owner, ModuleType):
            aliases = self._patches.aliases(patch, _package_of_aliases(raw, owner))
            self._group.added += [(alias, guarded) for alias in aliases]

    def replace(self, resolved: Resolved, point: Interceptor, make: Callable[[Any, Probe], Any]) -> None:
        """Put something else in the place of an attribute; ``make`` builds it around the original and its probe."""
        owner, name, raw = resolved.owner, resolved.name, resolved.raw
        if not self.over and self._cover(owner, name, "replacement"):
            self._add(self._patches.attribute(owner, name, raw, lambda probe: make(raw, probe)), point)

    def _shim(self, function: FunctionType, purpose: str, make: MakePoint, *, receiver: bool) -> None:
        function = awaited_below(function)
        if not self._is_covered(function, "", purpose):
            patch = self._patches.function(function)
            self._cover(function, "", purpose)
            self._add(patch, make(exact_layout(function, receiver=receiver)))

    def _add(self, patch: Patch, point: Interceptor) -> Guarded:
        remembered.forget()  # a class that is a target of its own now takes its objects from another one's
        guarded = patch.probe.add(point, self._barrier, self._group.calls)
        self._group.added.append((patch, guarded))
        return guarded

    def _is_covered(self, thing: Any, name: str, purpose: str) -> bool:
        return (id(thing), name, purpose) in self._group.covered

    def _cover(self, thing: Any, name: str, purpose: str) -> bool:
        if self._is_covered(thing, name, purpose):
            return False
        self._group.covered[id(thing), name, purpose] = thing
        return True


_everywhere: WeakSet[Places] = WeakSet()


def _after_fork() -> None:
    for places in list(_everywhere):
        places.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def same_package(one: type, other: type) -> bool:
    """True for classes of one top-level package."""
    return one.__module__.partition(".")[0] == other.__module__.partition(".")[0]


def _package_of_aliases(raw: Any, module: ModuleType) -> str | None:
    """The package in which a name for ``raw`` may be replaced, too; None where it may be anywhere.

    An object of the application's own has no other meaning anywhere. A C function of somebody else (``send = print``)
    has: there only the target's own package is meant.
    """
    if not isinstance(raw, BuiltinFunctionType) or raw.__module__ == module.__name__:
        return None
    return module.__name__.partition(".")[0]


def _descendants(cls: type) -> list[type]:
    # Keyed by identity: a metaclass may have an __eq__ or a __hash__ of its own.
    found: dict[int, type] = {}
    waiting: list[type] = type.__subclasses__(cls)
    while waiting:
        kind = waiting.pop()
        if id(kind) not in found:
            found[id(kind)] = kind
            waiting += type.__subclasses__(kind)
    return list(found.values())
