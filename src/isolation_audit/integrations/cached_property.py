"""``functools.cached_property``, and Django's: a value that one user's work leaves in an object, and another's reads.

Reading such a value calls nothing: it lies in the object's ``__dict__``. So only properties whose value is made from
the ambient variable are watched, from the first one that a user's work computes on: in their class, a descriptor takes
the property's place that is asked before the ``__dict__``. Values stay where they were, and so does everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.resolve import Resolved, dict_of, mro_of
from isolation_audit.integrations import Point
from isolation_audit.model.owner_records import Objects
from isolation_audit.model.users import same
from isolation_audit.vocabulary.caches import CachedValues, Memo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

PLACE: Final = "functools:cached_property.__get__"
DJANGOS: Final = "django.utils.functional:cached_property.__get__"
_ABSENT: Final = object()
_MOST: Final = 10_000
"""Properties of classes that are remembered to be nobody's."""


class CachedProperties:
    """The integration of one kind of such properties, whose ``__get__`` is ``place``."""

    def __init__(self, place: str, distribution: str = "", since: str = "") -> None:
        self.distribution = distribution
        self.since = since
        self._place = place

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """The computing of a value, which is all that calls anything."""
        if runtime.config.watch.caches:
            yield Point(self._place, lambda layout: ComputePoint(self._place, runtime, layout))


class _PropertyMemo(Memo):
    """The function below a property, of objects of one class."""

    __slots__ = ("kind",)

    def __init__(self, function: Any, kind: type) -> None:
        super().__init__(function)
        self.kind = kind

    def receiver(self, args: tuple[Any, ...]) -> type | None:  # noqa: ARG002 - the base's form
        return self.kind


class ComputePoint(Interceptor):
    """Around ``cached_property.__get__``: notes who computed a value that is theirs, and has it watched."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._runtime = runtime
        self._caches = runtime.listener(CachedValues)
        self._ambient = runtime.ambient
        self._property_of = layout.receiver_reader()
        self._instance = layout.argument("instance")
        self._read = ReadPoint(place.removesuffix(".__get__"), self._caches)
        self._nobodys: dict[tuple[int, int], tuple[Any, Any, Any]] = {}
        """By property and class, what was found to be nobody's: both, and with which variable."""

    def before(self, values: Values) -> tuple[Any, Any, User] | None:
        """Begin to compute in a user's work; None for everything else."""
        if not self._ambient.asks:
            return None  # a value can't be made from a variable that nobody knows, and that nobody expects
        instance_of, property_of = self._instance, self._property_of
        instance, found = instance_of(values), property_of(values)
        kind = type(instance)
        known = self._nobodys.get((id(found), id(kind)))
        if known is not None and known[0] is found and known[1]() is kind and known[2] is self._ambient.variable:
            return None
        if instance is None or self._is_nobodys(found, kind):
            return None
        writer = self._caches.user()
        return None if writer is None else (found, instance, writer)

    def _is_nobodys(self, found: Any, kind: type) -> bool:
        nobodys = self._caches.is_nobodys(found.func, kind)
        if nobodys and len(self._nobodys) < _MOST:
            self._nobodys[id(found), id(kind)] = found, ref(kind), self._ambient.variable
        return nobodys

    def after(self, state: tuple[Any, Any, User], _result: Any) -> None:
        """The value is there."""
        found, instance, writer = state
        now = self._caches.user()
        if now is None or not same(writer, now):
            return
        try:
            reference = ref(instance)
        except TypeError:
            return

        def watch() -> None:
            live = reference()
            if live is not None:
                self._read.computed(live)[_name(found)] = writer
                self._watch(found, type(live))

        self._caches.once_of_the_user(_memo(found, instance), watch)

    def _watch(self, found: Any, owner: type) -> None:
        """Have the readings of a property watched in the class that has it."""
        name, kind = _name(found), type(found)
        if f"{kind.__module__}:{kind.__qualname__}" != self._read.place:
            return  # somebody's own subclass
        for home in mro_of(owner):
            if dict_of(home).get(name) is found:
                with self._runtime.places.on_behalf_of(self.place):
                    resolved = Resolved(home, name, found, home)
                    self._runtime.places.replace(resolved, self._read, _watching)
                return


class ReadPoint(Interceptor):
    """Asked with ``(property, object, value)`` when a value is read, and with ``(property, object)`` when it is set."""

    def __init__(self, place: str, caches: CachedValues) -> None:
        self.place = place
        self._caches = caches
        self._objects = Objects()

    def computed(self, instance: Any) -> dict[str, User]:
        """Who computed which value of an object; of one that takes no weak reference nothing is known."""
        record = self._objects.record(instance)
        if record is None:
            return {}
        if record.connection is None:
            record.connection = {}
        by_name: dict[str, User] = record.connection
        return by_name

    def before(self, values: Values) -> None:
        """Compare the users; a value that was set is nobody's."""
        found, instance, *value = values
        by_name, name = self.computed(instance), _name(found)
        if not value:
            by_name.pop(name, None)
            return
        writer, reader = by_name.get(name), self._caches.user()
        if writer is None or reader is None or same(writer, reader):
            return
        rest = tuple([item for other, item in list(vars(instance).items()) if other not in by_name])
        arguments: tuple[tuple[Any, ...], dict[str, Any]] = (rest, {})
        memo = _memo(found, instance)
        if not self._caches.served(memo, writer=writer, reader=reader, arguments=arguments, value=value[0]):
            by_name.pop(name, None)


def _name(found: Any) -> str:
    """The attribute that it caches its value in; Django has another word for it."""
    known = vars(found)
    name: str = known["attrname"] if "attrname" in known else known["name"]
    return name


def _memo(found: Any, instance: Any) -> _PropertyMemo:
    return _PropertyMemo(found.func, type(instance))


def _watching(original: Any, probe: Probe) -> Any:
    """A property like ``original`` that is also asked where the value lies in the object already."""
    kind, name = type(original), _name(original)

    class WatchedProperty(kind):  # type: ignore[misc, valid-type]
        def __get__(self, instance: Any, owner: Any = None) -> Any:
            value = _ABSENT if instance is None else instance.__dict__.get(name, _ABSENT)
            if value is _ABSENT:
                return super().__get__(instance, owner)
            probe.before((self, instance, value))
            return value

        def __set__(self, instance: Any, value: Any) -> None:
            probe.before((self, instance))
            instance.__dict__[name] = value

        def __delete__(self, instance: Any) -> None:
            if name not in instance.__dict__:
                raise AttributeError(name)
            del instance.__dict__[name]

    WatchedProperty.__name__ = WatchedProperty.__qualname__ = kind.__name__
    WatchedProperty.__module__ = kind.__module__
    watched = WatchedProperty(original.func)
    watched.__dict__.update(vars(original))
    return watched


integration = CachedProperties(PLACE)
django = CachedProperties(DJANGOS, "django", "4.2")
