"""An ASGI application without a framework on servers of its own processes: what its visitors see, and what is found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from doors import clean_environment

FOLDER = Path(__file__).with_name("asgi_servers")


def served(program: str, folder: Path, *, leaking: bool, audited: bool = True) -> tuple[Any, Any]:
    """What the visitors have seen, and the report."""
    command = ["-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--"] if audited else []
    done = subprocess.run(
        [sys.executable, *command, str(FOLDER / program)],
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


def judge(program: str, folder: Path, *, leaking: bool) -> None:
    """All users are known, the leak is found, and visitors see what they see without the auditor."""
    bare, _ = served(program, folder, leaking=leaking, audited=False)
    seen, report = served(program, folder, leaking=leaking)
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
