"""``pytest --audit-isolation``: what a test has started is that test's, however much later it does something."""

from __future__ import annotations

import json
from typing import Any

import pytest

from doors import CONFIG, SHOP, WITHOUT_OTHERS


def short(line: str) -> str:
    """A line of pytest's short summary; before 8.0 it names the test alone where the failure is a text."""
    return line if pytest.version_tuple >= (8, 0) else line.partition(" - ")[0] + "*"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("ISOLATION_AUDIT_REPORT", "ISOLATION_AUDIT_CONFIG", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")  # pytest cuts the line of a failed test at the terminal's width
    pytester.makefile(".toml", **{"isolation-audit": CONFIG})
    pytester.makepyfile(shop=SHOP)
    return pytester


def run(suite: pytest.Pytester, *words: str) -> Any:
    options = (*WITHOUT_OTHERS, "-p", "no:cacheprovider", "-p", "no:randomly", "--audit-isolation")
    return suite.runpytest_subprocess(*options, "--audit-report", "out", *words, timeout=200)


def findings(suite: pytest.Pytester) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((suite.path / "out" / "report.json").read_text())["findings"]
    return [finding for finding in found if finding["severity"] == "error"]


LATE = """\
import threading
import shop

go, done = threading.Event(), threading.Event()

def later():
    assert go.wait(30)
    shop.cross()
    done.set()

def test_leaves_a_thread():
    threading.Thread(target=later).start()

def test_comes_next():
    go.set()
    assert done.wait(30)

def test_is_clean():
    pass
"""


@pytest.mark.parametrize("words", [(), ("-n", "1")])
def test_a_thread_that_a_test_has_left(suite: pytest.Pytester, words: tuple[str, ...]) -> None:
    suite.makepyfile(test_late=LATE)
    result = run(suite, *words)
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "after the report of test_late.py::test_leaves_a_thread, in what that test had started, so the session *",
            "error[[]IA202[]]: *",
        ]
    )
    assert [finding["test"] for finding in findings(suite)] == ["test_late.py::test_leaves_a_thread"]


LAST = """\
import threading
import shop

def later():
    for _ in range(20):
        threading.Event().wait(0.01)
    shop.cross()

def test_leaves_a_thread():
    threading.Thread(target=later).start()
"""


@pytest.mark.parametrize("words", [(), ("-n", "1")])
def test_a_thread_that_the_last_test_has_left(suite: pytest.Pytester, words: tuple[str, ...]) -> None:
    suite.makepyfile(test_last=LAST)
    result = run(suite, *words)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["after the report of test_last.py::test_leaves_a_thread, *"])


TEARDOWN = """\
import threading
import pytest
import shop

@pytest.fixture
def worker():
    go = threading.Event()
    thread = threading.Thread(target=lambda: (go.wait(30), shop.cross()))
    thread.start()
    yield
    go.set()
    thread.join()

def test_it(worker):
    pass

def test_next():
    pass
"""


def test_what_happens_before_the_tear_down_is_over_fails_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_teardown=TEARDOWN)
    result = run(suite, "-rA")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines([short("ERROR test_teardown.py::test_it - *isolation-audit: IA202 at shop.py:*")])


SERVER = """\
import queue
import threading
import pytest
import shop

@pytest.fixture(scope="module")
def server():
    asked, answered = queue.Queue(), queue.Queue()
    def serve():
        for crossing in iter(asked.get, None):
            shop.cross(crossing)
            answered.put(True)
    thread = threading.Thread(target=serve)
    thread.start()
    yield lambda crossing: (asked.put(crossing), answered.get(timeout=60))
    asked.put(None)
    thread.join()

def test_clean(server):
    server(0)

def test_crossing(server):
    server(1)

def test_clean_again(server):
    server(0)
"""


def test_a_server_for_several_tests_works_for_the_one_that_runs(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_server=SERVER)
    result = run(suite, "-rA")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([short("FAILED test_server.py::test_crossing - *isolation-audit: IA202 at shop.py:*")])
    assert [finding["test"] for finding in findings(suite)] == ["test_server.py::test_crossing"]


