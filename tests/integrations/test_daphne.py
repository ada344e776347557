"""An ASGI application without a framework on Daphne: whose its requests are, and what it sends to whom."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doors import clean_environment

FOLDER = Path(__file__).with_name("asgi_servers")

pytest.importorskip("daphne")


def served(folder: Path, *, leaking: bool, audited: bool = True) -> tuple[Any, Any]:
    """What the visitors have seen, and the report."""
    program = [str(FOLDER / "on_daphne.py")]
    command = ["-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--"] if audited else []
    done = subprocess.run(
        [sys.executable, *command, *program],
        cwd=folder,
        env={**clean_environment(), "PYTHONWARNINGS": "ignore", "LEAKING": "yes" if leaking else "no"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "out" / "report.json").read_text()) if audited else None
    return json.loads(done.stdout.splitlines()[-1]), report


@pytest.mark.parametrize("leaking", [True, False])
def test_requests_and_websockets_of_a_plain_application(tmp_path, leaking):
    bare, _ = served(tmp_path, leaking=leaking, audited=False)
    seen, report = served(tmp_path, leaking=leaking)
    pages, hellos = seen[:4], seen[4:]
    assert [page[2] for page in pages] == ["alice", "bob", None, "alice"]
    assert [page[1].get("owner") for page in pages] == ["alice", "alice" if leaking else "bob", None, "alice"]
    assert hellos == ["hello alice", "hello bob"]
    # Whom the auditor knows, the application can't tell without it.
    assert [(page[0], page[1], page[3]) for page in pages] == [(page[0], page[1], page[3]) for page in bare[:4]]
    found = [(one["rule"], one["witnesses"]["ambient"], one["witnesses"]["content"]) for one in report["findings"]]
    assert found == ([("IA203", "bob", "alice")] if leaking else [])
    coverage, summary = report["coverage"], report["summary"]
    assert (coverage["verdict"], coverage["unwatched"], summary["faults"]) == ("audited", {}, 0)
    assert (summary["requests"], summary["requests_named"]) == (6, 6)
