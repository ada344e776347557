"""IA106-IA109 beyond the examples: several factories, ways past them, names and signatures."""

from __future__ import annotations

import asyncio
import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from isolation_audit.model.findings import Finding

ENGINE = """\
import contextlib
import copy

class Context:
    def __init__(self, user_id):
        self.user_id = user_id

class Engine:
    def __init__(self, context):
        self.context = context

    def run(self):
        return self.context.user_id

class Special(Engine):
    pass

class Other:
    def __init__(self, context):
        self.context = context

class EngineFactory:
    def create_engine(self, context):
        return Engine(context)

    async def create_soon(self, context):
        return Engine(context)

    @contextlib.asynccontextmanager
    async def engine(self, context):
        yield Engine(context)

class WrappingFactory:
    def create_engine(self, context):
        return EngineFactory().create_engine(context)

class PickyFactory:
    def create(self, context):
        return (Other if context.user_id == "bob" else Engine)(context)

class CopyingFactory:
    template = None

    def create(self, context):
        made = copy.copy(self.template)
        made.context = context
        return made

def make_engine(context):
    return Engine(context)

def build(context):
    return Engine(context)
"""

CONFIG = """\
[[engines]]
target = "PACKAGE.app:Engine"
owner = ["args.context.user_id", "self.context.user_id"]

[[engines]]
target = "PACKAGE.app:Other"
owner = "args.context.user_id"
"""


def factory(name: str, *, canonical: bool = False) -> str:
    builds = 'builds = "PACKAGE.app:Engine"'
    return f'\n[[factories]]\ntarget = "PACKAGE.app:{name}"\n{builds}\ncanonical = {str(canonical).lower()}\n'


CANONICAL = factory("EngineFactory.create_engine", canonical=True)


@pytest.fixture
def app(application):
    def start(config: str) -> Any:
        application.write(app=ENGINE)
        application.start(CONFIG + config)
        return application.load("app")

    return start


def functions(finding: Finding) -> tuple[str, str]:
    """The last parts of the names of both places."""
    assert finding.site is not None
    assert finding.origin is not None
    return finding.origin.top.function.rpartition(".")[2], finding.site.top.function.rpartition(".")[2]


def test_two_declared_factories_for_different_users(application, app) -> None:
    module = app(factory("EngineFactory.create_engine") + factory("make_engine"))
    for user in ("alice", "bob", "carol"):
        module.EngineFactory().create_engine(module.Context(user))
        module.make_engine(module.Context(f"{user}2"))
    (entry,) = [one for one in application.auditor.recorder.entries() if one.finding.rule == "IA107"]
    assert entry.count == 3, "each construction by the second factory"
    finding = entry.finding
    assert finding.severity is Severity.WARNING
    assert "EngineFactory.create_engine and" in finding.message
    assert functions(finding) == ("create_engine", "make_engine")


def test_two_engines_of_one_user_at_once_from_two_factories(application, app) -> None:
    module = app(CANONICAL + factory("make_engine"))
    context = module.Context("alice")
    kept = [module.EngineFactory().create_engine(context), module.make_engine(context)]
    (finding,) = application.found("IA107")
    assert kept
    assert "at once" in finding.message
    assert functions(finding) == ("create_engine", "make_engine")
    assert finding.witnesses.owner is not None


def test_one_after_the_other_for_one_user_is_silent_with_a_canonical_factory(application, app) -> None:
    module = app(CANONICAL + factory("make_engine"))
    context = module.Context("alice")
    module.EngineFactory().create_engine(context)
    module.make_engine(context)
    assert not application.found("IA107")
    assert len(application.found("IA106")) == 1


def test_factories_that_only_their_names_tell_are_a_note(application, app) -> None:
    module = app("")
    module.EngineFactory().create_engine(module.Context("alice"))
    module.make_engine(module.Context("bob"))
    module.build(module.Context("carol"))
    (finding,) = application.found("IA107")
    assert finding.severity is Severity.NOTE


def test_a_factory_that_calls_another_one_is_one_factory(application, app) -> None:
    module = app(CANONICAL + factory("WrappingFactory.create_engine"))
    kept = [
        maker.create_engine(module.Context("alice")) for maker in (module.EngineFactory(), module.WrappingFactory())
    ]
    assert len(kept) == 2
    assert not application.found("IA106", "IA107")


