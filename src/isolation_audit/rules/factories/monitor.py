"""IA107-IA109: one role, several factories; one name, several classes; signatures that are not what was declared."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import own_place
from isolation_audit.config.model import Deprecation, Engine
from isolation_audit.foundation.records import record
from isolation_audit.instrument.stacks import here
from isolation_audit.instrument.tracking.observations import NOTHING_MORE, Again, Built, Drifted, Manufactured
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.model.users import Kind
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.factories.other_things import OtherThing
from isolation_audit.rules.factories.registers import Registers, TwoRegisters
from isolation_audit.rules.factories.roles import roles
from isolation_audit.rules.factories.same_names import LoadedTwice, NamesClash, SameNames
from isolation_audit.targets.builders import builder, decided_near
from isolation_audit.targets.construction import BUILT_FOR

if TYPE_CHECKING:
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.targets.builders import Builder

_USERS: Final = 10_000
"""Users of one role whose live engines are remembered."""

_FACTORIES: Final = 64
"""Factories of one role that are told apart."""

_ENGINE = """\
class Engine:
    def __init__(self, user_id):
        self.user_id = user_id

def create_engine(user_id):
    return Engine(user_id)

def create_fast_engine(user_id):
    return Engine(user_id)

kept = []

def main():
"""

_TWO = """\
[[engines]]
target = "app:Engine"
owner = "args.user_id"

[[factories]]
target = "app:create_engine"
builds = "app:Engine"

[[factories]]
target = "app:create_fast_engine"
builds = "app:Engine"
"""

_NAMES = """\
import importlib.util
import sys

class Engine:
    def __init__(self, context):
        self.context = context

    def run(self):
        return self.context

def imported_as(name):
    spec = importlib.util.spec_from_file_location(name, __file__)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def main():
    Engine("alice")
"""


@record
class _Factory:
    """What one factory has built for one role."""

    declared: bool
    stack: RawStack
    built: int = 0
    types: dict[str, RawStack] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class _Live:
    """One object of one user's, as long as it is there."""

    reference: weakref.ref[Any]
    by: str
    declared: bool
    stack: RawStack


