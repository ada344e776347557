"""Which objects a class target means: subclasses or not, exclusions by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import mro_of

if TYPE_CHECKING:
    from isolation_audit.config.model import Target
    from isolation_audit.instrument.reading.layout import Layout, Values


class Receivers:
    """Accepts classes: the target's own, its subclasses if asked for, none that is or descends from an excluded one.

    Classes are compared by identity, through ``type`` itself: a metaclass may have ``__eq__``, ``__hash__`` or
    ``__subclasscheck__`` of its own, and no code of the application's runs here.
    """

    __slots__ = ("__weakref__", "cls", "exclude", "nearer", "plain", "subclasses")

    def __init__(self, cls: type, *, subclasses: bool = True, exclude: tuple[Target, ...] = ()) -> None:
        self.cls = cls
        self.subclasses = subclasses
        self.exclude = frozenset(map(str, exclude))
        self.plain = None if self.exclude else cls
        """The class that is accepted without a further look, if any."""
        self.nearer: list[type] = []
        """Subclasses that are targets of their own: their objects are theirs."""

    def accept(self, kind: type) -> bool:
        """True where objects of class ``kind`` are meant."""
        if kind is self.plain:
            return True
        if kind is not self.cls and not (self.subclasses and type.__subclasscheck__(self.cls, kind)):
            return False
        if any(type.__subclasscheck__(one, kind) for one in self.nearer):
            return False
        return not self.exclude or not any(
            f"{one.__module__}:{one.__qualname__}" in self.exclude for one in mro_of(kind)
        )


class OnlyFor(Interceptor):
    """A point for the receivers of one class in a function that the class shares with others through a base class."""

    def __init__(self, point: Interceptor, receivers: Receivers, layout: Layout) -> None:
        self.place = point.place
        self._point = point
        self._receivers = receivers
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Ask the point, where the call is meant."""
        first = self._self_of(values)
        kind = first if issubclass(type(first), type) else type(first)
        return self._point.before(values) if self._receivers.accept(kind) else None

    def after(self, state: Any, result: Any) -> None:
        """Tell the point."""
        self._point.after(state, result)

    def failed(self, state: Any, error: BaseException) -> None:
        """Tell the point."""
        self._point.failed(state, error)
