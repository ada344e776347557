"""One audited test session: an error that is found fails the test it is in."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.auditor import Auditor
from isolation_audit.config import default_config, find_config, load_config
from isolation_audit.coverage.verdict import is_blind
from isolation_audit.exceptions import IsolationAuditError
from isolation_audit.exporters import report
from isolation_audit.exporters.terminal import Painter, render_finding, render_summary
from isolation_audit.foundation.environment import KEY_VARIABLE
from isolation_audit.integrations import targets
from isolation_audit.model.rules import Severity
from isolation_audit.rules.selfcheck.blindness import tell_blindness
from isolation_audit.testing.attribution import PATIENCE, Attribution, test
from isolation_audit.testing.expected import AuditOfTest
from isolation_audit.testing.root import check_root
from isolation_audit.testing.texts import in_short, told, whose

if TYPE_CHECKING:
    from collections.abc import Generator

    from isolation_audit.recording.recorder import Entry

_OUTPUT = "isolation_audit"
"""Key of a worker's report in pytest-xdist's ``workeroutput``."""

_UNTOLD = "isolation_audit_untold"
"""Key of a worker's errors that no test of it has told."""

Untold = dict[str, list[str]]
"""By fingerprint, the tests that an error belongs to and that could not tell it any more; none where it has no test."""


def begin(early_config: pytest.Config) -> None:
    """Start the auditor, where tests run in this process, and register what watches the session."""
    check_root(early_config)
    options = early_config.known_args_namespace
    # Before the workers are started, so that all of them call a user by the same pseudonym.
    os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(16))
    directory = Path(options.audit_report) if options.audit_report else None
    plugin = AuditPlugin(_auditor(options), directory, options.audit_fail_on)
    # Under pytest-xdist the tests run in the workers; the controller only puts their reports together.
    if not _is_controller(options):
        try:
            plugin.auditor.start()
        except IsolationAuditError as error:
            raise pytest.UsageError(f"--audit-isolation: {error}") from None
    early_config.pluginmanager.register(plugin, "isolation-audit-session")


def _auditor(options: Any) -> Auditor:
    try:
        path = Path(options.audit_config) if options.audit_config else find_config()
        # As one of several, whether or not there are others: what nobody saw is said once, of the whole session.
        config = default_config() if path is None else load_config(path)
        if options.audit_depth is not None:
            config = replace(config, audit=replace(config.audit, depth=options.audit_depth))
        return Auditor(config, supervised=True)
    except IsolationAuditError as error:
        raise pytest.UsageError(*str(error).splitlines()) from None


