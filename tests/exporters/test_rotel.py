"""A third party's OTLP receiver gets the same spans and log records over gRPC as over HTTP."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from receivers import EXAMPLE, Rotel, chat, rotel_agent, wait_for

sys.path.insert(0, str(EXAMPLE))

from agent_chat.clients import drive

if TYPE_CHECKING:
    from pathlib import Path

USERS, SEED = 5, 2
_HEADER = re.compile(r"^(Span|LogRecord|ResourceSpans|ResourceLog|ScopeSpans|ScopeLogs) #\d+$")
_SOCKET = re.compile(
    r"Exception ignored in: <socket\.socket .*\nTraceback .*\n(?:  .*\n)*ResourceWarning: unclosed <socket.*\n"
)
"""urllib3's pools leave a socket to the garbage collection at times; told of because all warnings are errors here."""

_CHANGING = ("Trace ID", "Span ID", "ID", "Parent ID", "Start time", "End time", "Timestamp:", "ObservedTimestamp")
"""Drawn at random, or from the clock."""


def blocks(text: str) -> dict[str, Counter[str]]:
    """What rotel's log shows of each span and log record, without what changes from run to run."""
    found: dict[str, list[list[str]]] = {"Span": [], "LogRecord": []}
    current: list[str] | None = None
    for line in text.splitlines():
        if header := _HEADER.match(line):
            current = []
            if header[1] in found:
                found[header[1]].append(current)
        elif current is not None and not line.strip().removeprefix("-> ").startswith(_CHANGING):
            current.append(line)
    return {kind: Counter("\n".join(lines) for lines in made) for kind, made in found.items()}


def run(folder: Path, rotel: Rotel, protocol: str) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    folder.mkdir()
    before = len(rotel.text())
    endpoint = rotel.grpc if protocol == "grpc" else rotel.http
    extra = (
        f'\n[otlp]\nendpoint = "{endpoint}"\nprotocol = "{protocol}"\nservice_name = "chat"\ntimeout = "5s"\n'
        "[report]\nterminal = false\ndirectory = 'out'\n"
    )
    options = ("--seed", str(SEED), "--batch-size", str(USERS), "--batch-window", "60")
    with chat(folder, extra, *options, ISOLATION_AUDIT_KEY="a key that is made for tests") as app:
        asyncio.run(drive(app.url, USERS, 2, SEED))
        code = app.stop()
    assert (code, _SOCKET.sub("", app.stderr())) == (0, "")
    report = json.loads((folder / "out" / "report.json").read_text())
    # Each user has one connection, which is the unit of work around the runs in it.
    expected = {"Span": report["summary"]["scopes"] + USERS, "LogRecord": len(report["findings"])}

    def complete() -> dict[str, Counter[str]] | None:
        found = blocks(rotel.text()[before:])
        return found if {kind: made.total() for kind, made in found.items()} == expected else None

    return wait_for(complete, f"rotel to show {expected}"), expected


@pytest.mark.server
def test_rotel_gets_the_same_over_both_protocols(tmp_path: Path) -> None:
    with rotel_agent(tmp_path) as rotel:
        over_grpc, expected = run(tmp_path / "grpc", rotel, "grpc")
        over_http, _ = run(tmp_path / "http", rotel, "http/protobuf")
    assert expected["Span"] == USERS * 2 + USERS
    assert expected["LogRecord"] >= 2
    assert over_grpc == over_http
    assert any("IA202" in record and "SEVERITY_NUMBER_ERROR" in record for record in over_grpc["LogRecord"])
    assert all("user.hash" in span for span in over_grpc["Span"])
    assert {count for span, count in over_grpc["Span"].items() if "isolation_audit.unit: Str(connection)" in span} == {
        1
    }
