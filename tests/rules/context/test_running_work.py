"""The work that runs at this moment, and whether it is certain that it is over."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from auditing import Audit, current_user

from isolation_audit import user_scope
from isolation_audit.instrument.stacks import capture
from isolation_audit.instrument.work.libraries import Libraries
from isolation_audit.rules.context.running_work import _INTERLEAVING, RunningWork


def work_of(audit: Audit, stack=()) -> RunningWork:
    """Of whoever runs here."""
    runtime = audit.auditor.runtime
    user = runtime.ambient.current()
    assert user is not None
    return RunningWork(runtime, user, stack)


def test_a_scope_is_over_at_its_end(audit: Audit) -> None:
    current_user.set(None)
    with user_scope("alice"):
        with user_scope("alice"):
            inner = work_of(audit)
        assert not inner.over(), "the outermost scope of one user counts"
        with user_scope("bob"):
            bobs = work_of(audit)
        assert bobs.over()
    assert inner.over()


def test_a_task_is_over_when_it_is_done(audit: Audit) -> None:
    async def one() -> RunningWork:
        current_user.set("alice")
        await asyncio.sleep(0)
        made = work_of(audit)
        assert not made.over()
        return made

    async def main() -> None:
        task = asyncio.create_task(one())
        made = await task
        assert made.over()

    asyncio.run(main())


def test_a_task_is_not_over_while_whoever_has_started_it_is_at_work(audit: Audit) -> None:
    async def part() -> RunningWork:
        return work_of(audit)

    async def request() -> RunningWork:
        current_user.set("alice")
        made = await asyncio.create_task(part())
        assert not made.over()
        return made

    async def main() -> RunningWork:
        return await asyncio.create_task(request())

    assert asyncio.run(main()).over()


def test_a_thread_s_work_is_over_when_it_does_another_s_or_ends(audit: Audit, monkeypatch: Any) -> None:
    for library in _INTERLEAVING:
        monkeypatch.delitem(sys.modules, library, raising=False)  # other tests of this process may have needed it
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(audit.as_user, "alice", work_of, audit).result()
        assert not made.over(), "asked on another thread, nobody knows"
        assert pool.submit(audit.as_user, "bob", made.over).result()
    assert made.over()


def test_a_callback_of_a_loop_is_never_known_to_be_over(audit: Audit) -> None:
    found = []

    async def main() -> None:
        current_user.set("alice")
        asyncio.get_running_loop().call_soon(lambda: found.append(work_of(audit)))
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert not found[0].over()


def test_what_a_library_sets_up_for_as_long_as_its_connection_lasts_is_not_over(audit: Audit) -> None:
    libraries = audit.auditor.runtime.part(Libraries)
    kept = libraries.lasting
    current_user.set(None)
    try:
        libraries.lasting = (*kept, "test_running_work")
        with user_scope("alice"):
            made = work_of(audit, capture(4))
    finally:
        libraries.lasting = kept
    assert not made.over()