def test_one_factory_of_several_types(application, app) -> None:
    config = '\n[[factories]]\ntarget = "PACKAGE.app:PickyFactory.create"\nbuilds = "PACKAGE.app:Engine"\n'
    config += '\n[[deprecations]]\ntarget = "PACKAGE.app:Other"\nreplacement = "PACKAGE.app:Engine"\n'
    module = app(config)
    for user in ("alice", "bob", "alice", "bob"):
        module.PickyFactory().create(module.Context(user))
    (finding,) = application.found("IA107")
    assert f"PickyFactory.create builds {module.__name__}:Engine and {module.__name__}:Other" in finding.message
    assert finding.severity is Severity.WARNING
    assert finding.origin is not None


def test_asynchronous_factories_and_context_managers_are_canonical(application, app) -> None:
    module = app(factory("EngineFactory.create_soon", canonical=True) + factory("EngineFactory.engine", canonical=True))

    async def main() -> None:
        await module.EngineFactory().create_soon(module.Context("alice"))
        async with module.EngineFactory().engine(module.Context("alice")) as engine:
            assert engine.run() == "alice"

    asyncio.run(main())
    assert not application.found("IA106")


PAST: dict[str, Any] = {
    "direct": lambda module, _engine: module.Engine(module.Context("bob")),
    "subclass": lambda module, _engine: module.Special(module.Context("bob")),
    "late subclass": lambda module, _engine: type("Late", (module.Engine,), {})(module.Context("bob")),
    "copy": lambda _module, engine: copy.copy(engine),
    "deepcopy": lambda _module, engine: copy.deepcopy(engine),
    "unpickled": lambda _module, engine: pickle.loads(pickle.dumps(engine)),
}


@pytest.mark.parametrize("way", PAST)
def test_ways_past_the_canonical_factory(application, app, way: str) -> None:
    module = app(CANONICAL)
    engine = module.EngineFactory().create_engine(module.Context("alice"))
    engine.run()
    assert not application.found("IA106")
    made = PAST[way](module, engine)
    for _ in range(3):
        made.run()
    (finding,) = application.found("IA106")
    assert finding.severity is Severity.WARNING
    assert finding.site is not None


def test_a_bare_new(application, app) -> None:
    module = app(CANONICAL)
    made = module.Engine.__new__(module.Engine)
    made.context = module.Context("bob")
    made.run()
    assert len(application.found("IA106")) == 1


def test_a_factory_may_copy_a_template(application, app) -> None:
    module = app(factory("CopyingFactory.create", canonical=True))
    module.CopyingFactory.template = module.Engine(module.Context("nobody"))
    assert len(application.found("IA106")) == 1, "the template itself"
    made = module.CopyingFactory().create(module.Context("alice"))
    made.run()
    assert len(application.found("IA106")) == 1


def test_an_engine_that_uses_itself_while_it_is_built(application) -> None:
    application.write(
        app="class Engine:\n    def __init__(self):\n        self.run()\n\n    def run(self):\n        return 1\n\n"
        "def create():\n    return Engine()\n"
    )
    application.start(
        '[[engines]]\ntarget = "PACKAGE.app:Engine"\n\n[[factories]]\ntarget = "PACKAGE.app:create"\n'
        'builds = "PACKAGE.app:Engine"\ncanonical = true\n'
    )
    assert application.load("app").create().run() == 1
    assert not application.found("IA106")


SIGNATURES = """\
class Old:
    def __init__(self, registry, user=None):
        self.user = user

    async def execute(self, context):
        return context

    def stop(self):
        return None

class New:
    def __init__(self, context, factory, emitter=None):
        self.context = context

    def execute(self, context, deadline):
        return context

    def stop(self):
        return None

    @classmethod
    async def create(cls, user_context):
        return cls(user_context, None)
"""

