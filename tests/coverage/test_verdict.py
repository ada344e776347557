"""The verdict: pure judgement over counts, each reason with a clean twin."""

from __future__ import annotations

from typing import Any

import pytest

from isolation_audit.coverage.lines import coverage_lines
from isolation_audit.coverage.merging import added_up
from isolation_audit.coverage.verdict import is_blind, judge


def work(seen: int, known: int) -> dict[str, int]:
    return {"seen": seen, "known": known}


def made(findings: tuple[str, ...] = (), targets: tuple[dict[str, Any], ...] = (), **coverage: Any) -> dict[str, Any]:
    summary = coverage.pop("summary", {})
    return {
        "run": {"processes": [{"pid": 1}]},
        "coverage": coverage,
        "targets": list(targets),
        "summary": summary,
        "findings": [{"rule": rule, "target": None, "message": rule} for rule in findings],
    }


def target(role: str, seen: int, state: str = "applied") -> dict[str, Any]:
    return {"target": f"app:{role.title()}", "role": role, "state": state, "detail": "", "seen": seen}


def path(
    asked: int, gave: int, text: str = "args.usr_id", where: str = "[[engines]] app:Engine: owner"
) -> dict[str, Any]:
    return {"where": where, "path": text, "asked": asked, "gave": gave}


def sighted(seen: int, known: int, unit: str = "requests") -> dict[str, Any]:
    return {"unit": unit, "seen": seen, "known": known, "remedy": "serve it otherwise"}


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing at all": (made(), "idle", ""),
    "requests of known users": (made(requests=work(9, 9)), "audited", ""),
    "requests of which some are anonymous": (made(requests=work(100, 30)), "audited", ""),
    "requests of nobody": (made(requests=work(9, 0)), "blind", "none of the 9 requests had a known user"),
    "requests of hardly anybody": (
        made(requests=work(100, 9)),
        "partly blind",
        "only 9 of the 100 requests had a known user",
    ),
    "few requests, one of them known": (made(requests=work(19, 1)), "audited", ""),
    "messages of nobody beside known requests": (
        made(requests=work(9, 9), messages=work(4, 0)),
        "partly blind",
        "none of the 4 messages had a known user",
    ),
    "housekeeping beside known requests": (made(requests=work(9, 9), jobs=work(4, 0)), "audited", ""),
    "jobs of nobody and nothing else": (made(jobs=work(4, 0)), "blind", "none of the 4 jobs had a known user"),
    "jobs of known users": (made(jobs=work(4, 1)), "audited", ""),
    "a library that is not watched": (
        made(unwatched={"Tornado": sighted(3, 0)}),
        "blind",
        "Tornado is at work and not watched (3 requests)",
    ),
    "the same, beside what is seen": (
        made(requests=work(1, 1), unwatched={"granian": sighted(1, 0, "")}),
        "partly blind",
        "granian is at work and not watched",
    ),
    "a library in which the application says for whom it works": (
        made(unwatched={"Tornado": sighted(3, 3)}),
        "audited",
        "",
    ),
    "a server that nobody knows": (
        made(listeners={"acme on port 1": {"accepted": 2, "watched": 0}}),
        "blind",
        "acme on port 1 has accepted 2 connection(s), and nothing watches what serves them",
    ),
    "a server that nobody knows, with scopes": (
        made(listeners={"acme on port 1": {"accepted": 2, "watched": 0}}, summary={"scopes": 2}),
        "audited",
        "",
    ),
    "a server that is watched": (
        made(listeners={"uvicorn on port 1": {"accepted": 2, "watched": 1}}, requests=work(2, 2)),
        "audited",
        "",
    ),
    "a port on which nobody has come": (made(listeners={"acme on port 1": {"accepted": 0, "watched": 0}}), "idle", ""),
    "a path that never gives a value": (
        made(targets=(target("engine", 3),), paths=[path(3, 0)]),
        "blind",
        "args.usr_id of [[engines]] app:Engine: owner gave no value in 3 call(s)",
    ),
    "a path beside another that gives one": (
        made(targets=(target("engine", 3),), paths=[path(3, 0), path(3, 3, "self.user_id")]),
        "audited",
        "",
    ),
    "a path that nobody has asked": (made(requests=work(1, 1), paths=[path(0, 0)]), "audited", ""),
    "an id that is bound where there is one": (
        made(requests=work(1, 1), paths=[path(5, 0, "run_id", "[identity] bind: run_id")]),
        "audited",
        "",
    ),
    "no target is ever called": (
        made(targets=(target("engine", 0), target("emitter", 0))),
        "blind",
        "2 target(s) instrumented, none of them was ever called",
    ),
    "no emitter is ever called": (
        made(targets=(target("engine", 4), target("emitter", 0))),
        "partly blind",
        "nothing of [[emitters]] was ever called: app:Emitter",
    ),
    "no deprecated engine is ever built": (
        made(targets=(target("engine", 4), target("deprecation", 0))),
        "audited",
        "",
    ),
    "a target that is not there": (
        made(requests=work(1, 1), targets=(target("engine", 0, "missing"),)),
        "partly blind",
        "not found, so not watched: app:Engine",
    ),
    "an optional target that is not there": (
        made(requests=work(1, 1), targets=(target("engine", 0, "absent"),)),
        "audited",
        "",
    ),
    "events with one witness": (
        made(targets=(target("emitter", 5),), summary={"events_total": 5, "events_unverified": 5}),
        "blind",
        "5 event(s) seen, and never two witnesses to compare",
    ),
    "the same, and a payload has told whose it is": (
        made(("IA203",), (target("emitter", 5),), summary={"events_total": 5, "events_unverified": 5}),
        "audited",
        "",
    ),
}


