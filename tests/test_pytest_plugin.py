"""``pytest --audit-isolation``: a finding fails the test it happened in, wherever that runs and whatever it does."""

from __future__ import annotations

import json
import runpy
import sys
from types import SimpleNamespace
from typing import Any

import pluggy
import pytest

from doors import CONFIG, SHOP, WITHOUT_OTHERS
from isolation_audit import pytest_plugin
from isolation_audit.model.pseudonyms import KEY_VARIABLE


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("ISOLATION_AUDIT_REPORT", "ISOLATION_AUDIT_CONFIG", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    pytester.makefile(".toml", **{"isolation-audit": CONFIG})
    pytester.makepyfile(shop=SHOP)
    return pytester


def run(suite: pytest.Pytester, *words: str) -> Any:
    options = (*WITHOUT_OTHERS, "-p", "no:cacheprovider", "-p", "no:randomly")
    return suite.runpytest_subprocess(*options, *words, timeout=200)


def read_report(suite: pytest.Pytester, folder: str = "out") -> dict[str, Any]:
    return json.loads((suite.path / folder / "report.json").read_text())


def outcomes(report: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding["rule"], finding["fingerprint"]) for finding in report["findings"]}


MANY = """\
import asyncio
import anyio
import pytest
import shop

@pytest.fixture
def crossing_setup():
    shop.cross()

@pytest.fixture
def crossing_teardown():
    yield
    shop.cross()

def test_clean():
    shop.serve()

def test_call():
    shop.cross()

def test_call_again():
    shop.cross()

def test_setup(crossing_setup):
    pass

def test_teardown(crossing_teardown):
    pass

def test_fails_anyway():
    shop.cross()
    assert False, "its own reason"

@pytest.mark.xfail(strict=True)
def test_expected_to_fail():
    shop.cross()

@pytest.mark.xfail(raises=ValueError, strict=True)
def test_expected_to_fail_otherwise():
    shop.cross()
    raise ValueError

def test_skips_afterwards():
    shop.cross()
    pytest.skip("too late")

def test_skips():
    pytest.skip("in time")

@pytest.mark.parametrize("times", [0, 1, 2])
def test_parametrised(times):
    shop.cross(times)

@pytest.mark.parametrize("backend", ["asyncio"])
def test_anyio(backend):
    async def main():
        shop.cross()
    anyio.run(main, backend=backend)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_async(anyio_backend):
    shop.cross()

def test_asyncio_run():
    async def main():
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(asyncio.to_thread(shop.cross))
    asyncio.run(main())

class TestClass:
    def test_method(self):
        shop.cross()
"""


def test_each_test_answers_for_itself(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_many=MANY)
    result = run(suite, "--audit-isolation", "--audit-report", "out", "-rA")
    result.assert_outcomes(failed=10, passed=3, errors=2, skipped=1, xfailed=2)
    text = result.stdout.str()
    for name in ("test_clean", "test_parametrised[0]"):
        assert f"PASSED test_many.py::{name}" in text
    assert "ERROR test_many.py::test_setup" in text
    assert "ERROR test_many.py::test_teardown" in text
    assert "FAILED test_many.py::test_skips_afterwards" in text
    assert "XFAIL test_many.py::test_expected_to_fail_otherwise" in text
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: its own reason*",
            "*Captured isolation-audit call*",
            "error[[]IA202[]]: *",
            "*isolation-audit: 2 of 2 targets instrumented, *",
            "report: out/report.json",
        ]
    )
    report = read_report(suite)
    assert report["summary"]["crossing_events"] == 17
    assert [finding["count"] for finding in report["findings"]] == [17]


