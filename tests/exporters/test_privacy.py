"""Planted secrets and raw ids of a whole chat appear in nothing that leaves the process."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import pytest

from receivers import EXAMPLE, chat, get, receiver

sys.path.insert(0, str(EXAMPLE))

from agent_chat.clients import drive

from isolation_audit.cli.commands import cli
from isolation_audit.cli.outputs import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

USERS, SEED, SECRET = 5, 4, "planted-signing-secret-8Zq"


def _files(folder: Path) -> dict[str, bytes]:
    """All that commands write of what the run has left."""
    report, journal = folder / "out", folder / "journal.jsonl"
    for words in (
        ["show", report, *(f"--{name}={folder / name}" for name in FORMATS), "--journal", journal],
        ["investigate", journal, f"--markdown={folder / 'incident'}", f"--svg={folder / 'timeline'}"],
    ):
        cli.main([str(word) for word in words], standalone_mode=False)
    return {name: (folder / name).read_bytes() for name in (*FORMATS, "incident", "timeline")}


@pytest.mark.usefixtures("no_driver_is_left")
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_nothing_private_leaves(tmp_path: Path, protocol: str) -> None:
    options = ("--seed", str(SEED), "--batch-size", str(USERS), "--batch-window", "60")
    with receiver(protocol) as received:
        extra = (
            f'\n[otlp]\nendpoint = "{received.endpoint}"\nprotocol = "{protocol}"\ntimeout = "5s"\n'
            "[prometheus]\nport = 0\n[report]\ndirectory = 'out'\n[journal]\npath = 'journal.jsonl'\n"
        )
        with chat(tmp_path, extra, *options, AGENT_CHAT_SECRET=SECRET) as app:
            url = app.metrics_url()
            result = asyncio.run(drive(app.url, USERS, 2, SEED))
            metrics = get(url)
            assert app.stop() == 0
    ways_out = {
        "OTLP": received.bytes(),
        "/metrics": metrics.encode(),
        "report": (tmp_path / "out" / "report.json").read_bytes(),
        "journal": (tmp_path / "journal.jsonl").read_bytes(),
        "terminal": app.stderr().encode(),
        **_files(tmp_path),
    }
    assert result.foreign_events
    for name, content in ways_out.items():
        assert b"isolation_audit" in content or b"IA202" in content, name
    private = {SECRET}
    for user in result.per_user:
        private |= {user.user_id, user.marker}
    for frames in result.transcripts.values():
        for frame in map(json.loads, frames):
            private |= {frame[key] for key in ("run_id", "thread_id", "connection_id") if frame.get(key)}
            private |= {text for text in map(str, frame.get("data", {}).values()) if len(text) > 12}
    assert len(private) > 3 * USERS
    for name, content in ways_out.items():
        for secret in private:
            assert secret.encode() not in content, f"{name} holds {secret!r}"
