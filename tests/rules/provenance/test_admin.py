"""Django's admin, as it is: full of other users' names, and none of them leaked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doors import clean_environment

SITE = Path(__file__).with_name("admin_site.py")


def run(folder: Path) -> list[dict[str, Any]]:
    """Errors and warnings of the site under the auditor, without a configuration."""
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--", str(SITE)],
        cwd=folder,
        env={**clean_environment(), "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join([str(SITE.parent)])},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout.splitlines()[-1])) == {200}
    report = json.loads((folder / "out" / "report.json").read_text())
    assert report["summary"]["faults"] == 0
    assert report["summary"]["requests_named"] > 30
    return [one for one in report["findings"] if one["severity"] != "note" and one["rule"] != "IA904"]


@pytest.mark.timeout(120)
def test_only_a_name_from_a_global_is_found_among_all_that_an_administrator_reads_of_others(tmp_path) -> None:
    found = run(tmp_path)
    assert {(one["rule"], one["route"]) for one in found} == {("IA203", "/greeting")}
    assert {one["severity"] for one in found} == {"error"}
    assert "came from this process's memory" in found[0]["witnesses"]["provenance"]
