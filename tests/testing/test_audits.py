"""``isolation_audit.testing``: audits of single blocks, and findings that a test expects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from doors import CONFIG, SHOP, WITHOUT_OTHERS
from isolation_audit import ConfigError, UsageError, load_config, user_scope
from isolation_audit.testing import audited

if TYPE_CHECKING:
    from pathlib import Path

APP = """\
class Emitter:
    def emit(self, event, to):
        return True
"""


@pytest.fixture
def app(load_app: Any) -> Any:
    return load_app(APP)


def config(app: Any) -> dict[str, Any]:
    emitter = {"target": f"{app.__name__}:Emitter", "methods": {"emit": "args.event"}, "addressee": "args.to"}
    return {"emitters": [emitter], "report": {"raw_ids": True}}


def cross(app: Any, times: int = 1) -> None:
    with user_scope("alice"):
        for _ in range(times):
            app.Emitter().emit("answer", "bob")


def test_what_a_block_has_found(app: Any) -> None:
    with audited(config(app)) as audit:
        cross(app, times=3)
        (within,) = audit.found("IA202")
    (afterwards,) = audit.found("IA2")
    assert within is afterwards
    assert (within.witnesses.ambient, within.witnesses.addressee) == ("alice", "bob")
    assert audit.counts("IA202") == {"IA202": 3}
    assert audit.found("IA3") == []
    assert audit.report()["summary"]["crossing_events"] == 3
    with pytest.raises(AssertionError, match=r"IA202[\s\S]*event answer of alice sent to bob"):
        audit.assert_nothing_found()


def test_a_block_in_which_nothing_crosses(app: Any) -> None:
    with audited(config(app)) as audit, user_scope("alice"):
        app.Emitter().emit("answer", "alice")
    audit.assert_nothing_found("note")
    assert audit.report()["summary"]["events_total"] == 1


def test_severities_below_the_named_one_pass(app: Any) -> None:
    with audited({**config(app), "select": {"severity": {"IA202": "warning"}}}) as audit:
        cross(app)
    audit.assert_nothing_found()
    with pytest.raises(AssertionError, match="IA202"):
        audit.assert_nothing_found("warning")


def test_configurations(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(f'[[emitters]]\ntarget = "{app.__name__}:Emitter"\naddressee = "args.to"\n')
    monkeypatch.chdir(tmp_path)
    for given in (file, str(file), load_config(file), None):
        with audited(given) as audit:
            cross(app)
        assert audit.counts("IA202") == {"IA202": 1}
    file.unlink()
    with audited(None, depth="state") as audit:
        assert audit.auditor.config.source is None
        assert audit.auditor.config.audit.depth == "state"
    with pytest.raises(ConfigError, match="emiters"), audited({"emiters": []}):
        pass


def test_one_at_a_time(app: Any) -> None:
    with audited(config(app)), pytest.raises(UsageError, match="running already"), audited(config(app)):
        pass


EXPECTING = """\
import pytest
import shop

def test_expected(isolation_audit):
    with isolation_audit.expects("IA202") as found:
        shop.cross()
    assert [one.rule for one in found] == ["IA202"]
    assert isolation_audit.found("IA202")

def test_outside_of_the_block(isolation_audit):
    with isolation_audit.expects("IA202"):
        shop.cross()
    shop.cross()

def test_another_rule(isolation_audit):
    with isolation_audit.expects("IA203"):
        shop.cross()

def test_nothing(isolation_audit):
    with isolation_audit.expects():
        shop.serve()

def test_its_own_reason(isolation_audit):
    with isolation_audit.expects("IA202"):
        raise LookupError("its own reason")

def test_clean():
    shop.serve()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("ISOLATION_AUDIT_REPORT", "ISOLATION_AUDIT_CONFIG", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    pytester.makefile(".toml", **{"isolation-audit": CONFIG})
    pytester.makepyfile(shop=SHOP, test_shop=EXPECTING)
    return pytester


def run(suite: pytest.Pytester, *words: str) -> Any:
    return suite.runpytest_subprocess(*WITHOUT_OTHERS, "-p", "no:cacheprovider", "-p", "no:randomly", *words)


def test_findings_that_a_test_expects(suite: pytest.Pytester) -> None:
    done = run(suite, "--audit-isolation", "-v")
    done.assert_outcomes(passed=2, failed=4)
    done.stdout.fnmatch_lines(
        [
            "*::test_expected PASSED*",
            "*::test_outside_of_the_block FAILED*",
            "*::test_another_rule FAILED*",
            "*::test_nothing FAILED*",
            "*::test_its_own_reason FAILED*",
            "*::test_clean PASSED*",
        ]
    )
    text = done.stdout.str()
    assert "isolation-audit found nothing here, and IA203 was expected" in text
    assert "isolation-audit found nothing here, and a finding was expected" in text
    assert "so the session fails" not in text


def test_without_the_audit_such_tests_are_skipped(suite: pytest.Pytester) -> None:
    run(suite).assert_outcomes(passed=1, skipped=5)
