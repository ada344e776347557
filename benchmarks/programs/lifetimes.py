"""Requests to the FastAPI application in this process, with lifetimes or without; prints figures as JSON.

``request_ms`` is the processor time of a request, the best of many blocks; ``settled`` is the share of all processor
time that went into what the auditor's thread does twice a second; ``unit_us`` is what a request does that lifetimes
have to do with, by itself: a scope, an engine made in it, a task. It is so short that a busy machine has no say in it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import tomllib

import httpx

from benchmarks.timing import ROOT
from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config

USERS = ("member-001", "member-002", "member-003", "member-004")
BLOCK = 50
UNITS = 200
EVERY = 0.5
"""Seconds between two looks of the auditor's thread."""


def auditor(*, lifetimes: bool) -> Auditor:
    """Started, with the configuration of the benchmark of whole requests."""
    text = (ROOT / "benchmarks/programs/web/notes.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text.replace("NOTES", "benchmarks.programs.web.notes"))
    return Auditor(parse_config(table | {"watch": {"lifetimes": lifetimes}})).start()


async def measure(audit: Auditor, blocks: int) -> dict[str, float]:
    """So many blocks of requests of several users."""
    from benchmarks.programs.web.fastapi_app import app

    settled, looked = 0.0, time.perf_counter()
    figures: list[float] = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://notes") as client:
        logins = [await client.get("/login", params={"user": user}) for user in USERS]
        heads = [{"authorization": f"Bearer {login.headers['x-token']}"} for login in logins]
        for _ in range(blocks):
            start = time.process_time()
            for number in range(BLOCK):
                (await client.get("/notes", headers=heads[number % len(heads)])).raise_for_status()
            figures.append((time.process_time() - start) / BLOCK)
            if time.perf_counter() - looked >= EVERY:
                looked, begun = time.perf_counter(), time.process_time()
                audit.settle(1.0)
                settled += time.process_time() - begun
    return {
        "request_ms": min(figures) * 1e3,
        "settled": settled / (sum(figures) * BLOCK),
        "unit_us": min([await unit() for _ in range(UNITS)]) * 1e6,
    }


async def unit() -> float:
    """Processor seconds of one unit, of some in a row."""
    from benchmarks.programs.web.notes import Notes

    start = time.process_time()
    for number in range(BLOCK):
        user = USERS[number % len(USERS)]
        with user_scope(user):
            Notes(None, user)  # type: ignore[arg-type]
            await asyncio.create_task(nothing())
    return (time.process_time() - start) / BLOCK


async def nothing() -> None:
    """What a task does."""


def main() -> None:
    """``with`` or ``without``, and the number of blocks."""
    audit = auditor(lifetimes=sys.argv[1] == "with")
    try:
        figures = asyncio.run(measure(audit, int(sys.argv[2])))
    finally:
        audit.stop()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
