"""A report with everything in it that one can have, its texts chosen by the test."""

from __future__ import annotations

from typing import Any

DIAGRAM = 'graph LR\n  n0["shop.state:CARTS"]\n  n1["#quot;last#quot;"]\n  n0 --> n1'


def finding(number: int = 0, *, text: str = "words", severity: str = "error", **more: Any) -> dict[str, Any]:
    """One finding; every text in it that an application or a user decides on has ``text`` in it."""
    frame = {"file": f"/srv/{text}/views.py", "line": 3, "function": f"send {text}"}
    place = {**frame, "stack": [frame, frame], "label": f"sent {text} here", "through": frame}
    return {
        "rule": "IA202",
        "severity": severity,
        "fingerprint": f"{number:016x}",
        "count": 2,
        "message": f"message {text}",
        "help": f"help {text}",
        "target": f"target {text}",
        "event": f"event {text}",
        "witnesses": {"ambient": f"user-{text}", "owner": None, "addressee": "user-b", "content": None}
        | {"provenance": f"came from {text}"},
        "explanation": {
            "verdict": "memory",
            "inputs": {f"rows {text}": 2},
            "last_seen": {"user": text, "route": text, "method": text, "inputs": [text], "before": 1.5},
        },
        "site": place,
        "origin": place,
        "first_seen": 1_780_000_000.0 + number,
        "last_seen": 1_780_000_100.0 + number,
        "trace_id": f"trace {text}",
        "route": f"/items/{text}",
        "method": "GET",
        "field": f"$.{text}",
        "run": f"run-{text}",
        "remedy": [f"target = {text}"],
        "diagram": DIAGRAM.replace("CARTS", text.replace('"', "#quot;")),
        "test": f"test {text}",
        "pairs": [
            {"ambient": f"user-{text}", "other": "user-b", "count": 2},
            {"ambient": "c", "other": "b", "count": 1},
        ],
        "pairs_total": 2,
        **more,
    }


def report(*findings: dict[str, Any], text: str = "words", **more: Any) -> dict[str, Any]:
    """The report of these findings."""
    return {
        "schema": 1,
        "tool": {"name": "isolation-audit", "version": text},
        "run": {
            "id": text,
            "config": f"{text}.toml",
            "processes": [{"pid": 1, "python": text, "started": 1_780_000_000.0, "seen_until": 1_780_000_200.0}],
        },
        "coverage": {
            "verdict": "partly blind",
            "reasons": [{"reason": f"because {text}", "remedy": f"do {text}", "told_by": None}],
            "requests": {"seen": 3, "known": 2},
        },
        "targets": [{"target": f"shop:{text}", "role": "emitter", "state": "applied", "detail": "", "seen": 3}],
        "summary": {"events_total": 7, "crossing_events": 2, "requests": 3, "findings": {"IA202": 2}},
        "findings": list(findings),
        **more,
    }