POOL = """\
from concurrent.futures import ThreadPoolExecutor
import threading
import shop

pool = ThreadPoolExecutor(1)
go = threading.Event()

def test_makes_the_thread():
    pool.submit(shop.cross, 0).result()

def test_submits():
    pool.submit(lambda: (go.wait(30), shop.cross()))

def test_comes_next():
    go.set()
    pool.submit(shop.cross, 0).result()
    pool.shutdown()

def test_comes_last():
    shop.cross(0)
"""


def test_a_pool_s_job_is_that_of_the_test_that_has_submitted_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_pool=POOL)
    result = run(suite)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["after the report of test_pool.py::test_submits, *"])


TASK = """\
import asyncio
import pytest
import shop

@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()

tasks = []

async def later(go):
    await go.wait()
    shop.cross()

def test_leaves_a_task(loop):
    async def main():
        go = asyncio.Event()
        tasks.append((go, asyncio.create_task(later(go))))
        await asyncio.sleep(0)
    loop.run_until_complete(main())

def test_comes_next(loop):
    async def main():
        (go, task), = tasks
        go.set()
        await task
    loop.run_until_complete(main())
"""


def test_a_task_that_a_test_has_left(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_task=TASK)
    result = run(suite)
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["after the report of test_task.py::test_leaves_a_task, *"])


ANYIO = """\
import pytest
import shop

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.fixture(scope="module")
async def shared(anyio_backend):
    yield

@pytest.mark.anyio
async def test_clean(shared):
    shop.cross(0)

@pytest.mark.anyio
async def test_crossing(shared):
    shop.cross(1)
"""


def test_one_runner_for_several_asynchronous_tests(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_anyio=ANYIO)
    result = run(suite, "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([short("FAILED test_anyio.py::test_crossing - *")])


RUNS = """\
[identity]
bind = { run_id = "run_id" }
[[scopes]]
target = "agent:Engine.stop"
user = "self.ctx.user_id"
[[emitters]]
target = "agent:Bridge"
addressee = "run_id:args.run_id"
run = "args.run_id"
methods = { "notify_*" = "*" }
[protocols.p]
key = "run_id"
order = "started thinking* done"
[select]
severity = { IA304 = "error" }
"""

AGENT = """\
class Ctx:
    def __init__(self, user_id, run_id): self.user_id, self.run_id = user_id, run_id
class Bridge:
    def notify_started(self, run_id): pass
    def notify_done(self, run_id): pass
class Engine:
    def __init__(self, ctx): self.ctx = ctx
    def stop(self, bridge): bridge.notify_started(self.ctx.run_id)
"""


def test_a_run_that_never_ended_names_its_test(suite: pytest.Pytester) -> None:
    (suite.path / "isolation-audit.toml").write_text(RUNS)
    suite.makepyfile(
        agent=AGENT,
        test_runs="from agent import Bridge, Ctx, Engine\n"
        "def test_stops(): Engine(Ctx('carol-1234', 'run-3')).stop(Bridge())\n"
        "def test_next(): pass\n",
    )
    result = run(suite)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["after the report of test_runs.py::test_stops, *", "error[[]IA304[]]: *"])
    assert [(one["rule"], one["test"]) for one in findings(suite)] == [("IA304", "test_runs.py::test_stops")]


def test_without_a_configuration_it_watches_what_needs_none(suite: pytest.Pytester) -> None:
    """As `isolation-audit run` does."""
    (suite.path / "isolation-audit.toml").unlink()
    suite.makepyfile(
        test_web="""
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

asked = []

async def last(request):
    asked.append(request.headers["x-user"])
    return JSONResponse({"asked": asked[-2:][0]})

def ask(user):
    transport = httpx.ASGITransport(app=Starlette(routes=[Route("/", last)]))
    import asyncio
    async def main():
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.get("/", headers={"x-user": user})
    asyncio.run(main())

def test_alone():
    ask("alice-1234")

def test_after_another_user():
    ask("bob-56789")
"""
    )
    pytest.importorskip("httpx")
    result = run(suite, "-rA")
    result.stdout.fnmatch_lines(["isolation-audit: no configuration found: watching what needs none"])
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([short("FAILED test_web.py::test_after_another_user - *isolation-audit: IA203 at *")])
