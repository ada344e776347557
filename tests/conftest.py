"""What tests of several floors share."""

import asyncio
import faulthandler
import gc
import itertools
import os
import signal
import subprocess
import sys
import tomllib
import types
from contextlib import ExitStack

import hypothesis
import pytest

pytest_plugins = ["pytester"]

SERVING = ("aiohttp", "uvicorn", "hypercorn", "websockets", "waitress")
"""Servers that tests run in their own process; their clients are beside them, on a machine that others share."""

STARTERS = frozenset({"doors", "receivers", "servers", "redis_server", "postgres_server", "mariadb_server"})
"""Modules of the tests that start programs."""


_stderr = pytest.StashKey[int]()


def pytest_configure(config):
    config.stash[_stderr] = os.dup(2)  # not captured here, other than while a test runs


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session):
    """A process that can't finish is ended; xdist's worker that has finished waits for the others, however long."""
    end_what_hangs_after(120, session.config)
    try:
        return (yield)
    finally:
        if hasattr(session.config, "workerinput"):
            faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    end_what_hangs(item)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item):
    end_what_hangs(item)  # once more: pytest takes the first one back when it tells of a failure


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid):
    faulthandler.cancel_dump_traceback_later()


def end_what_hangs(item):
    """What pytest-timeout can't end (C code, a clean-up that waits for ever) ends this process, with all stacks."""
    marker = item.get_closest_marker("timeout")
    seconds = marker.args[0] if marker else float(item.config.getini("timeout"))
    end_what_hangs_after(seconds + 60, item.config)


def end_what_hangs_after(seconds, config):
    faulthandler.dump_traceback_later(seconds, exit=True, file=config.stash[_stderr])


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Every library is imported here: all that they make stays, and to look through it for garbage takes seconds.

    What tests write and import keeps no compiled code beside it: changed within the same second, it would be run as it
    was before.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_collection_modifyitems(items):
    for item in items:
        if starts_programs(item):
            # Other programs on a shared machine: one more try, which pytest shows (R) and counts. The others have none.
            item.add_marker(pytest.mark.flaky(reruns=1))


def starts_programs(item):
    """Whether a test talks with servers or other programs that it starts."""
    if item.get_closest_marker("server") or {"project", "pytester"} & set(item.fixturenames):
        return True
    return any(
        value is subprocess
        or getattr(value, "__module__", None) in STARTERS
        or (isinstance(value, types.ModuleType) and value.__name__.startswith(SERVING))
        for value in vars(item.module).values()
    )


_BUSY = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
"""No test goes by the clock: the machine may be busy with something else."""
hypothesis.settings.register_profile("busy", **_BUSY)
hypothesis.settings.load_profile("busy")
hypothesis.settings.register_profile("many", max_examples=3_000, **_BUSY)
"""For `make fuzz`: tests that name no number of their own."""

_numbers = itertools.count()

# A shell's background job, and nohup, start their programs with signals ignored, and ours would inherit that.
for _number, _default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)


@pytest.fixture(scope="session", autouse=True)
def folders_of_the_user(tmp_path_factory):
    """Caches and journals of the tests stay out of the home of whoever runs them, also in programs that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
            patch.setenv(variable, str(tmp_path_factory.mktemp(variable.lower())))
        yield


class _ShorterNaps:
    """What uvicorn takes from asyncio; it sleeps a tenth of a second before it looks whether it has to end."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds):
        await asyncio.sleep(seconds / 10)


@pytest.fixture(scope="session", autouse=True)
def uvicorn_ends_at_once():
    """Tests start a thousand servers in their own process, and would wait for the end of each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", _ShorterNaps())
        yield


@pytest.fixture(scope="module", autouse=True)
def only_its_own_objects(tmp_path_factory):
    """An audit looks through all objects as it starts, and so does each full collection: here for those of one file.

    Programs that a file has written and imported would be a part of the next one's application.
    """
    gc.collect()
    gc.freeze()
    yield
    folder = str(tmp_path_factory.getbasetemp())
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(folder):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def no_profile_function_of_an_earlier_test():
    """The auditor leaves an application's own profile function alone, and looks at nothing while there is one."""
    if sys.getprofile() is not None:
        sys.setprofile(None)


_duckdb: dict[str, types.ModuleType] = {}


@pytest.fixture
def no_driver_is_left():
    """``investigate`` brings DuckDB in, which nothing watches: in a later test an unexplained name might be its."""
    sys.modules.update(_duckdb)
    yield
    for name in [one for one in sys.modules if one.partition(".")[0] == "duckdb"]:
        _duckdb[name] = sys.modules.pop(name)


@pytest.fixture
def load_app():
    """Makes an importable module from source text: ``load_app(source)`` returns it; it is forgotten after the test."""
    names = []

    def load(source: str) -> types.ModuleType:
        name = f"app_under_audit_{next(_numbers)}"
        module = types.ModuleType(name)
        sys.modules[name] = module
        names.append(name)
        exec(compile(source, f"{name}.py", "exec"), vars(module))
        return module

    yield load
    for name in names:
        del sys.modules[name]


@pytest.fixture
def audits(load_app):
    """``audits(source, config)``: the module, and the auditor of a running audit; APP in ``config`` is its name.

    At the test's end the audit is over, and the auditor has had no fault.
    """
    from isolation_audit.testing import audited

    made = []
    with ExitStack() as running:

        def start(source: str, config: str):
            app = load_app(source)
            audit = running.enter_context(audited(tomllib.loads(config.replace("APP", app.__name__))))
            made.append(audit)
            return app, audit.auditor

        yield start
    assert [audit.counts("IA903") for audit in made] == [{}] * len(made)


@pytest.fixture
def project(tmp_path):
    """The application ``shop`` in a folder of its own; see ``doors.Project``."""
    from doors import Project

    return Project(tmp_path)
