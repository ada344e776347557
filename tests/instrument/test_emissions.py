"""What counts as one event, who it belongs to, and when two users meet in it."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest
from audited_source import auditing, counts, observed

from isolation_audit import system_scope, user_scope

SOURCE = """
import asyncio

class Emitter:
    def __init__(self, bridge, user_id=None):
        self.bridge, self.user_id = bridge, user_id
    async def emit_answer(self, text, to):
        await self.bridge.notify_answer(text, to)
    async def emit_all(self, text, *users):
        for user in users:
            await self.bridge.notify_all(text, user)
    def emit_plain(self, text):
        return text

class Loud(Emitter):
    async def emit_answer(self, text, to):
        await super().emit_answer(text.upper(), to)

class Bridge:
    def __init__(self, sink): self.sink = sink
    async def notify_answer(self, text, to): await self.sink.send("answer", to)
    async def notify_all(self, text, to): await self.sink.send("all", to)

class Sink:
    def __init__(self): self.sent = []
    async def send(self, kind, to):
        await asyncio.sleep(0)
        self.sent.append((kind, to))
    async def broadcast(self, kind): self.sent.append((kind, None))
"""

CONFIG = """
[identity]
placeholders = ["anonymous"]
system = ["service:*"]
[[emitters]]
target = "APP:Emitter"
owner = ["self.user_id"]
methods = { "emit_*" = "*" }
[[emitters]]
target = "APP:Bridge"
layer = "bridge"
addressee = ["args.to"]
methods = { "notify_*" = "*" }
[[emitters]]
target = "APP:Sink"
layer = "sink"
addressee = ["args.to"]
methods = { send = "args.kind", broadcast = "args.kind" }
broadcast = ["broadcast"]
public = ["maintenance"]
"""


@pytest.fixture
def audit():
    with auditing(SOURCE, CONFIG) as (module, auditor):
        yield module, auditor
        assert auditor.runtime.barrier.counts == {}


def run(coroutine, user="alice"):
    async def main():
        if user is None:
            return await coroutine
        with user_scope(user):
            return await coroutine

    return asyncio.run(main())


def events(auditor):
    return auditor.runtime.tally.events.total()


def test_three_layers_are_one_event_and_three_passages(audit):
    module, auditor = audit
    run(module.Emitter(module.Bridge(module.Sink()), "alice").emit_answer("x", "alice"))
    assert (events(auditor), auditor.runtime.tally.passages.total()) == (1, 3)
    assert counts(auditor) == {}
    assert auditor.runtime.tally.unverified == 0


def test_super_calls_are_one_event(audit):
    module, auditor = audit
    run(module.Loud(module.Bridge(module.Sink()), "alice").emit_answer("x", "alice"))
    assert events(auditor) == 1


def test_a_wrong_addressee_seen_by_two_layers_is_one_crossing(audit):
    module, auditor = audit
    run(module.Emitter(module.Bridge(module.Sink()), "alice").emit_answer("x", "bob"))
    assert counts(auditor) == {"IA202": 1}
    assert auditor.runtime.tally.crossings == 1


def test_a_fan_out_to_two_wrong_users_is_two_crossings(audit):
    module, auditor = audit
    run(module.Emitter(module.Bridge(module.Sink()), "alice").emit_all("x", "alice", "bob", "carol", "bob"))
    assert events(auditor) == 1
    assert auditor.runtime.tally.crossings == 2


def test_an_emitter_of_another_user_is_a_crossing_of_its_own(audit):
    module, auditor = audit
    run(module.Emitter(module.Bridge(module.Sink()), "bob").emit_answer("x", "alice"))
    assert counts(auditor)["IA201"] == 1
    assert auditor.runtime.tally.crossings == 1


def test_what_was_claimed_and_what_is_delivered_are_compared_without_an_ambient_user(audit):
    module, auditor = audit
    run(module.Emitter(module.Bridge(module.Sink()), "alice").emit_answer("x", "bob"), user=None)
    assert counts(auditor) == {"IA202": 1}


def test_nobodys_event_is_lost_and_a_single_witness_unverified(audit):
    module, auditor = audit
    module.Emitter(None).emit_plain("x")
    assert counts(auditor) == {"IA204": 1}
    module.Emitter(None, "alice").emit_plain("x")
    assert auditor.runtime.tally.unverified == 1
    assert counts(auditor) == {"IA204": 1}


def test_placeholders_testify_nothing_and_system_principals_never_cross(audit):
    module, auditor = audit
    module.Emitter(None, "anonymous").emit_plain("x")
    assert counts(auditor) == {"IA204": 1}
    for scope in (system_scope(), user_scope("service:mail")):
        with scope:
            module.Emitter(None, "alice").emit_plain("x")
    assert counts(auditor) == {"IA204": 1}


def test_a_broadcast_of_private_work_is_reported_and_a_public_one_is_not(audit):
    module, auditor = audit
    run(module.Sink().broadcast("answer"))
    assert counts(auditor) == {"IA205": 1}
    run(module.Sink().broadcast("maintenance"))
    run(module.Sink().broadcast("maintenance"), user=None)
    assert counts(auditor) == {"IA205": 1}


def test_an_emitter_without_an_owner_is_bound_at_its_first_authenticated_use(audit):
    module, auditor = audit
    emitter = module.Emitter(None)
    emitter.emit_plain("nobody yet")
    with user_scope("anonymous"):
        emitter.emit_plain("nobody yet")
    with user_scope("service:mail"):
        emitter.emit_plain("nobody yet")
    with user_scope("alice"):
        emitter.emit_plain("mine")
    assert auditor.runtime.objects.get(emitter).owner.id == "alice"
    before = counts(auditor).get("IA201", 0)
    with user_scope("bob"):
        emitter.emit_plain("not mine")
    assert (before, counts(auditor)["IA201"]) == (0, 1)


def test_an_event_handed_over_to_a_task_made_during_its_emission_stays_one_event(audit):
    module, auditor = audit
    sink = module.Sink()
    tasks = []

    class Queue:
        async def notify_answer(self, _text, to):
            tasks.append(asyncio.create_task(sink.send("answer", to)))

    async def main():
        with user_scope("alice"):
            await module.Emitter(Queue(), "alice").emit_answer("x", "alice")
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert (events(auditor), auditor.runtime.tally.passages.total()) == (1, 2)


def test_a_worker_started_during_an_emission_does_not_swallow_later_events(audit):
    module, auditor = audit
    sink, queue = module.Sink(), asyncio.Queue()

    async def worker():
        while True:
            item = await queue.get()
            if item is None:
                return
            await sink.send("answer", item)

    workers = []

    class Lazy:
        async def notify_answer(self, _text, to):
            if not workers:
                workers.append(asyncio.create_task(worker()))
            await queue.put(to)

    async def main():
        emitter = module.Emitter(Lazy())
        with user_scope("alice"):
            for _ in range(5):
                await emitter.emit_answer("x", "alice")
        await queue.put(None)
        await workers[0]

    asyncio.run(main())
    # The first of the worker's events is the one that started it; the others can't be told from new ones.
    assert len(sink.sent) == 5
    assert events(auditor) == 9


def test_concurrent_emissions_do_not_mix(audit):
    module, auditor = audit

    async def one(user):
        with user_scope(user):
            emitter = module.Emitter(module.Bridge(module.Sink()), user)
            for _ in range(20):
                await emitter.emit_answer("x", user)

    async def main():
        await asyncio.gather(*(one(f"user{number}") for number in range(20)))

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert events(auditor) == 4 * 20 * 20
    assert counts(auditor) == {}


def test_a_cancelled_or_failed_emission_ends(audit):
    module, auditor = audit
    sink = module.Sink()

    async def main():
        with user_scope("alice"):
            task = asyncio.create_task(module.Emitter(module.Bridge(sink), "alice").emit_answer("x", "alice"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(AttributeError):
                await module.Emitter(None, "alice").emit_answer("x", "alice")
            await module.Emitter(module.Bridge(sink), "alice").emit_answer("x", "alice")

    asyncio.run(main())
    assert events(auditor) == 3


def test_a_streaming_emitter_is_one_event_and_leaves_no_emission_open():
    source = """
