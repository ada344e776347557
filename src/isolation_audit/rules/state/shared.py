"""``[[shared]]``: state that users share by design (``allow``), or by no means (``guard``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from isolation_audit.config.model import Shared
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.rules.state.paths import StatePath

__builtins__ = BUILTINS


class SharedState:
    """The entries of one audit's configuration, and which of them have been of use."""

    def __init__(self, runtime: Runtime) -> None:
        self._entries: dict[str, Shared] = {str(one.target): one for one in runtime.config.shared}
        self.used: dict[str, int] = dict.fromkeys(self._entries, 0)

    def policy(self, path: StatePath | None, key: object, container_class: str) -> Literal["guard", "allow", ""]:
        """What is said of the state at the end of a path, or of any object on the way to it; "" where nothing is."""
        if not self._entries:
            return ""
        names = [container_class] if path is None else [path.target_of(key), *path.classes, container_class]
        found: Literal["guard", "allow", ""] = ""
        for target, entry in self._entries.items():
            if any(name == target or name.startswith(f"{target}.") for name in names):
                self.used[target] += 1
                found = entry.policy if found != "allow" else found
        return found
