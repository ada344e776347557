"""The door of the pytest plugin: its options, and the rest of it when ``--audit-isolation`` is given.

pytest loads this module in every environment that has isolation-audit installed, also where nobody asks for an audit
and whatever pytest's version. So nothing is imported here, and its hooks are declared as all versions understand them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("isolation-audit", "isolation auditing")
    group.addoption(
        "--audit-isolation",
        action="store_true",
        default=False,
        help="audit the application while its tests run; a finding of severity error fails the test",
    )
    group.addoption(
        "--audit-config", metavar="FILE", default=None, help="isolation-audit's configuration (default: looked for)"
    )
    group.addoption(
        "--audit-depth",
        choices=["calls", "state", "heap"],
        default=None,
        help="how deep isolation-audit looks (default: audit.depth of its configuration)",
    )
    group.addoption(
        "--audit-report", metavar="DIR", default=None, help="write isolation-audit's report.json into this folder"
    )
    group.addoption(
        "--audit-fail-on",
        action="append",
        choices=["blind", "partly-blind"],
        default=[],
        help="fail the session if the audit was blind, or partly; see docs/reference/coverage.md",
    )


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, None]:
    """Start before any conftest.py, because a conftest usually imports the application."""
    options = early_config.known_args_namespace
    if options.audit_isolation:
        from inspect import signature

        if "wrapper" not in signature(type(pytest.hookimpl).__call__).parameters:
            raise pytest.UsageError(
                "--audit-isolation needs pluggy 1.2 or later: pip install 'isolation-audit[pytest]'"
            )
        from isolation_audit.testing.session import begin

        begin(early_config)
    elif options.audit_config or options.audit_depth or options.audit_report or options.audit_fail_on:
        raise pytest.UsageError(
            "--audit-config, --audit-depth, --audit-report and --audit-fail-on say how to audit; add --audit-isolation"
        )
    yield


@pytest.fixture(name="isolation_audit")
def isolation_audit_fixture(request: pytest.FixtureRequest) -> Any:
    """The audit of this test, an ``AuditOfTest``; without --audit-isolation the test is skipped."""
    session: Any = request.config.pluginmanager.get_plugin("isolation-audit-session")
    if session is None:
        pytest.skip("needs --audit-isolation")
    return session.of_test(request.node.nodeid)
