"""A clean application for long: nothing is found, nothing grows; memory is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doors import clean_environment

PROGRAM = Path(__file__).with_name("endurance.py")
CAP = 100
"""What each table of the program may hold; see there."""


def endured(scopes: int) -> dict[str, Any]:
    """What the program tells of its run; findings, faults and patches that are left fail here."""
    pytest.importorskip("socketio")
    pytest.importorskip("cachetools")
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(scopes)],
        env=clean_environment(PYTHONPATH=str(PROGRAM.parents[1]), PYTHONWARNINGS="ignore"),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "nothing ended nowhere"
    told: dict[str, Any] = json.loads(done.stdout)
    for number, quarter in enumerate(told["quarters"], 1):
        print(f"{scopes * number // 4:6} scopes: {quarter['resident'] / 2**20:.1f} MiB", end=", ")
        print(f"{quarter['traced'] / 2**10:.0f} KiB since the first quarter")
    assert told["found"] == []
    assert told["faults"] == {}
    assert told["patches"] == 0
    assert told["threads"] == 1
    assert told["built"] == scopes
    assert {"__main__:Engine", "starlette", "socketio"} <= set(told["seen"])
    return told


def judge(told: dict[str, Any], growth: int) -> None:
    """Every table is at its cap or below, and from the second quarter to the last nothing has grown."""
    second, last = (told["quarters"][place] for place in (1, -1))
    assert told["evicted"]["users"] > 0
    over = {name: size for name, size in last["kept"].items() if name.startswith("table") and size > CAP}
    assert over == {}
    grown = {name: size for name, size in last["kept"].items() if size > second["kept"].get(name, 0) + CAP // 2}
    assert grown == {}
    assert last["traced"] - second["traced"] < growth


def test_four_hundred_scopes() -> None:
    judge(endured(400), 250_000)


@pytest.mark.long
@pytest.mark.timeout(1000)
def test_ten_thousand_scopes() -> None:
    told = endured(10_000)
    judge(told, 250_000)
    assert told["evicted"]["users"] > 3_000


@pytest.mark.parametrize("wrong", [{"Label": 200}, {"table users": 101}, {}])
def test_what_grows_is_noticed(wrong: dict[str, int]) -> None:
    quarters = [{"traced": 0, "kept": {"User": 50}}, {"traced": 1_000, "kept": {"User": 60}}]
    told = {"quarters": quarters, "evicted": {"users": 1}}
    judge(told, 2_000)
    last = {"traced": 1_000 if wrong else 3_000, "kept": {"User": 60, **wrong}}
    with pytest.raises(AssertionError):
        judge(told | {"quarters": [quarters[0], quarters[0], last]}, 2_000)
