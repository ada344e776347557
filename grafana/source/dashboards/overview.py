"""*Isolation overview*: has one user's data reached another, and would we know?"""

from __future__ import annotations

from typing import Any

from grafana.source.alerts.model import OVERVIEW
from grafana.source.board import board
from grafana.source.panels import (
    BLUE,
    DAY,
    GOOD_AT_ZERO,
    GREEN,
    ORANGE,
    RED,
    SHOWN,
    Query,
    lines,
    metric,
    number,
    risen,
    rows,
    share,
    words,
)

_ERROR = 'severity="error"'


def dashboard() -> dict[str, Any]:
    """Its JSON model."""
    content = {"Has anything crossed?": _crossed(), "What was found": _found(), "What the users do": _work()}
    about = "Has one user's data reached another, and would the auditor know?"
    return board(OVERVIEW, "Isolation overview", about, content)


def _crossed() -> list[Any]:
    newest = f"max({metric('newest_finding_timestamp_seconds', _ERROR)})"
    return [
        number(
            "Crossings, 24 h",
            "Deliveries to a user whom they were not for, within 24 hours. One is a leak.",
            risen("crossing_events_total", DAY),
            steps=GOOD_AT_ZERO,
            width=5,
        ),
        number(
            "Errors, 24 h",
            "Occurrences of findings of severity error within 24 hours.",
            risen("findings_total", DAY, matchers=(_ERROR,)),
            steps=GOOD_AT_ZERO,
            width=5,
        ),
        number(
            "Distinct errors",
            "Errors that differ in rule or place since the auditor's start: the number of things to mend.",
            f"sum({metric('distinct_findings', _ERROR)})",
            steps=GOOD_AT_ZERO,
        ),
        number(
            "Newest error",
            "How long ago the newest distinct error occurred for the first time.",
            f"time() - ({newest} > 0)",
            unit="s",
            trend=False,
            width=5,
        ),
        number(
            "Users affected",
            "Users whose data, object or event met another (sender), and users whom it met (receiver), since the"
            " auditor's start. Of several processes the highest number: at least so many.",
            Query(f"max by (side) ({metric('users_affected')})", "{{side}}"),
            steps=GOOD_AT_ZERO,
            names=True,
            trend=False,
            width=5,
        ),
        number(
            "Who is up",
            "Instances by whether an auditor runs there.",
            Query(f"max by (instance) ({metric('running')})", "{{instance}}"),
            mappings=words({"0": ("not audited", RED), "1": ("audited", GREEN)}),
            names=True,
            trend=False,
            nothing="nobody",
            width=7,
        ),
        number(
            "What the auditor can see",
            "The verdict on what it can see. In anything but `audited`, that nothing is found says little.",
            Query(f"max by (verdict) ({metric('coverage')})", "{{verdict}}"),
            mappings=words({"0": ("-", "#808080"), "1": ("here", BLUE)}),
            names=True,
            trend=False,
            width=9,
        ),
        number(
            "Deprecated engines, 24 h",
            "Deprecated engines that were built within 24 hours.",
            risen("deprecated_engines_built_total", DAY),
            steps=((None, GREEN), (1, ORANGE)),
            width=4,
        ),
        number(
            "Undelivered events, 24 h",
            "Events of which a layer said, or hid, that they did not arrive.",
            risen("events_undelivered_total", DAY),
            steps=((None, GREEN), (1, ORANGE)),
            width=4,
        ),
    ]


def _found() -> list[Any]:
    by = "rule, severity"
    return [
        lines(
            "Crossings by rule",
            "Deliveries to a wrong user, by the rule that has seen each. A dot leads to the trace of one.",
            Query(risen("crossings_total", by="rule"), "{{rule}}"),
            bars=True,
            stacked=True,
        ),
        lines(
            "Errors by rule",
            "Occurrences of findings of severity error, by rule.",
            Query(risen("findings_total", by="rule", matchers=(_ERROR,)) + " > 0", "{{rule}}"),
            bars=True,
            stacked=True,
            exemplars=True,
        ),
        lines(
            "Findings by severity",
            "Occurrences of findings of all severities.",
            Query(risen("findings_total", by="severity"), "{{severity}}"),
        ),
        rows(
            "Findings in this time range",
            "Each rule that has found something, and how often. `isolation-audit show DIR --rule CODE` shows where.",
            f"{risen('findings_total', SHOWN, by=by)} > 0",
            {"rule": "Rule", "severity": "Severity"},
            last="Occurrences",
        ),
    ]


def _work() -> list[Any]:
    failed = share(risen("events_undelivered_total"), risen("events_total"))
    return [
        lines(
            "Events by layer",
            "Events, each once, by the layer at which it was first seen, and those that are known to have arrived.",
            (
                Query(f"sum by (layer) (rate({metric('events_total')}[$__rate_interval]))", "{{layer}}"),
                Query(f"sum(rate({metric('events_delivered_total')}[$__rate_interval]))", "delivered"),
            ),
            unit="eps",
            width=8,
        ),
        lines(
            "Undelivered share of events",
            "The share of events that did not arrive.",
            Query(failed, "undelivered"),
            unit="percentunit",
            width=8,
        ),
        lines(
            "Users",
            "The most users with a run at the same time, so far, and users to whom events went.",
            (
                Query(f"max by (instance) ({metric('users_at_once')})", "at once, {{instance}}"),
                Query(f"max by (instance) ({metric('users_with_events')})", "with events, {{instance}}"),
            ),
            width=8,
        ),
        lines(
            "Requests, messages and jobs",
            "What the auditor has seen the beginning of.",
            tuple(
                Query(f"sum(rate({metric(f'{kind}_total')}[$__rate_interval]))", kind)
                for kind in ("requests", "messages", "jobs")
            ),
            unit="reqps",
        ),
        lines(
            "Stretches of work",
            "Ended stretches of work for one user: scopes.",
            Query(f"sum by (instance) (rate({metric('scopes_total')}[$__rate_interval]))", "{{instance}}"),
            unit="ops",
        ),
    ]
