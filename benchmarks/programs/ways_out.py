"""Requests to the FastAPI application in this process, while what the auditor tells goes somewhere; figures as JSON.

``p50_ms`` and ``p95_ms`` are how long a request takes, in the block of requests where that was shortest. ``lost`` is
what the auditor says that it could not deliver.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
import tomllib

import httpx

from benchmarks.timing import ROOT
from isolation_audit import Auditor
from isolation_audit.config import parse_config
from isolation_audit.exporters.configured import configured_sinks

USERS = ("member-001", "member-002", "member-003", "member-004")
BLOCK = 100


def auditor(ways_out: str) -> Auditor:
    """Started, with the configuration of the benchmark of whole requests and these ways out."""
    text = (ROOT / "benchmarks/programs/web/notes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text.replace("NOTES", "benchmarks.programs.web.notes") + ways_out)
    return Auditor(parse_config(table | {"report": {"terminal": False}}), configured_sinks).start()


async def measure(blocks: int) -> tuple[float, float]:
    """Milliseconds of a request: the median, and the 95th of a hundred."""
    from benchmarks.programs.web.fastapi_app import app

    medians, slow = [], []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://notes") as client:
        logins = [await client.get("/login", params={"user": user}) for user in USERS]
        heads = [{"authorization": f"Bearer {login.headers['x-token']}"} for login in logins]
        for _ in range(blocks):
            took = []
            for number in range(BLOCK):
                begun = time.perf_counter()
                (await client.get("/notes", headers=heads[number % len(heads)])).raise_for_status()
                took.append((time.perf_counter() - begun) * 1e3)
            medians.append(statistics.median(took))
            slow.append(statistics.quantiles(took, n=20)[-1])
    return min(medians), min(slow)


def main() -> None:
    """The ways out as TOML, and the number of blocks."""
    audit = auditor(sys.argv[1])
    try:
        p50, p95 = asyncio.run(measure(int(sys.argv[2])))
    finally:
        audit.stop()
    exports = audit.snapshot()["summary"]["exports"]
    lost = sum(one["lost"] for one in exports.values())
    print(json.dumps({"p50_ms": p50, "p95_ms": p95, "lost": lost}))


if __name__ == "__main__":
    main()