class Emitter:
    async def emit_stream(self, to):
        for number in range(3):
            yield number
    def emit_generator(self, to):
        yield 1
    def emit_after(self, to): return to
"""
    config = '[[emitters]]\ntarget = "APP:Emitter"\nmethods = { "emit_*" = "*" }\naddressee = ["args.to"]'
    with auditing(source, config) as (module, auditor):
        emitter = module.Emitter()

        async def main():
            with user_scope("alice"):
                assert [number async for number in emitter.emit_stream("alice")] == [0, 1, 2]
                assert list(emitter.emit_generator("bob")) == [1]
                emitter.emit_after("alice")

        asyncio.run(main())
        assert events(auditor) == 3
        assert counts(auditor) == {"IA202": 1}


def test_the_application_s_own_variable_is_the_ambient_witness():
    source = "class Sink:\n    def send(self, to): return to\n"
    config = """
[ambient]
contextvar = "APP:current"
user_id = "name"
[[emitters]]
target = "APP:Sink"
addressee = ["args.to"]
"""
    with auditing(f"current = None\n{source}", config) as (module, auditor):
        assert counts(auditor) == {"IA901": 1}
    variable = ContextVar("current")
    with auditing(source, "") as (module, _auditor):
        module.current = variable
    import sys

    sys.modules[module.__name__] = module
    from audited_source import make_auditor

    class Person:
        def __init__(self, name):
            self.name = name

    with make_auditor(config, module) as auditor:
        seen = observed(auditor)
        token = variable.set(Person("alice"))
        module.Sink().send("alice")
        module.Sink().send("bob")
        with user_scope("bob"):
            module.Sink().send("bob")
            variable.set(Person("carol"))
            module.Sink().send("bob")
        variable.reset(token)
        assert [type(one).__name__ for one in seen] == ["Passage", "Passage"]
        assert [(one.ambient.id, one.addressee.id) for one in seen] == [("alice", "bob"), ("carol", "bob")]
