"""IA1xx: which engines are built, for whom, and by which way."""

from __future__ import annotations

import sys
import weakref
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.model import Deprecation, Engine
from isolation_audit.instrument.reading.layout import MISSING
from isolation_audit.instrument.resolve import mro_of
from isolation_audit.instrument.shim_codes import code_of, is_generated
from isolation_audit.instrument.tracking.observations import NOTHING_MORE, Again, Built, Imported, Unbuilt
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.model.users import Kind
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.factories.overrides import Overrides
from isolation_audit.targets.construction import BUILT_FOR

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.config.model import Target
    from isolation_audit.instrument.stacks import RawStack

    Constructors = dict[int, tuple[CodeType, str]]

_TYPES: Final = 1_000
"""Types of contexts that are remembered."""

_ENGINE = """\
from contextvars import ContextVar
from dataclasses import dataclass

current_user = ContextVar("current_user", default=None)

@dataclass
class Context:
    user_id: str

class Engine:
    def __init__(self, context):
        self.context = context

"""

_CONFIG = """\
[ambient]
contextvar = "app:current_user"

[[engines]]
target = "app:Engine"
owner = ["args.context.user_id"]
"""


class ConstructionMonitor(Monitor):
    """Judges every construction of a declared engine, and every import of a deprecated module."""

    rules = (
        Rule(
            "IA101",
            "deprecated-engine-built",
            Severity.WARNING,
            "An object of a deprecated class was built, or a deprecated constructor was called.",
            "A deprecated engine keeps state that its users share. As long as one place still builds it, the migration "
            "is not done, whatever a text search says: aliases, factories and bridges build it under other names.",
            "build the replacement named under [[deprecations]] instead",
            Example(
                config='[[deprecations]]\ntarget = "app:ExecutionEngine"\nreplacement = "app:UserExecutionEngine"\n',
                bad="class ExecutionEngine:\n    pass\n\ndef main():\n    ExecutionEngine()\n",
                good="class ExecutionEngine:\n    pass\n\nclass UserExecutionEngine:\n    pass\n\n"
                "def main():\n    UserExecutionEngine()\n",
            ),
            options="`deprecations.target`, `subclasses`, `exclude`, `constructors`, `replacement`, `reason`, "
            "`deadline`",
        ),
        Rule(
            "IA102",
            "deprecated-module-imported",
            Severity.WARNING,
            "A module that is deprecated as a whole was imported.",
            "Whoever imports the module can build what is in it, and imports are easier to remove than calls.",
            "import the replacement's module instead",
            Example(
                config='[[deprecations]]\ntarget = "colorsys"\nreason = "stands for an old module"\n',
                bad='import sys\n\ndef main():\n    sys.modules.pop("colorsys", None)\n    import colorsys\n',
                good="def main():\n    import string\n",
            ),
            options="a `deprecations.target` without a colon",
        ),
        Rule(
            "IA103",
            "built-without-user",
            Severity.WARNING,
            "An engine was built, and none of its owner paths gave a user.",
            "An engine without a user takes whatever user comes along first, or serves them all: the state that it "
            "keeps then belongs to nobody.",
            "pass the user's context to the constructor; if the engine is meant to be shared, don't declare an owner "
            "for it",
            Example(
                config=_CONFIG,
                bad=_ENGINE + "def main():\n    Engine(None)\n",
                good=_ENGINE + 'def main():\n    Engine(Context("alice"))\n',
            ),
            options="`engines.owner`, `deprecations.owner`",
        ),
        Rule(
            "IA104",
            "foreign-context",
            Severity.WARNING,
            "An engine was given a user context of a type that is not declared.",
            "A dict, a Mock or another class that merely looks like a context has other rules for what it holds and "
            "who may change it; in tests a Mock hides that no user was passed at all.",
            "pass one of identity.context_types, or add the type there if it is a proper twin",
            Example(
                config=_CONFIG + '\n[identity]\ncontext_types = ["app:Context"]\n',
                bad=_ENGINE + 'class Lookalike:\n    user_id = "alice"\n\ndef main():\n    Engine(Lookalike())\n',
                good=_ENGINE + 'def main():\n    Engine(Context("alice"))\n',
            ),
            options="`identity.context_types`",
        ),
        Rule(
            "IA105",
            "placeholder-user",
            Severity.WARNING,
            "An engine was built for a placeholder such as `anonymous` or `default_user`.",
            "All callers that fall back to the same placeholder share one user's state without being one user.",
            "pass the real user; a principal of your own that may touch everyone belongs in identity.system",
            Example(
                config=_CONFIG + '\n[identity]\nplaceholders = ["anonymous", "legacy_*"]\n',
                bad=_ENGINE + 'def main():\n    Engine(Context("legacy_user"))\n',
                good=_ENGINE + 'def main():\n    Engine(Context("alice"))\n',
            ),
            options="`identity.placeholders`, `identity.system`",
        ),
        Rule(
            "IA106",
            "built-past-factory",
            Severity.WARNING,
            "An engine with a canonical factory was built without it, or without any constructor: as a copy, by "
            "unpickling, by a bare `__new__`.",
            "What the factory does beside calling the constructor (limits, registration, clean-up) did not happen for "
            "this object. Constructions are told where they happen, whoever subclasses the engine. An "
            "object that no constructor has made is told where it is used first; the object that a declared "
            "factory returns is its own, however it was made. Where FastAPI's `app.dependency_overrides` has put "
            "another function in the factory's place, the finding names both; while a test runs, that is the test's "
            "own affair and is not told.",
            "call the canonical factory declared under [[factories]]",
            Example(
                config=_CONFIG
                + '\n[[factories]]\ntarget = "app:create_for_user"\nbuilds = "app:Engine"\ncanonical = true\n',
                bad=_ENGINE
                + "def create_for_user(context):\n    return Engine(context)\n\n"
                + 'def main():\n    Engine(Context("alice"))\n',
                good=_ENGINE
                + "def create_for_user(context):\n    return Engine(context)\n\n"
                + 'def main():\n    create_for_user(Context("alice"))\n',
            ),
            options="`factories.builds`, `factories.canonical`",
        ),
    )

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        config = self.runtime.config
        self._context_types = frozenset(map(str, config.identity.context_types))
        self._known_types: dict[int, weakref.ref[type]] = {}
        """Those among them that were met, by their identity; an entry goes with its class."""
        self._overrides = self.runtime.part(Overrides)
        self._with_factory = {str(factory.builds) for factory in config.factories if factory.canonical}

    @observes(Built)
    def on_built(self, built: Built) -> Again | None:
        """Judge one construction; of those like one that has nothing to be told there is nothing to be told."""
        entry, target = built.entry, built.target
        # Who builds an object is whoever called a constructor that is declared for it, not the inside of that.
        inside = self.runtime.constructor_codes.get(target, {})
        if isinstance(entry, Deprecation):
            self._deprecated(built, entry, target, inside)
        elif not isinstance(entry, Engine):
            return NOTHING_MORE
        told = isinstance(entry, Deprecation)
        if entry.owner:
            told |= self._owner(built, target, inside)
        if target in self._with_factory:
            if self._inside_factory(entry.target):
                return NOTHING_MORE if not told and self._is_near(built, entry.target) else None
            self._past_factory(built, entry.target, inside)
            return None
        return None if told else NOTHING_MORE

    def _is_near(self, built: Built, target: Target) -> bool:
        """True where the canonical factory is among the innermost frames, which are the same each time."""
        record = built.record
        near = record.origin or () if record is not None and record.origin_label == BUILT_FOR else ()
        return any(self._is_canonical(code, target) for code, _lasti in near)

    def _past_factory(self, built: Built, target: Target, inside: Constructors) -> None:
        override = self._overrides.at_work()
        if override is not None and override.in_test:
            return
        self.report(
            "IA106",
            "{target} built past its canonical factory{detail}",
            target=built.target,
            detail=f": {override.name} overrides the dependency {override.original}" if override else "",
            place="built here",
            ambient=built.ambient,
            owner=built.owner,
            skip=inside,
            before=self._defined(target),
        )

    def _defined(self, target: Target) -> tuple[RawStack, str] | None:
        """Where the canonical factory of a target is, once it is there."""
        for code, factory in list(self.runtime.factory_codes.values()):
            if factory.canonical and factory.builds == target and not is_generated(code):
                return ((code, 0),), "its canonical factory is here"
        return None

    @observes(Unbuilt)
    def on_unbuilt(self, unbuilt: Unbuilt) -> None:
        """An object of an engine with a canonical factory has come another way than by its constructor."""
        target = str(unbuilt.entry.target)
        self.report(
            "IA106",
            "{target} came into being without its canonical factory and without a constructor: as a copy, by "
            "unpickling, or by a bare __new__",
            target=target,
            place="first used here",
            ambient=unbuilt.ambient,
            before=self._defined(unbuilt.entry.target),
        )

    @staticmethod
    def _running(constructors: Constructors) -> str | None:
        """The name of the outermost of these constructors that is running."""
        found = None
        frame = sys._getframe() if constructors else None  # noqa: SLF001 - the documented way to a frame
        while frame is not None:
            code = code_of(frame)
            found = constructors[id(code)][1] if id(code) in constructors else found
            frame = frame.f_back
        return found

    @observes(Imported)
    def on_imported(self, imported: Imported) -> None:
        """A deprecated module came in."""
        target = str(imported.deprecation.target)
        self.report(
            "IA102", "deprecated module {target} imported{detail}", target=target, detail=_advice(imported.deprecation)
        )

    def _deprecated(self, built: Built, entry: Deprecation, target: str, inside: Constructors) -> None:
        constructor = built.via or self._running(inside)
        via = f" by {constructor}" if constructor else ""
        kind = (
            ""
            if constructor or type(built.obj).__qualname__ == entry.target.qualname
            else f" (as {type(built.obj).__qualname__})"
        )
        self.report(
            "IA101",
            "deprecated {target} built{detail}",
            target=target,
            place="built here",
            detail=f"{via}{kind}{_advice(entry)}",
            ambient=built.ambient,
            owner=built.named,
            skip=inside,
        )

    def _owner(self, built: Built, target: str, inside: Constructors) -> bool:
        """Judge its user; True where there was something to tell."""
        told = built.named is None or built.named.kind is Kind.PLACEHOLDER
        if built.named is None:
            self.report(
                "IA103",
                "{target} built without a user",
                place="built here",
                target=target,
                ambient=built.ambient,
                skip=inside,
            )
        elif built.named.kind is Kind.PLACEHOLDER:
            self.report(
                "IA105",
                "{target} built for the placeholder user {detail}",
                target=target,
                place="built here",
                detail=self._glob(built.named.id),
                ambient=built.ambient,
                skip=inside,
            )
        context = built.context
        if self._context_types and context is not MISSING and context is not None and not self._accepted(type(context)):
            told = True
            # The type's name only: the object's own repr could hold the user's data.
            self.report(
                "IA104",
                "{target} built with a {detail} as its user context",
                target=target,
                place="built here",
                detail=f"{type(context).__module__}.{type(context).__qualname__}",
                ambient=built.ambient,
                owner=built.named,
                skip=inside,
            )
        return told

    def _accepted(self, kind: type) -> bool:
        key, known = id(kind), self._known_types
        if key in known:
            return True
        accepted = any(f"{one.__module__}:{one.__qualname__}" in self._context_types for one in mro_of(kind))
        if accepted and len(known) < _TYPES:
            known[key] = weakref.ref(kind, lambda _gone: known.pop(key, None))
        return accepted

    def _glob(self, user_id: str) -> str:
        # The pattern, not the id: `legacy_compat_*` may well go on with a real user's name.
        return next((glob for glob in self.runtime.config.identity.placeholders if fnmatchcase(user_id, glob)), "?")

    def _inside_factory(self, target: Target) -> bool:
        codes = self.runtime.factory_codes
        frame = sys._getframe()  # noqa: SLF001 - the stack tells who builds, also across awaits and context managers
        while frame is not None:
            code = code_of(frame)
            if id(code) in codes and self._is_canonical(code, target):
                return True
            frame = frame.f_back  # type: ignore[assignment]
        return False

    def _is_canonical(self, code: CodeType, target: Target) -> bool:
        found = self.runtime.factory_codes.get(id(code))
        return found is not None and found[1].canonical and found[1].builds == target


def _advice(entry: Deprecation) -> str:
    parts = []
    if entry.reason:
        parts.append(entry.reason)
    if entry.replacement is not None:
        parts.append(f"use {'await ' if entry.awaited else ''}{entry.replacement}")
    if entry.deadline is not None:
        parts.append(f"until {entry.deadline.isoformat()}")
    return ": " + "; ".join(parts) if parts else ""