@pytest.mark.parametrize(("report", "verdict", "reason"), CASES.values(), ids=CASES.keys())
def test_the_verdict_and_its_reason(report: dict[str, Any], verdict: str, reason: str) -> None:
    found = judge(report)
    assert (found["verdict"], [row["reason"] for row in found["reasons"]]) == (verdict, [reason] if reason else [])
    assert all(row["remedy"] for row in found["reasons"])
    headline = coverage_lines({**report, "coverage": found})[0]
    assert headline == (f"{verdict}: {reason}" if reason else headline)
    assert headline.startswith(verdict)


def test_a_finding_is_never_called_blindness() -> None:
    """Whoever has seen a leak has seen something."""
    for report, verdict, _reason in CASES.values():
        with_finding = {**report, "findings": [{"rule": "IA503", "target": None, "message": "leak"}]}
        assert judge(with_finding)["verdict"] in ("audited", "partly blind"), verdict


def test_no_process_at_all_is_blind() -> None:
    found = judge({**made(requests=work(0, 0)), "run": {"processes": []}})
    assert (found["verdict"], found["reasons"][0]["reason"]) == (
        "blind",
        "no process of the program loaded the auditor",
    )


def test_a_process_that_could_not_be_watched_has_its_finding_already() -> None:
    report = made(requests=work(1, 1))
    report["findings"] = [{"rule": "IA904", "target": "gevent.monkey", "message": "gevent exchanges threads"}]
    found = judge(report)
    assert (found["verdict"], found["reasons"][0]["told_by"]) == ("partly blind", "IA904")


def test_processes_are_judged_as_a_whole() -> None:
    busy = judge(made(requests=work(9, 9), libraries={"uvicorn": 3}, paths=[path(2, 0)]))
    idle = judge(made(requests=work(0, 0), libraries={"uvicorn": 1}, paths=[path(2, 1), path(1, 1, "self.user_id")]))
    whole = added_up([busy, idle])
    assert whole["requests"] == work(9, 9)
    assert whole["libraries"] == {"uvicorn": 4}
    assert whole["paths"] == [path(4, 1), path(1, 1, "self.user_id")]
    assert "verdict" not in whole
    assert judge({**made(), "coverage": whole})["verdict"] == "audited"


@pytest.mark.parametrize(
    ("verdict", "met"),
    [("blind", {"blind", "partly-blind"}), ("partly blind", {"partly-blind"}), ("audited", set()), ("idle", set())],
)
def test_which_verdicts_fail_a_run(verdict: str, met: set[str]) -> None:
    report = {"coverage": {"verdict": verdict}}
    assert {word for word in ("blind", "partly-blind", "error", "never") if is_blind(report, [word])} == met
