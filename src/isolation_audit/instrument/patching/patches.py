"""The patch table: everything that was changed, keyed by what was changed, and the way back."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.patching.shims import CodePatch
from isolation_audit.instrument.resolve import dict_of
from isolation_audit.model.tables import loaded_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

_ABSENT: Final = object()


class AttributePatch:
    """One attribute of a class or module, replaced in its ``__dict__``; the original entry, or its absence, is kept."""

    __slots__ = ("installed", "name", "original", "owner", "probe")

    def __init__(self, owner: type | ModuleType, name: str, value: Any, probe: Probe) -> None:
        self.owner = owner
        self.name = name
        self.probe = probe
        self.original = dict_of(owner).get(name, _ABSENT)
        self.installed = value
        _set(owner, name, value)

    @property
    def key(self) -> tuple[int, str]:
        """What is patched."""
        return id(self.owner), self.name

    @property
    def place(self) -> str:
        """Where the attribute stands, as a target would be written."""
        owner = self.owner
        return (
            f"{owner.__module__}:{owner.__qualname__}.{self.name}"
            if isinstance(owner, type)
            else (f"{owner.__name__}:{self.name}")
        )

    def undo(self) -> bool:
        """Restore the entry; False where somebody wrapped ours since: then ours stays below and asks nobody."""
        self.probe.clear()
        if dict_of(self.owner).get(self.name, _ABSENT) is not self.installed:
            return False
        if self.original is _ABSENT:
            _delete(self.owner, self.name)
        else:
            _set(self.owner, self.name, self.original)
        return True


Patch = CodePatch | AttributePatch


def _set(owner: type | ModuleType, name: str, value: Any) -> None:
    # type's own method: a metaclass may refuse or log assignments, and the patch is none of the application's business.
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
    else:
        dict_of(owner)[name] = value


def _delete(owner: type | ModuleType, name: str) -> None:
    if isinstance(owner, type):
        type.__delattr__(owner, name)
    else:
        del dict_of(owner)[name]


_left_behind: list[Patch] = []
"""Patches that another wrapper covered when they were to be undone; it may be gone the next time somebody looks."""


def withdraw_left_behind() -> None:
    """Take out what could not be taken out before: before new patches cover it, and whenever others are undone."""
    for patch in reversed(_left_behind.copy()):
        if patch.undo():
            _left_behind.remove(patch)


class PatchTable:
    """Patches each function and each attribute once, however many entries and instrumentations ask for it."""

    def __init__(self) -> None:
        # Each patch holds what it patched, so its identity can't be taken by another object.
        self._patches: dict[tuple[int, str], Patch] = {}

    def __len__(self) -> int:
        return len(self._patches)

    def probes(self) -> list[Probe]:
        """What is asked at each of them; one that several have is there several times."""
        return [patch.probe for patch in list(self._patches.values())]

    def function(self, function: FunctionType) -> CodePatch:
        """The patch of ``function``.

        Raises:
            UnshimmableError: its code can't be exchanged.
        """
        patch = self._patches.get((id(function), "__code__"))
        if not isinstance(patch, CodePatch):
            patch = CodePatch(function)
            self._patches[patch.key] = patch
        return patch

    def has(self, function: FunctionType) -> bool:
        """True where there is a shim in it."""
        patch = self._patches.get((id(function), "__code__"))
        return isinstance(patch, CodePatch) and patch.installed

    def attribute(
        self, owner: type | ModuleType, name: str, original: Any, make: Callable[[Probe], Any]
    ) -> AttributePatch:
        """The patch of ``owner.name``; ``make`` builds the replacement around its probe.

        Raises:
            TypeError, AttributeError: the owner can't be changed (a class written in C).
        """
        patch = self._patches.get((id(owner), name))
        if not isinstance(patch, AttributePatch):
            probe = Probe(original)
            patch = AttributePatch(owner, name, make(probe), probe)
            self._patches[patch.key] = patch
        return patch

    def codes_of(self, function: FunctionType) -> list[CodeType]:
        """The code objects that may run for ``function``: its own, and what a shim of ours stands before."""
        patch = self._patches.get((id(function), "__code__"))
        return [function.__code__, *([patch.original_code] if isinstance(patch, CodePatch) else [])]

    def aliases(self, patch: AttributePatch, package: str | None) -> list[AttributePatch]:
        """Replace what other modules took by name before (``from m import f``); None means: of every package."""
        made = []
        original = patch.original
        for module_name, module in loaded_modules():
            if package is not None and module_name.partition(".")[0] != package:
                continue
            if not issubclass(type(module), ModuleType):
                continue
            names = dict_of(module)
            # Most modules have none: that is told before a list of pairs is made.
            if not [True for value in list(names.values()) if value is original]:
                continue
            for name, value in list(names.items()):
                if value is original and (id(module), name) not in self._patches:
                    alias = AttributePatch(module, name, patch.installed, patch.probe)
                    self._patches[alias.key] = alias
                    made.append(alias)
        return made

    def undo(self) -> None:
        """Undo everything, the last change first."""
        self.take_back(list(self._patches.values()))

    def take_back(self, patches: Iterable[Patch]) -> None:
        """Undo these, the last one first."""
        for patch in reversed(list(patches)):
            self._patches.pop(patch.key, None)
            if not patch.undo():
                _left_behind.append(patch)
        withdraw_left_behind()
