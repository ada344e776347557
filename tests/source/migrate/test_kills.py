"""kill -9 at any moment: each file is old or new, what others write stays, and the journal puts the groups right."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def kill(folder: Path, times: int, seed: int) -> dict[str, int]:
    command = [sys.executable, str(Path(__file__).with_name("kills.py")), str(folder), str(times), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=7000, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_some_kills(tmp_path: Path) -> None:
    counts = kill(tmp_path, 8, 1)
    assert counts["killed"] == 8


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_five_hundred_kills(tmp_path: Path) -> None:
    counts = kill(tmp_path, 500, 2)
    assert counts["killed"] == 500
    assert counts["interrupted groups"] > 50
    assert counts["killed while recovering"] > 10
    assert counts["edits"] > 500
    assert counts["full disks"] > 50
    assert counts["planted"] > 50
