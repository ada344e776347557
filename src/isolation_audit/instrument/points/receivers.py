"""Which objects a class target means: subclasses or not, exclusions by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.config.model import Target


@dataclass(frozen=True, slots=True)
class Receivers:
    """Accepts classes: the target's own, its subclasses if asked for, none that is or descends from an excluded one."""

    cls: type
    subclasses: bool
    exclude: frozenset[str]

    @classmethod
    def of(cls, target: type, *, subclasses: bool, exclude: tuple[Target, ...]) -> Receivers:
        """Receivers of one configured entry."""
        return cls(target, subclasses, frozenset(map(str, exclude)))

    def accept(self, kind: type) -> bool:
        """True where objects of class ``kind`` are meant."""
        if kind is self.cls and not self.exclude:
            return True
        # type.__mro__ is read from the class itself: a proxy's __class__ can't mislead, and no application code runs.
        if self.cls not in kind.__mro__ or (kind is not self.cls and not self.subclasses):
            return False
        return not self.exclude or not any(
            f"{one.__module__}:{one.__qualname__}" in self.exclude for one in kind.__mro__
        )
