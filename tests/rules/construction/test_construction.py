"""IA1xx beyond the examples: by which ways engines come into being, and what is said about them."""

from __future__ import annotations

import asyncio
import itertools
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from isolation_audit.auditor import Auditor
    from isolation_audit.model.findings import Finding

Audit = "Callable[[str, str], tuple[Any, Auditor]]"

SOURCE = """\
import contextlib
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

class Context:
    def __init__(self, user_id):
        self.user_id = user_id

class Engine:
    def __init__(self, context=None):
        self.context = context

    @classmethod
    def create(cls, context):
        return cls(context)

class Special(Engine):
    def __init__(self, context=None, more=None):
        super().__init__(context)
        self.more = more

class Apart(Engine):
    pass

class Failing(Engine):
    def __init__(self, context=None):
        super().__init__(context)
        raise RuntimeError("not built after all")

def factory(context):
    return Engine(context)

async def async_factory(context):
    return Engine(context)

@contextlib.asynccontextmanager
async def managed(context):
    yield Engine(context)

def function():
    return {}
"""


@pytest.fixture
def audited(audits):
    """``audited(config)`` gives the module and the auditor that watches it; APP in the text stands for its name."""
    return partial(audits, SOURCE)


def found(auditor: Auditor, code: str) -> list[Finding]:
    return [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == code]


DEPRECATED = """\
[[deprecations]]
target = "APP:Engine"
replacement = "APP:Special"
await = true
reason = "it is old"
deadline = 2027-01-31
owner = ["args.context.user_id"]
exclude = ["APP:Apart"]
"""


def test_a_deprecated_class_by_every_way(audited) -> None:
    app, auditor = audited(DEPRECATED + 'constructors = ["create"]\n')
    alias, tally = app.Engine, auditor.runtime.tally

    def special() -> None:
        app.Special(context=app.Context("bob"))

    def late() -> None:
        type("Late", (app.Engine,), {})()

    def constructor() -> None:
        app.Engine.create(app.Context("alice"))

    alias(app.Context("alice"))
    app.Apart()
    for build in (special, late, constructor):
        build()
    assert sum(tally.deprecated.values()) == 4, "a constructor and the __init__ below it are one construction"
    messages = {finding.message.partition(" built")[2].partition(":")[0] for finding in found(auditor, "IA101")}
    assert messages == {"", " (as Special)", " (as Late)", " by Engine.create"}
    (advice,) = {finding.message.rpartition(": it is old; ")[2] for finding in found(auditor, "IA101")}
    assert advice == f"use await {app.__name__}:Special; until 2027-01-31"


def test_what_a_declared_constructor_builds_is_its_callers(audited) -> None:
    constructors = 'constructors = ["create", "APP:factory", "APP:async_factory", "APP:managed"]\n'
    app, auditor = audited(DEPRECATED + constructors)
    context = app.Context("alice")

    def one() -> None:
        app.Engine.create(context)

    def two() -> None:
        app.factory(context)

    async def three() -> None:
        await app.async_factory(context)

    async def four() -> None:
        async with app.managed(context):
            pass

    one()
    two()
    asyncio.run(three())
    asyncio.run(four())
    got = [(one.site.top.function.rpartition(".")[2], one.message) for one in found(auditor, "IA101")]
    assert [name for name, _message in got] == ["one", "two", "three", "four"]
    ways = ["Engine.create", "factory", "async_factory", "managed"]
    assert [message.partition(": ")[0] for _name, message in got] == [
        f"deprecated {app.__name__}:Engine built by {way}" for way in ways
    ]
    assert len({one.fingerprint for one in found(auditor, "IA101")}) == 4


def test_what_was_not_built_is_not_counted(audited) -> None:
    app, auditor = audited(DEPRECATED)
    with pytest.raises(RuntimeError, match="not built after all"):
        app.Failing(app.Context("alice"))
    with pytest.raises(TypeError):
        app.Engine(1, 2, 3)
    assert found(auditor, "IA101") == []
    assert auditor.snapshot()["summary"]["deprecated_engines_built"] == 0


def test_a_deprecated_function(audited) -> None:
    app, auditor = audited('[[deprecations]]\ntarget = "APP:function"\n')
    taken_before = app.function
    taken_before()
    app.function()
    assert auditor.recorder.counts["IA101"] == 2
    assert [finding.message for finding in found(auditor, "IA101")] == [
        f"deprecated {app.__name__}:function built by function"
    ]


def test_a_deprecated_module(audited, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    _app, auditor = audited('[[deprecations]]\ntarget = "colorsys"\nreason = "for this test"\n')
    import colorsys  # noqa: F401

    (finding,) = found(auditor, "IA102")
    assert finding.message == "deprecated module colorsys imported: for this test"
    assert finding.site.top.function == "test_a_deprecated_module"


ENGINE = """\
[ambient]
contextvar = "APP:current_user"
[identity]
context_types = ["APP:Context"]
placeholders = ["anonymous", "legacy_*"]
system = ["service:*"]
[[engines]]
target = "APP:Engine"
owner = ["args.context.user_id"]
"""


@pytest.mark.parametrize(
    ("user", "codes"),
    [
        ("alice", set()),
        ("service:cron", set()),
        ("anonymous", {"IA105"}),
        ("legacy_compat_alice", {"IA105"}),
        ("", {"IA103"}),
        (None, {"IA103"}),
        (7, {"IA103"}),
    ],
)
def test_whom_an_engine_is_built_for(audited, user: Any, codes: set[str]) -> None:
    app, auditor = audited(ENGINE)
    app.Engine(app.Context(user))
    reported = {entry.finding.rule for entry in auditor.recorder.entries()}
    assert reported == codes
    assert not [entry for entry in auditor.recorder.entries() if "compat_alice" in entry.finding.message]


def test_contexts_of_foreign_types(audited) -> None:
    app, auditor = audited(ENGINE)

    class Twin:
        user_id = "alice"

        def __repr__(self) -> str:
            raise AssertionError("nobody prints the application's objects")

    class Derived(app.Context):
        pass

    app.Engine(Derived("alice"))
    assert found(auditor, "IA104") == []
    app.Engine(Twin())
    (finding,) = found(auditor, "IA104")
    assert finding.message.endswith(f"built with a {__name__}.{Twin.__qualname__} as its user context")


FACTORY = '[[factories]]\ntarget = "APP:{name}"\nbuilds = "APP:Engine"\ncanonical = true\n'


@pytest.mark.parametrize("name", ["factory", "async_factory", "managed"])
def test_the_canonical_factory_and_every_way_past_it(audited, name: str) -> None:
    app, auditor = audited('[[engines]]\ntarget = "APP:Engine"\n' + FACTORY.format(name=name))

    async def by_factory() -> None:
        if name == "managed":
            async with app.managed(app.Context("alice")):
                pass
        elif name == "async_factory":
            await asyncio.create_task(app.async_factory(app.Context("alice")))
        else:
            app.factory(app.Context("alice"))

    asyncio.run(by_factory())
    assert found(auditor, "IA106") == []
    past = [app.Engine, app.Engine.create, *({app.factory} if name != "factory" else ())]
    for number, build in zip(itertools.count(1), past, strict=False):
        build(app.Context("alice"))
        assert auditor.recorder.counts["IA106"] == number
