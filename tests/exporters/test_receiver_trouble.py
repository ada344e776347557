"""Receivers that are down or hang: same results, an end on time, and the loss told in one line."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from receivers import EXAMPLE, chat, free_port, silent_receiver

sys.path.insert(0, str(EXAMPLE))

from agent_chat.clients import drive

if TYPE_CHECKING:
    from pathlib import Path

USERS, SEED, TIMEOUT = 5, 2, 1.5
OPTIONS = ("--seed", str(SEED), "--batch-size", str(USERS), "--batch-window", "60")


def run(folder: Path, extra: str | None) -> tuple[Any, int, str]:
    folder.mkdir()
    with chat(folder, extra, *OPTIONS) as app:
        result = asyncio.run(drive(app.url, USERS, 2, SEED))
        return result, app.stop(), app.stderr()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the clients get from the application alone, without an auditor."""
    result, code, errors = run(tmp_path_factory.mktemp("bare") / "run", None)
    assert (code, errors) == (0, "")
    return result


def otlp(endpoint: str, protocol: str) -> str:
    return (
        f'\n[otlp]\nendpoint = "{endpoint}"\nprotocol = "{protocol}"\ntimeout = {TIMEOUT}\n'
        f"[report]\nterminal = false\ndirectory = 'out'\n"
    )


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize("trouble", ["down", "hanging"])
def test_the_application_neither_notices_nor_waits(
    tmp_path: Path, undisturbed: Any, protocol: str, trouble: str
) -> None:
    if trouble == "down":
        found = run(tmp_path / "run", otlp(f"http://127.0.0.1:{free_port()}", protocol))
    else:
        with silent_receiver() as endpoint:
            found = run(tmp_path / "run", otlp(endpoint, protocol))
    result, code, errors = found
    assert result == undisturbed
    assert code == 0
    lines = errors.splitlines()
    assert len(lines) <= 2, errors
    assert all(line.startswith("isolation-audit: ") for line in lines)
    assert "did not reach http://127.0.0.1:" in lines[-1]
    report = json.loads((tmp_path / "run" / "out" / "report.json").read_text())
    assert report["summary"]["crossing_events"] == result.foreign_events
    assert report["summary"]["faults"] == 0
