"""The patch table: everything that was changed, keyed by what was changed, and the way back."""

from __future__ import annotations

import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.probe import Probe
from isolation_audit.instrument.shims import CodePatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

_ABSENT: Final = object()


class AttributePatch:
    """One attribute of a class or module, replaced in its ``__dict__``; the original entry, or its absence, is kept."""

    __slots__ = ("installed", "name", "original", "owner", "probe")

    def __init__(self, owner: type | ModuleType, name: str, value: Any, probe: Probe) -> None:
        self.owner = owner
        self.name = name
        self.probe = probe
        self.original = vars(owner).get(name, _ABSENT)
        self.installed = value
        _set(owner, name, value)

    def undo(self) -> None:
        """Restore the entry, unless somebody wrapped ours since: then ours stays below and asks nobody."""
        self.probe.clear()
        if vars(self.owner).get(self.name, _ABSENT) is not self.installed:
            return
        if self.original is _ABSENT:
            _delete(self.owner, self.name)
        else:
            _set(self.owner, self.name, self.original)


def _set(owner: type | ModuleType, name: str, value: Any) -> None:
    # type's own method: a metaclass may refuse or log assignments, and the patch is none of the application's business.
    if isinstance(owner, type):
        type.__setattr__(owner, name, value)
    else:
        vars(owner)[name] = value


def _delete(owner: type | ModuleType, name: str) -> None:
    if isinstance(owner, type):
        type.__delattr__(owner, name)
    else:
        del vars(owner)[name]


class PatchTable:
    """Patches each function and each attribute once, however many entries and instrumentations ask for it."""

    def __init__(self) -> None:
        self._codes: dict[int, CodePatch] = {}
        self._attributes: dict[tuple[int, str], AttributePatch] = {}

    def __len__(self) -> int:
        return len(self._codes) + len(self._attributes)

    def function(self, function: FunctionType) -> Probe:
        """The probe inside ``function``.

        Raises:
            UnshimmableError: its code can't be exchanged.
        """
        patch = self._codes.get(id(function))
        if patch is None or patch.function is not function:
            # The table holds the function, so its identity can't be taken by another one.
            patch = self._codes[id(function)] = CodePatch(function)
        return patch.probe

    def attribute(self, owner: type | ModuleType, name: str, original: Any, make: Callable[[Probe], Any]) -> Probe:
        """The probe behind ``owner.name``; ``make`` builds the replacement around it.

        Raises:
            TypeError, AttributeError: the owner can't be changed (a class written in C).
        """
        key = (id(owner), name)
        patch = self._attributes.get(key)
        if patch is None:
            probe = Probe(original)
            patch = self._attributes[key] = AttributePatch(owner, name, make(probe), probe)
        return patch.probe

    def codes_of(self, function: FunctionType) -> list[CodeType]:
        """The code objects that may run for ``function``: its own, and what a shim of ours stands before."""
        patch = self._codes.get(id(function))
        return [function.__code__] if patch is None else [function.__code__, patch.original_code]

    def aliases(self, original: Any, replacement: Any, probe: Probe) -> None:
        """Replace what other modules took by name before (``from m import f``)."""
        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if value is original:
                    self._attributes[id(module), name] = AttributePatch(module, name, replacement, probe)

    def undo(self) -> None:
        """Undo everything, the last change first."""
        for patch in reversed([*self._codes.values(), *self._attributes.values()]):
            patch.undo()
        self._codes.clear()
        self._attributes.clear()