class FactoriesMonitor(Monitor):
    """Remembers for each role who has built what, for whom, and where."""

    hears = (("DependencyOverrides", "isolation_audit.rules.factories.overrides:Overrides"),)

    rules = (
        Rule(
            "IA107",
            "several-factories",
            Severity.WARNING,
            "One role has several factories at work, or one factory that builds classes of several kinds.",
            "Each factory keeps its own limits, registers and clean-up. Two engines of one user that come from two "
            "factories do not know of each other: what one factory cleans up, counts or caches, the other one keeps. "
            "A role is an engine with the deprecated classes that it replaces. Declared factories are a warning; "
            "functions whose names say that they build (`create_*`, `SomeFactory.*`) are a note. Where a canonical "
            "factory is declared, single constructions past it are IA106, and IA107 is about two engines that one user "
            "has at once: by two ways, or from two objects of one factory class that each keep a register of what they "
            "have built.",
            "let one factory build the role's engines, mark it canonical, and let the others call it",
            Example(
                config=_TWO,
                bad=_ENGINE + '    kept.append(create_engine("alice"))\n    kept.append(create_fast_engine("alice"))\n',
                good=_ENGINE + '    kept.append(create_engine("alice"))\n    kept.append(create_engine("alice"))\n',
            ),
            options="`factories.target`, `factories.builds`, `factories.canonical`",
        ),
        Rule(
            "IA108",
            "one-name-several-classes",
            Severity.WARNING,
            "Two classes of one name are in use for one role, one file was imported as two modules, or a name stands "
            "for something else than it says.",
            "Whoever reads the name takes both for one class. `isinstance` says no, registries do not find "
            "each other's objects, and a repair of one class is missing in the other. Where one file is two modules "
            "(`app.engine` and `engine`), each has its own classes, singletons and caches. Looked for are the names "
            "that the configuration gives a role, in the application's modules. Classes whose name is one word must "
            "have a method or a parameter of the constructor in common. A file that is two modules is a warning where "
            "the configuration names it, else a note. Where a module takes something of its own in an `except`, "
            "because an import has failed, everything seems to work and the real class is never used: a warning where "
            "the module that could not be imported is the application's, else a note. Another class or function under "
            "the name is a note, and a warning where it is deprecated; the replacement under the name of what it "
            "replaces is none.",
            "keep one of the classes and import it everywhere by one path; give the other one a name of its own",
            Example(
                config='[[engines]]\ntarget = "app:Engine"\n',
                bad=_NAMES + '    imported_as("src.app").Engine("alice")\n    del sys.modules["src.app"]\n',
                good=_NAMES + '    imported_as("app").Engine("alice")\n',
            ),
            options="`watch.factories`; the names of `engines`, `deprecations`, `emitters`, `factories`, `singletons`, "
            "`identity.context_types`",
        ),
        Rule(
            "IA109",
            "signature-drift",
            Severity.WARNING,
            "A constructor or a method is not what the configuration says of it.",
            "A path to a parameter that is not there never gives a user; a replacement that needs more than the old "
            "call gave fails at the first call; an `await` too much or too little fails or is forgotten. The auditor "
            "compares the signatures once both modules are imported: parameters of `owner`, of `arguments` "
            "and `await` of a replacement, and the methods that `requires` names, with those of the deprecated class. "
            "Subclasses of an engine whose `requires` and `cleanup` methods are called otherwise than its own (a "
            "coroutine function or not, a further parameter) are told, and so are declared factories of one name.",
            "say in the configuration what the code takes now, or give the code back what its callers pass",
            Example(
                config='[[deprecations]]\ntarget = "app:OldEngine"\nreplacement = "app:Engine"\n'
                'arguments = { user = "context" }\n',
                bad="class OldEngine:\n    def __init__(self, user):\n        pass\n\n"
                "class Engine:\n    def __init__(self, user_context):\n        pass\n\ndef main():\n    pass\n",
                good="class OldEngine:\n    def __init__(self, user):\n        pass\n\n"
                "class Engine:\n    def __init__(self, context):\n        pass\n\ndef main():\n    pass\n",
            ),
            options="`engines.owner`, `engines.requires`, `deprecations.replacement`, `deprecations.arguments`, "
            "`deprecations.await`, `engines.cleanup`, `factories.target`",
        ),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        config = self.runtime.config
        self._roles = roles(config)
        self._names: SameNames | None = self.runtime.part(SameNames) if config.watch.factories else None
        self._canonical = {
            self._roles.get(str(factory.builds), str(factory.builds))
            for factory in config.factories
            if factory.canonical
        }
        self._registers = self.runtime.part(Registers)
        self._factories: dict[str, dict[str, _Factory]] = {}
        self._live: dict[tuple[str, str], list[_Live]] = {}

    @observes(Built)
    def on_built(self, built: Built) -> Again | None:
        """Who has built it, and what else that one and others have built."""
        entry, target = built.entry, built.target
        if not isinstance(entry, (Engine, Deprecation)):
            return NOTHING_MORE
        if self._names is not None:
            self._names.built(entry.target.qualname, type(built.obj))
        role = self._roles.get(target, target)
        codes, inside = self.runtime.factory_codes, self.runtime.constructor_codes.get(target, {})
        near = _origin(built)
        made_by = builder(codes, inside, near)
        self._built_by(role, made_by, built)
        if not decided_near(codes, inside, near):
            return None
        if made_by is None and role not in self._factories:
            return NOTHING_MORE
        return Again(partial(self._built_by, role, made_by))

    def _built_by(self, role: str, made_by: Builder | None, built: Built) -> None:
        if made_by is None and role not in self._factories:
            return  # as long as no factory is at work, everybody builds
        at_once = self._at_once(built, role, made_by)
        if made_by is not None:
            self._several(built, role, made_by, told=at_once)

    def _several(self, built: Built, role: str, made_by: Builder, *, told: bool) -> None:
        if role not in self._factories:
            self.runtime.builds = object()  # from now on it matters who else builds
        factories = self._factories.setdefault(role, {})
        factory = factories.get(made_by.name)
        if factory is None:
            if len(factories) >= _FACTORIES:
                return
            factory = factories.setdefault(made_by.name, _Factory(made_by.declared is not None, here()))
        factory.built += 1
        name, first = next(iter(factories.items()))
        if first is not factory and not told and role not in self._canonical:
            self.report(
                "IA107",
                "{target} is built by several factories: {detail}{measured}",
                target=role,
                detail=f"{name} and {made_by.name}",
                measured=f" (so far {first.built} and {factory.built} times)",
                place=f"built by {made_by.name} here",
                ambient=built.ambient,
                owner=built.owner,
                before=(first.stack, f"built by {name} here"),
                severity=None if first.declared or factory.declared else Severity.NOTE,
            )
        self._types(built, role, made_by, factory)

    def _types(self, built: Built, role: str, made_by: Builder, factory: _Factory) -> None:
        """One factory that builds classes of several kinds."""
        kind = type(built.obj)
        name = f"{kind.__module__}:{kind.__qualname__}"
        if name in factory.types or len(factory.types) >= _FACTORIES:
            return
        factory.types[name] = here()
        other, first = next(iter(factory.types.items()))
        if other != name:
            self.report(
                "IA107",
                "the factory {detail} for {target}",
                target=role,
                detail=f"{made_by.name} builds {other} and {name}",
                place=f"{name} built here",
                ambient=built.ambient,
                owner=built.owner,
                before=(first, f"{other} built here"),
                severity=None if made_by.declared is not None else Severity.NOTE,
            )

    def _at_once(self, built: Built, role: str, made_by: Builder | None) -> bool:
        """True where the user has an engine of this role already, from somewhere else."""
        owner = built.named
        if owner is None or owner.kind is not Kind.USER:
            return False
        key = (role, owner.id)
        live = [one for one in self._live.get(key, ()) if one.reference() is not None]
        by = "a direct call" if made_by is None else made_by.name
        declared = made_by is not None and made_by.declared is not None
        other = next((one for one in live if one.by != by), None)
        self._remember(key, live, built.obj, _Live(_reference(built.obj), by, declared, _place(built)))
        if other is None or (made_by is None and role in self._canonical):
            return False
        self.report(
            "IA107",
            "{owner} has two {target} at once, by different ways: {detail}",
            target=role,
            detail=f"{other.by} and {by}",
            place=f"built by {by} here",
            ambient=built.ambient,
            owner=owner,
            before=(other.stack, f"built by {other.by} here"),
            severity=None if declared or other.declared else Severity.NOTE,
        )
        return True

    def _remember(self, key: tuple[str, str], live: list[_Live], obj: Any, one: _Live) -> None:
        if all(known.reference() is not obj for known in live):
            live.append(one)
        self._live.pop(key, None)
        self._live[key] = live[-_FACTORIES:]
        if len(self._live) > _USERS:
            drop_first(self._live)

    @observes(Manufactured)
    def on_manufactured(self, made: Manufactured) -> None:
        """Who else may have a register with an engine of this user's."""
        target = str(made.entry.builds)
        self._registers.manufactured(made, self._roles.get(target, target))

    @observes(TwoRegisters)
    def on_two_registers(self, two: TwoRegisters) -> None:
        """Where each of the factory objects has built."""
        self.report(
            "IA107",
            "{owner} has two {target} at once, from two factory objects: {detail}",
            target=two.role,
            detail=f"each {two.factory} keeps its own in its {two.register}",
            place="built by the second one here",
            at=two.second,
            owner=two.owner,
            before=(two.first, "built by the first one here"),
        )

    @observes(NamesClash)
    def on_names_clash(self, clash: NamesClash) -> None:
        """Both classes are in use: where each was used first."""
        more = f" and {len(clash.others) - 1} more" if len(clash.others) > 1 else ""
        self.report(
            "IA108",
            "{target} is in use beside {detail}",
            target=clash.used,
            detail=f"{clash.others[0]}{more}: several classes of one name for the role of {clash.role}",
            place=f"{clash.used} used here",
            ambient=self.runtime.ambient.current(),
            before=(clash.first, f"{clash.others[0]} used first here"),
        )

    @observes(LoadedTwice)
    def on_loaded_twice(self, twice: LoadedTwice) -> None:
        """Where it was imported the second time."""
        self.report(
            "IA108",
            "one file is two modules: {detail}",
            target=twice.module,
            detail=f"{twice.other} and {twice.module}; each has its own classes and state",
            place="imported again here",
            severity=None if twice.configured else Severity.NOTE,
        )

    @observes(OtherThing)
    def on_other_thing(self, other: OtherThing) -> None:
        """Where the thing is defined that the name stands for."""
        said = f"{other.thing}: importing it from {other.wanted} has failed" if other.wanted else other.thing
        self.report(
            "IA108",
            "{target} stands for {detail}",
            target=f"{other.module}:{other.name}",
            detail=said,
            place="defined here",
            at=other.place,
            severity=None if other.own else Severity.NOTE,
        )

    @observes(Drifted)
    def on_drifted(self, drifted: Drifted) -> None:
        """Where it is defined."""
        self.report(
            "IA109",
            "{target}: {detail}",
            target=drifted.target,
            detail=drifted.what,
            place="defined here",
            at=drifted.stack,
            before=(drifted.other, drifted.other_label) if drifted.other else None,
        )


def _place(built: Built) -> RawStack:
    """Where it was built: as its record has it, where the application is near enough to be in that."""
    origin = _origin(built)
    return origin if own_place(origin) is not None else here()


def _origin(built: Built) -> RawStack:
    """The innermost frames of the place where it was built, as its record has them."""
    record = built.record
    return () if record is None or record.origin_label != BUILT_FOR else record.origin or ()


def _reference(obj: Any) -> weakref.ref[Any] | Any:
    try:
        return weakref.ref(obj)
    except TypeError:
        return lambda: None