DRIFTS: dict[str, tuple[str, list[str]]] = {
    "arguments": (
        'replacement = "PACKAGE.app:New"\narguments = { user = "contxt", registry = "factory" }\n',
        ["gives 'contxt', and it has no such parameter; did you mean 'context'?", "it needs 'context'"],
    ),
    "await": (
        'replacement = "PACKAGE.app:New.create"\narguments = { user = "user_context", registry = "" }\n',
        ["it is a coroutine function, and deprecations.await is false"],
    ),
    "requires": (
        (
            'replacement = "PACKAGE.app:New"\narguments = { user = "context", registry = "factory" }\n\n'
            '[[engines]]\ntarget = "PACKAGE.app:New"\nrequires = ["execute", "stop"]\n'
        ),
        ["execute is no coroutine function, other than in", "execute needs 'deadline'"],
    ),
    "owner": (
        (
            'replacement = "PACKAGE.app:New"\narguments = { user = "context", registry = "factory" }\n\n'
            '[[engines]]\ntarget = "PACKAGE.app:New"\nowner = "args.user.user_id"\n'
        ),
        ["owner reads 'user', and its constructor has no such parameter"],
    ),
    "in step": (
        (
            'replacement = "PACKAGE.app:New"\narguments = { user = "context", registry = "factory" }\n\n'
            '[[engines]]\ntarget = "PACKAGE.app:New"\nrequires = ["stop"]\n'
            'owner = ["args.user.user_id", "self.context.user_id"]\n'
        ),
        [],
    ),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_signatures(application, case: str) -> None:
    config, expected = DRIFTS[case]
    application.write(app=SIGNATURES)
    application.start('[[deprecations]]\ntarget = "PACKAGE.app:Old"\n' + config)
    application.load("app")
    for _ in range(2):
        found = application.found("IA109")
    assert len(found) == bool(expected)
    for finding in found:
        assert finding.message.count("; ") == len(expected) - 1 + sum("; " in words for words in expected)
        assert all(words in finding.message for words in expected), finding.message
        assert finding.site is not None
        assert finding.site.top.function.startswith("New.")


OVERRIDING = """\
class Engine:
    async def execute(self, context):
        return context

    async def cleanup(self):
        return None

class Quick(Engine):
    def execute(self, context):
        return context

class Demanding(Quick):
    async def execute(self, context, deadline):
        return context

class Proper(Engine):
    async def execute(self, context, deadline=None, *rest, **more):
        return context

async def create_engine(context):
    return Engine()

class Old:
    @staticmethod
    def create_engine(user, registry=None):
        return Engine()

class Same:
    async def create_engine(self, context, registry=None):
        return Engine()
"""


def test_subclasses_whose_methods_are_called_otherwise(application) -> None:
    application.write(app=OVERRIDING)
    application.start('[[engines]]\ntarget = "PACKAGE.app:Engine"\nrequires = ["execute"]\ncleanup = "cleanup"\n')
    app = application.load("app")
    for _ in range(2):
        found = {finding.target.rpartition(":")[2]: finding for finding in application.found("IA109")}
    assert set(found) == {"Quick", "Demanding"}
    assert f": execute is no coroutine function, other than {app.__name__}:Engine.execute" in found["Quick"].message
    assert "execute needs 'deadline'" in found["Demanding"].message
    assert found["Quick"].site.top.function == "Quick.execute"

    class Late(app.Engine):  # type: ignore[name-defined, misc]
        def cleanup(self) -> None:
            return None

    late = [finding for finding in application.found("IA109") if finding.target.endswith("Late")]
    assert Late.__name__ == "Late"
    assert len(late) == 1


def test_factories_of_one_name_that_are_called_otherwise(application) -> None:
    application.write(app=OVERRIDING)
    application.start(
        "".join(
            f'[[factories]]\ntarget = "PACKAGE.app:{name}"\nbuilds = "PACKAGE.app:Engine"\ncanonical = {canonical}\n'
            for name, canonical in (
                ("Old.create_engine", "false"),
                ("create_engine", "true"),
                ("Same.create_engine", "false"),
            )
        )
    )
    application.load("app")
    (finding,) = application.found("IA109")
    assert finding.target.endswith("app:Old.create_engine")
    assert "is no coroutine function, other than" in finding.message
    assert "needs 'user', which" in finding.message
    assert finding.origin is not None
