"""Bound ids: the ids that ``identity.bind`` names, read from user contexts and from what calls return."""

from __future__ import annotations

from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import LONGEST
from isolation_audit.config.paths import Attribute
from isolation_audit.instrument.reading.attributes import AttributeReader, reader_of
from isolation_audit.instrument.reading.layout import MISSING, value_reader
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.instrument.resolve import dict_of, mro_of
from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.instrument.tracking.observations import Rebound
from isolation_audit.model.user_names import names_in_context
from isolation_audit.model.users import plain_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from isolation_audit.config.paths import Path, Step
    from isolation_audit.instrument.reading.path_counts import PathCounts
    from isolation_audit.model.aliases import OtherNames
    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User


_HELD: Final = 100
"""Ids of others that wait for the end of one scope."""


class BoundIds:
    """Reads ids and binds them to their user."""

    def __init__(
        self,
        bind: Iterable[tuple[str, Path]],
        bindings: Bindings,
        publish: Callable[[Rebound], None],
        counts: PathCounts,
        names: OtherNames,
    ) -> None:
        self._names = names
        cells = counts.under("[identity] bind")
        self._paths = [
            (kind, _first_of(path.steps), value_reader(path), cells(path), path.steps) for kind, path in bind
        ]
        self.asked = bool(self._paths)
        """Whether any ids are looked for."""
        self._bindings = bindings
        self._publish = publish

    def of(self, context: Any) -> dict[str, str]:
        """The ids of a user context: kind -> id; what is not there, or is no string, is left out."""
        found = {}
        for kind, _first, read, cell, _steps in self._paths:
            value = read(context)
            cell[ASKED] += 1
            cell[GAVE] += type(value) is str
            identifier = value if type(value) is str and len(value) <= LONGEST else plain_name(value)
            if identifier:
                found[kind] = identifier
        return found

    def learn(self, ids: Mapping[str, str], user: User, scope: Scope | None) -> None:
        """Bind ``ids``; one that belonged to somebody else a moment ago is published.

        Within a ``scope`` that is done at its end: the application may refuse to work with it.
        """
        for kind, identifier in ids.items():
            earlier = self._bindings.learn(kind, identifier, user)
            if earlier is None:
                continue
            rebound = Rebound(kind, earlier, user, stack=capture(DEEP))
            held = () if scope is None else scope.rebound or ()
            if scope is None or len(held) == _HELD:
                self._publish(rebound)
            else:
                scope.rebound = [*held, (rebound, identifier)]

    def learn_names(self, context: Any, user: User) -> None:
        """The other names of a user in a user context, such as an address."""
        name = names_in_context(context, user.id)
        if name is not None:
            self._names.learn(name, user)

    def settle(self, scope: Scope) -> None:
        """A scope has ended: with what it was refused it did no work, and the id is whose it was."""
        held, scope.rebound = scope.rebound, None
        for rebound, identifier in held or ():
            if not scope.events and (scope.failed or scope.refused):
                self._bindings.learn(rebound.kind, identifier, rebound.earlier)
            else:
                self._publish(rebound)

    def learn_returned(self, value: Any, user: User) -> None:
        """Bind the ids that a returned or built object holds, where they are nobody's yet.

        What a call for alice returns may be bob's by intention, so nothing is taken from him by it. Any object may
        come: only plain data is read, so that no lazy attribute is loaded on our behalf.
        """
        cls = type(value)
        for kind, first, _read, _cell, steps in self._paths:
            if first is not None and id(cls) in first.usual and getattr(value, first.name, MISSING) is MISSING:
                continue  # as most objects have none of these, and it is known that nothing is run to see that
            if first is not None and _has_no(value, first):
                continue
            try:
                identifier = plain_name(_stored(value, steps))
            except (LookupError, TypeError):
                continue
            if identifier and self._bindings.user_of(kind, identifier) is None:
                self._bindings.learn(kind, identifier, user)


def _stored(value: Any, steps: tuple[Step, ...]) -> Any:
    """What a path leads to through dicts, lists, tuples, instance dictionaries and slots; runs no application code."""
    for step in steps:
        kind = type(value)
        if type(step) is Attribute:
            value = value[step.name] if kind is dict else _attribute(value, kind, step.name)
        elif kind is dict or kind is list or kind is tuple:
            value = value[step.key]  # type: ignore[union-attr]
        else:
            raise LookupError
    return value


def _first_of(steps: tuple[Step, ...]) -> AttributeReader | None:
    first = steps[0] if steps else None
    return reader_of(first.name) if isinstance(first, Attribute) else None


def _has_no(value: Any, first: AttributeReader) -> bool:
    """True where reading an attribute is known to be safe, and gives nothing."""
    kind = type(value)
    return kind is not dict and first.is_usual(kind) and getattr(value, first.name, MISSING) is MISSING


def _attribute(value: Any, kind: type, name: str) -> Any:
    for cls in mro_of(kind):
        own = dict_of(cls)
        slot = own.get(name)
        if type(slot) is MemberDescriptorType:
            try:
                return slot.__get__(value)
            except AttributeError:
                break
        instance = own.get("__dict__")
        if type(instance) is GetSetDescriptorType:
            return instance.__get__(value)[name]
    raise LookupError(name)