def _is_controller(options: Any) -> bool:
    # A worker has the controller's options, and its ``workerinput`` only later; this early the environment tells.
    return bool(getattr(options, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


Found: Any = type("isolation-audit", (pytest.fail.Exception,), {"__module__": "builtins"})
"""Fails a test for what was found in it. pytest's line of a failed test begins with the name, and is cut at 80."""


class AuditPlugin:
    """One audited session, in the process that runs tests or in the controller of those that do."""

    def __init__(self, auditor: Auditor, directory: Path | None, fail_on: list[str]) -> None:
        self.auditor = auditor
        self._fail_on = fail_on
        self._directory = directory
        self._attribution = Attribution()
        runtime, instrumentation = auditor.runtime, auditor.instrumentation
        instrumentation.integrated += targets("pytest", self._attribution, runtime, instrumentation.places)
        self._from_workers: list[report.Report] = []
        self._merged: report.Report | None = None
        self._told: Counter[tuple[str, str]] = Counter()
        """By test and fingerprint: how often a finding has happened while its test could still be told."""
        self._untold: Untold = {}

    def pytest_report_header(self) -> str:
        """Say what is audited."""
        source = self.auditor.config.source
        if source is None:
            return "isolation-audit: no configuration found: watching what needs none"
        return f"isolation-audit: {len(self.auditor.instrumentation.targets)} targets from {source.name}"

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
        """What a fixture for several tests starts belongs to none of them alone."""
        if fixturedef.scope == "function":
            return (yield)
        with test(None):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Between the phases as well, the test is the one that runs. Tests give the same ids to different users."""
        self.auditor.runtime.bindings.rest()
        self.auditor.recorder.running_test = item.nodeid
        try:
            return (yield)
        finally:
            self.auditor.recorder.running_test = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Audit the set-up of a test."""
        return (yield from self._audited(item, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Audit the test itself."""
        return (yield from self._audited(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Audit the tear-down of a test."""
        return (yield from self._audited(item, "teardown"))

    def _audited(self, item: pytest.Item, when: str) -> Generator[None, Any, Any]:
        self.auditor.instrumentation.refresh()
        with test(item.nodeid):
            try:
                result = yield
            except pytest.skip.Exception:
                # What was found before the test chose to be skipped has happened all the same.
                new = self._new_errors(item.nodeid)
                if not new:
                    raise
            except BaseException:
                new = self._new_errors(item.nodeid)
                if new:
                    item.add_report_section(when, "isolation-audit", told(new))
                raise
            else:
                new = self._new_errors(item.nodeid)
                if not new:
                    return result
        raise Found(f"{in_short(new)}\n\n{told(new)}", pytrace=False)

    def _new_errors(self, nodeid: str) -> list[Entry]:
        self.auditor.settle()
        new = []
        for entry in self._errors():
            key, count = (nodeid, entry.finding.fingerprint), entry.tests.get(nodeid, 0)
            if count > self._told[key]:
                self._told[key] = count
                new.append(entry)
        return new

    def of_test(self, nodeid: str) -> AuditOfTest:
        """The audit as one test has it."""
        return AuditOfTest(self.auditor, nodeid, self._told)

    def _errors(self) -> list[Entry]:
        return [entry for entry in self.auditor.recorder.entries() if entry.finding.severity is Severity.ERROR]

    def _errors_untold(self) -> Untold:
        untold: Untold = {}
        for entry in self._errors():
            fingerprint = entry.finding.fingerprint
            tests = [one for one, count in list(entry.tests.items()) if count > self._told[one, fingerprint]]
            if tests or entry.count > sum(entry.tests.values()):
                untold[fingerprint] = tests
        return untold

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a pytest-xdist worker has seen."""
        output = getattr(node, "workeroutput", {})
        if _OUTPUT in output:
            self._from_workers.append(output[_OUTPUT])
            self._leave_untold(output[_UNTOLD])

    def _leave_untold(self, untold: Untold) -> None:
        for fingerprint, tests in untold.items():
            self._untold.setdefault(fingerprint, []).extend(tests)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Stop; a worker hands its report to the controller, every other process puts the whole report together.

        Errors at import or collection have no test to fail, and those that come after their test's report can't fail
        it any more: they fail the session.
        """
        self._attribution.wait(PATIENCE)
        self.auditor.stop()
        own = self.auditor.snapshot()
        self._leave_untold(self._errors_untold())
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_OUTPUT] = own
            output[_UNTOLD] = self._untold
            return
        run = {key: value for key, value in own["run"].items() if key != "processes"}
        merged = report.merge(self._from_workers or [own], run, report.TOOL)
        if session.testscollected:
            tell_blindness(merged, self.auditor.config.select)
        fails = self._untold or is_blind(merged, self._fail_on)
        if fails and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._directory is not None:
            report.write(self._directory / "report.json", merged)
        self._merged = merged

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the summary of the whole session, and in full what no test could show."""
        if self._merged is None:
            return
        paint = Painter("always" if terminalreporter.hasmarkup else "never")
        terminalreporter.section("isolation-audit")
        for finding in self._merged["findings"]:
            if finding["fingerprint"] in self._untold:
                terminalreporter.write_line(whose(self._untold[finding["fingerprint"]]))
                terminalreporter.write_line(render_finding(finding, paint) + "\n")
        terminalreporter.write_line(render_summary(self._merged, paint))
        if self._directory is not None:
            terminalreporter.write_line(f"report: {self._directory / 'report.json'}")

    def pytest_unconfigure(self) -> None:
        """Stop in any case, also when the session ended before its first test."""
        self.auditor.stop()
