"""Namespaces that are meant to be one task's own; real leaks of asgiref 3.8.1 are in the corpus."""

from __future__ import annotations

import asyncio
import gc
import pickle

import pytest
from asgiref.local import Local
from asgiref.sync import sync_to_async
from auditing import current_user

from isolation_audit.rules.context.task_namespaces import Namespaces


class Shared:
    """What asgiref's Local is where it leaks: one namespace for everybody, and the auditor told of its uses."""

    def __init__(self, audit):
        self._told = audit.auditor.runtime.part(Namespaces)
        self._values = {}

    def set(self, name, value):
        self._values[name] = value
        self._told.set(self, name, value)

    def get(self, name):
        value = self._values[name]
        self._told.get(self, name, value, "{ambient} read what was {owner}'s", ())
        return value


def run(*works):
    """Each work in a task of its own, for its user, one after the other."""

    async def main():
        async def task(user, work):
            current_user.set(user)
            result = work()
            return await result if asyncio.iscoroutine(result) else result

        return [await asyncio.create_task(task(user, work)) for user, work in works]

    return asyncio.run(main())


class Thing:
    """A value that is known by its identity."""


@pytest.mark.parametrize("value", ["alice-lang", Thing()], ids=["text", "object"])
def test_what_one_task_has_put_in_comes_out_in_another_user_s(audit, value):
    shared = Shared(audit)
    run(("alice", lambda: shared.set("kept", value)), ("bob", lambda: shared.get("kept")))
    assert audit.pairs("IA503") == {("alice", "bob")}
    assert audit.found("IA503")[0].site.top.function == "Shared.get"


THING = Thing()


@pytest.mark.parametrize(
    "works",
    [
        pytest.param([("alice", "set"), ("alice", "get")], id="the same user"),
        pytest.param([("alice", "set"), (None, "get")], id="nobody reads"),
        pytest.param([(None, "set"), ("bob", "get")], id="nobody has set it"),
        pytest.param([("alice", "set"), ("bob", "set"), ("bob", "get")], id="the reader has set the same"),
        pytest.param([("alice", "set"), (None, "set"), ("bob", "get")], id="so has the start-up"),
        pytest.param([(f"user-{number}", "set") for number in range(9)] + [("bob", "get")], id="everybody's"),
    ],
)
@pytest.mark.parametrize("value", ["en", THING], ids=["text", "object"])
def test_what_is_the_reader_s_or_nobody_s_is_silent(audit, works, value):
    shared = Shared(audit)
    run(
        *(
            (user, lambda how=how: shared.set("kept", value) if how == "set" else shared.get("kept"))
            for user, how in works
        )
    )
    assert audit.found("IA503") == []


def test_numbers_are_nobody_s(audit):
    shared = Shared(audit)
    run(("alice", lambda: shared.set("kept", 4711)), ("bob", lambda: shared.get("kept")))
    assert audit.found("IA503") == []


def test_a_task_that_changes_its_user_reads_its_own(audit):
    shared = Shared(audit)

    def batch():
        shared.set("kept", "alice-lang")
        current_user.set("bob")
        return shared.get("kept")

    run(("alice", batch))
    assert audit.found("IA503") == []


def test_outside_of_tasks_nothing_is_said(audit):
    shared = Shared(audit)
    audit.as_user("alice", shared.set, "kept", "alice-lang")
    audit.as_user("bob", shared.get, "kept")
    assert audit.found("IA503") == []


def test_a_recycled_identity_is_another_value(audit):
    shared = Shared(audit)

    def put_and_drop():
        for _ in range(300):
            shared.set("kept", Thing())
        shared.set("kept", None)

    def fresh():
        told = audit.auditor.runtime.part(Namespaces)
        for _ in range(300):
            told.get(shared, "kept", Thing(), "{ambient} {owner}", ())

    run(("alice", put_and_drop), ("bob", fresh))
    assert audit.found("IA503") == []


def test_it_is_bounded_and_holds_nothing(audit):
    told = audit.auditor.runtime.part(Namespaces)

    def fill():
        shared = Shared(audit)
        for number in range(1_000):
            shared.set("kept", str(number))
        return len(told._written[shared]["kept"])

    assert run(("alice", fill)) == [256]
    gc.collect()
    assert len(told._written) == 0


def test_asgiref_s_local_is_clean_and_behaves_as_ever(audit):
    local = Local()
    local.booted = True

    async def handle(user):
        local.language = f"{user}-lang"
        local.shared = "en"
        await asyncio.sleep(0.01)
        inside = await sync_to_async(lambda: local.language)()
        del local.shared
        return local.language, inside, local.booted, hasattr(local, "shared")

    async def main():
        async def task(user):
            current_user.set(user)
            return await handle(user)

        return await asyncio.gather(task("alice"), task("bob"))

    booted = asyncio.run(main())
    assert booted == [(f"{user}-lang", f"{user}-lang", True, False) for user in ("alice", "bob")]
    assert audit.auditor.runtime.part(Namespaces)._written
    assert audit.found("IA503") == []
    with pytest.raises(AttributeError):
        local.missing
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(local)