def test_xdist_finds_what_a_serial_run_finds(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a worker that saw nothing, which is no blindness of the run."""
    monkeypatch.setenv(KEY_VARIABLE, "a key that is made for tests")  # the same pseudonyms in both runs
    suite.makepyfile(test_many=MANY, test_idle="def test_nothing(): pass\n")
    serial = run(suite, "--audit-isolation", "--audit-report", "serial")
    parallel = run(suite, "--audit-isolation", "--audit-report", "parallel", "-n", "2")
    assert serial.ret == parallel.ret == 1
    assert serial.parseoutcomes().items() <= (parallel.parseoutcomes() | {"seconds": 0}).items()
    one, other = read_report(suite, "serial"), read_report(suite, "parallel")
    assert outcomes(one) == outcomes(other) != set()
    # Each worker holds its own findings.
    assert one["summary"].pop("findings_size") < other["summary"].pop("findings_size")
    # What waits for a way out is what came last, in each process.
    assert one["summary"].pop("waiting")["scopes"] == other["summary"].pop("waiting")["scopes"] == 0
    assert one["summary"] == other["summary"]
    assert (len(one["run"]["processes"]), len(other["run"]["processes"])) == (1, 2)
    labels = [{witness for finding in other["findings"] for witness in finding["witnesses"].values()}]
    assert len(labels[0]) == 3, "both workers use one key, so one pseudonym a user"


def test_a_session_that_sees_nothing_says_so(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_nothing(): pass\n")
    result = run(suite, "--audit-isolation")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "isolation-audit: blind: none of the * targets' modules was ever imported",
            "  remedy: check that the targets *",
        ]
    )
    for word, outcome in (("blind", pytest.ExitCode.TESTS_FAILED), ("partly-blind", pytest.ExitCode.TESTS_FAILED)):
        assert run(suite, "--audit-isolation", "--audit-fail-on", word).ret == outcome


def test_a_session_that_sees_something_is_no_blind_one(suite: pytest.Pytester) -> None:
    suite.makepyfile("import shop\ndef test_serve():\n    shop.serve()\n")
    result = run(suite, "--audit-isolation", "--audit-fail-on", "partly-blind")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["isolation-audit: audited"])


def test_a_conftest_that_imports_the_application_is_not_too_early(suite: pytest.Pytester) -> None:
    suite.makeconftest("import shop\nfrom shop import Emitter, cross\n")
    suite.makepyfile("from conftest import cross\ndef test_call():\n    cross()\n")
    result = run(suite, "--audit-isolation", "--audit-report", "out")
    result.assert_outcomes(failed=1)
    assert {target["state"] for target in read_report(suite)["targets"]} == {"applied"}


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_errors_outside_of_every_test_fail_the_session(suite: pytest.Pytester, words: tuple[str, ...]) -> None:
    suite.makeconftest("import shop\nshop.cross()\n")
    suite.makepyfile("def test_nothing():\n    pass\n")
    result = run(suite, "--audit-isolation", *words)
    assert result.ret == 1
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["outside of every test, so the session fails:", "error[[]IA202[]]: *"])


def test_warnings_fail_nothing(suite: pytest.Pytester) -> None:
    suite.makepyfile("import shop\ndef test_call():\n    shop.Emitter().emit_answer('x', None)\n")
    result = run(suite, "--audit-isolation")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*IA204 once: nobody's event answer sent through shop:Emitter"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--audit-isolation", "--audit-config", "nowhere.toml"), "*nowhere.toml*"),
        (("--audit-isolation", "--audit-config", "bad.toml"), "*bad.toml:*"),
        (("--audit-isolation", "--audit-config", "bad.toml", "-n", "2"), "*bad.toml:*"),
    ],
)
def test_mistakes_are_usage_errors(suite: pytest.Pytester, words: tuple[str, ...], message: str) -> None:
    (suite.path / "isolation-audit.toml").unlink()
    suite.makefile(".toml", bad="[[engines]]\n")
    suite.makepyfile("def test_nothing(): pass\n")
    result = run(suite, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("written", ["{}/other/audit.toml", "other/audit.toml"])
def test_a_file_elsewhere_changes_no_setting_of_pytest(suite: pytest.Pytester, written: str) -> None:
    """As a word of its own, a file counts as a path of tests: pytest would go by another configuration file."""
    suite.makefile(".toml", **{"other/audit": CONFIG})
    suite.makefile(".ini", pytest="[pytest]\npython_functions = none_*\n")
    (suite.path / "app").mkdir()
    (suite.path / "app" / "pytest.ini").write_text("[pytest]\npython_functions = check_*\n")
    (suite.path / "app" / "test_it.py").write_text("def check_it():\n    pass\n")
    file = written.format(suite.path)

    refused = run(suite, "--audit-isolation", "--audit-config", file, "app/test_it.py")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    refused.stderr.fnmatch_lines(
        [f"*goes by {suite.path}/pytest.ini instead of *app/pytest.ini: *--audit-config={file}"]
    )
    run(suite, "--audit-isolation", f"--audit-config={file}", "app/test_it.py").assert_outcomes(passed=1)


def test_a_file_as_a_word_of_its_own_is_taken_where_nothing_changes(suite: pytest.Pytester) -> None:
    (suite.path / "tests").mkdir()
    (suite.path / "report").mkdir()
    (suite.path / "pytest.ini").write_text("[pytest]\n")
    (suite.path / "tests" / "test_it.py").write_text("def test_it():\n    pass\n")
    words = ("--audit-config", "isolation-audit.toml", "--audit-report", "report", "tests")
    for more in ((), ("-n", "1")):
        run(suite, "--audit-isolation", *words, *more).assert_outcomes(passed=1)


def test_an_auditor_that_runs_already_is_a_usage_error(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.makepyfile(
        launcher="import isolation_audit, pytest, sys\n"
        "isolation_audit.instrument()\nsys.exit(pytest.main(sys.argv[1:]))\n"
    )
    result = suite.run(sys.executable, "launcher.py", "--audit-isolation")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*an auditor is running already*"])
    assert "Traceback" not in result.stderr.str()


def test_off_means_that_nothing_is_instrumented(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        "import shop, isolation_audit\n"
        "code = shop.Emitter.emit_answer.__code__\n"
        "def test_call():\n"
        "    shop.cross()\n"
        "    assert isolation_audit.current() is None\n"
        "    assert code.co_filename == shop.__file__ and shop.Emitter.emit_answer.__code__ is code\n"
    )
    result = run(suite)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*isolation-audit*instrumented*")


def test_without_the_plugin_its_options_are_unknown(suite: pytest.Pytester) -> None:
    suite.makepyfile("import sys\ndef test_nothing():\n    assert 'isolation_audit' not in sys.modules\n")
    run(suite, "-p", "no:isolation_audit").assert_outcomes(passed=1)
    result = run(suite, "-p", "no:isolation_audit", "--audit-isolation")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --audit-isolation*"])


def test_the_application_is_released_at_the_end(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        launcher="import pytest, shop\n"
        "before = shop.Emitter.emit_answer.__code__, dict(vars(shop.Emitter))\n"
        "pytest.main(['--audit-isolation', '-p', 'no:cacheprovider'])\n"
        "assert (shop.Emitter.emit_answer.__code__, dict(vars(shop.Emitter))) == before\n"
        "print('released')\n",
        test_it="import shop\ndef test_call(): shop.cross()\n",
    )
    result = suite.run(sys.executable, "launcher.py")
    result.assert_outcomes(failed=1)
    assert result.outlines[-1] == "released"


class OldMarker(pluggy.HookimplMarker):
    """``hookimpl`` as before pluggy 1.2."""

    def __call__(self, function=None, hookwrapper=False, optionalhook=False, tryfirst=False, trylast=False):
        return super().__call__(function, hookwrapper, optionalhook, tryfirst, trylast)


def test_an_old_pluggy_is_a_sentence_and_only_where_it_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pytest, "hookimpl", OldMarker("pytest"))
    start = runpy.run_path(pytest_plugin.__file__)["pytest_load_initial_conftests"]

    def config(*, audit: bool) -> Any:
        others = ("audit_config", "audit_depth", "audit_report", "audit_fail_on")
        options = {"audit_isolation": audit, **dict.fromkeys(others)}
        return SimpleNamespace(known_args_namespace=SimpleNamespace(**options))

    assert next(start(config(audit=False))) is None
    with pytest.raises(pytest.UsageError, match=r"needs pluggy 1.2 or later: pip install 'isolation-audit\[pytest\]'"):
        next(start(config(audit=True)))


BOUND = """\
import pytest
from isolation_audit import user_scope

@pytest.mark.parametrize("user", ["alice", "bob", "carol"])
def test_each_with_an_id_of_its_own(user):
    with user_scope(user, order_id="order-1"):
        pass

def test_two_with_the_same_id():
    with user_scope("dave", order_id="order-1"):
        pass
    with user_scope("erin", order_id="order-1"):
        pass
"""


def test_an_id_that_each_test_gives_to_another_user_is_rebound_in_one_test_only(suite: pytest.Pytester) -> None:
    suite.makefile(".toml", **{"isolation-audit": CONFIG + '[identity]\nbind = { order_id = "order_id" }\n'})
    suite.makepyfile(test_bound=BOUND)
    result = run(suite, "--audit-isolation", "--audit-report", "out", "test_bound.py")
    assert result.parseoutcomes()["passed"] == 4
    assert [one["count"] for one in read_report(suite)["findings"] if one["rule"] == "IA207"] == [1]
