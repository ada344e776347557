"""Users on pages that never ask for them: known by the session that they have logged in with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from doors import clean_environment

FOLDER = Path(__file__).with_name("public_pages")
SITES = ("flask_pages", "django_pages", "starlette_pages", "fastapi_pages", "aiohttp_pages")
SEEN = [None, None, "alice", "bob", "bob", None, None]


def visited(site: str, folder: Path, *words: str):
    """What the clients of a site saw, and the report as text."""
    paths = [str(FOLDER), str(FOLDER.with_name("sites"))]
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "run", "--raw-ids", "--report", "out", "--",
         str(FOLDER / f"{site}.py"), *words],
        cwd=folder,
        env={**clean_environment(), "PYTHONWARNINGS": "ignore", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), json.loads((folder / "out" / "report.json").read_text())


@pytest.mark.parametrize("site", SITES)
def test_what_was_made_for_one_visitor_and_kept_is_found_where_the_next_one_reads_it(site, tmp_path):
    seen, report = visited(site, tmp_path, "bad")
    assert seen == SEEN
    found = [(one["rule"], one["witnesses"]["ambient"], one["witnesses"]["content"]) for one in report["findings"]]
    assert found == [("IA203", "bob", "alice")]


@pytest.mark.parametrize("site", SITES)
def test_the_clean_site_is_silent_and_says_what_told_its_users(site, tmp_path):
    seen, report = visited(site, tmp_path)
    assert seen == SEEN
    assert report["findings"] == []
    assert report["coverage"]["verdict"] == "audited"
    told = report["summary"]["users_by_source"]
    # Flask's session is open on every page, and calls its user as the login does.
    assert told["session" if site == "flask_pages" else "credentials"] >= 3
    assert report["summary"]["faults"] == 0
