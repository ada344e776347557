"""What the configuration deprecates, as the scan looks for it: names, constructors, replacements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isolation_audit.config.model import Target
from isolation_audit.source.scan.lexical import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.config.model import Config, Deprecation, Origin
    from isolation_audit.source.scan.resolving import Resolver


@dataclass(frozen=True, slots=True)
class Hit:
    """What a dotted name has to do with a deprecation: it is the target, something of it, or builds it."""

    deprecation: Deprecation
    kind: str
    """``target``, ``member`` (an attribute of it), ``method`` (one of its constructors), or ``factory``; ``path`` where
    only the way to it is old: the name there is bound to the replacement, or to something else that is not deprecated.
    """
    constructor: Target | None = None
    """Which one, for a ``method`` and a ``factory``."""
    module: str = ""
    """The deprecated module that a ``path`` goes through; empty where a single name of a module is old."""

    @property
    def origin(self) -> Origin | None:
        """What the configuration says of this very constructor."""
        return next((one for one in self.deprecation.origins if one.constructor == self.constructor), None)

    @property
    def way(self) -> Deprecation:
        """The deprecation as it counts here: with the replacement and the arguments of this constructor."""
        found = self.origin
        if found is None:
            return self.deprecation
        return replace(
            self.deprecation, replacement=found.replacement, awaited=found.awaited, arguments=found.arguments
        )


class Deprecated:
    """The deprecations of a configuration, and the names that lead to them."""

    def __init__(self, config: Config) -> None:
        self.entries = config.deprecations
        self._constructors = {
            entry.target: (*entry.constructors, *(one.target for one in config.factories if one.builds == entry.target))
            for entry in self.entries
        }
        self.targets = tuple(
            [
                target
                for entry in self.entries
                for target in (entry.target, *self._constructors[entry.target], *filter(None, [entry.replacement]))
            ]
        )
        self._engines = (*_engines(config),)
        self._names: dict[str, Hit] = {}
        self._others: dict[str, Target] = {}
        self._paths: dict[str, Hit] = {}
        """Old names that have been bound to their replacements, as they are written."""
        self.old_modules = {entry.target.module: entry for entry in self.entries if not entry.target.qualname}
        """Modules that are to go, whatever is in them."""
        self.migrated: set[Target] = set()

    def words(self, more: Iterable[str] = ()) -> Words:
        """What to look for in files; ``more`` are further words that a scan has come across."""
        names, modules = set(more), {module.rpartition(".")[2] for module in self.old_modules}
        for entry in self.entries:
            for target in (entry.target, *self._constructors[entry.target]):
                modules.add(target.module.rpartition(".")[2])
                if target.qualname:
                    names.add(target.qualname.partition(".")[0])
        return Words(frozenset(names), frozenset(modules))

    @property
    def modules(self) -> set[str]:
        """The modules that the targets are configured in."""
        targets = (target for entry in self.entries for target in (entry.target, *self._constructors[entry.target]))
        return {*self.old_modules, *(target.module for target in targets)}

    def settle(self, resolver: Resolver) -> None:
        """Find out what the targets are in this tree: a name may have become an alias of its replacement."""
        self._names.clear()
        self._paths.clear()
        self.migrated.clear()
        for entry in self.entries:
            new = self._replacing(entry, resolver)
            if not self._note(Hit(entry, "target"), entry.target, new, resolver, is_live=True):
                self.migrated.add(entry.target)
            for constructor in self._constructors[entry.target]:
                kind = "method" if str(constructor).startswith(f"{entry.target}.") else "factory"
                hit = Hit(entry, kind, constructor)
                self._note(hit, constructor, new, resolver, is_live=entry.target not in self.migrated)
        self._others = {
            name: target
            for way, target in self._engines
            for name in _resolved(way, resolver)
            if name not in self._names
        }

    def _replacing(self, entry: Deprecation, resolver: Resolver) -> frozenset[str]:
        """Names of what is not deprecated: the replacement, and other ways to name or to build a configured class."""
        ways = [way for way, built in self._engines if built != entry.target]
        return frozenset().union(*[_resolved(way, resolver) for way in [*ways, *filter(None, [entry.replacement])]])

    def _note(self, hit: Hit, target: Target, new: frozenset[str], resolver: Resolver, *, is_live: bool) -> bool:
        """Note the names that ``target`` has, or that only its path is old; whether any of them is not ``new``."""
        own = _dotted(target)
        found = _resolved(target, resolver)
        kept = {name for name in found if name == own or not any(f"{one}.".startswith(f"{name}.") for one in new)}
        for name in kept if is_live else ():
            self._names.setdefault(name, hit)
        if not kept:
            self._paths.setdefault(own, Hit(hit.deprecation, "path", hit.constructor))
        return bool(kept)

    def path(self, name: str) -> Hit | None:
        """What is old about the way that ``name`` says, as it is written (dotted, absolute), where the end is not."""
        if found := self._paths.get(name):
            return found
        while name:
            if entry := self.old_modules.get(name):
                return Hit(entry, "path", module=name)
            name = name.rpartition(".")[0]
        return None

    def hit(self, name: str) -> Hit | None:
        """What the dotted ``name`` has to do with a deprecation, if anything."""
        found = self._names.get(name)
        while found is None and name:
            name = name.rpartition(".")[0]
            if above := self._names.get(name):
                return Hit(above.deprecation, "member")
        return found

    def built(self, name: str) -> Target | None:
        """The configured class that the dotted ``name`` is, or builds; deprecated or not."""
        found = self._names.get(name)
        return self._others.get(name) if found is None else found.deprecation.target

    @staticmethod
    def whole(entry: Deprecation) -> Hit:
        """A hit of the target itself."""
        return Hit(entry, "target")

    def leads(self, name: str) -> bool:
        """Whether the dotted ``name`` is deprecated, or a module or package on the way to something that is."""
        return self.hit(name) is not None or any(one.startswith(name + ".") for one in self._names)


def _engines(config: Config) -> Iterator[tuple[Target, Target]]:
    """Ways to name or to build what is not deprecated, and the class that comes of it."""
    for engine in config.engines:
        yield from ((way, engine.target) for way in (engine.target, *engine.constructors))
    for factory in config.factories:
        yield from ((way, factory.builds) for way in (factory.builds, factory.target))
    for entry in config.deprecations:
        if entry.replacement is not None:
            cls = class_of(entry.replacement)
            yield from ((way, cls) for way in (cls, entry.replacement))
        yield from ((one.replacement, class_of(one.replacement)) for one in entry.origins)


def class_of(replacement: Target) -> Target:
    """A replacement with a method is called by it; everything else is meant to be its class."""
    above, _, last = replacement.qualname.rpartition(".")
    is_method = bool(above) and not last[:1].isupper()
    return Target(replacement.module, above) if is_method else replacement


def _dotted(target: Target) -> str:
    return f"{target.module}.{target.qualname}" if target.qualname else target.module


def _resolved(target: Target, resolver: Resolver) -> frozenset[str]:
    return resolver.resolve(f"{target.module}:{target.qualname}", "")
