"""The example chat as a measured object: a bare and an audited server, and real clients that count for themselves."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import isolation_audit
from isolation_audit.exceptions import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ENGINES = ("legacy", "user")
QUESTIONS = 2
REPEATS = 5
"""Loads on each server; the fastest one of each counts for the overhead."""

AUDITED_LOG = "audited.log"
MODEL_SECONDS = 0.1
"""What the model takes for an answer where the chat is one as people have it; a large model takes longer."""

MODEL_REPEATS = 2
_BATCH_WINDOW = 30
_START_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What clients and auditor counted for one engine, and ratios of load times, audited to bare.

    ``overhead`` is that of a tight loop, whose model takes no time; ``with_model`` that of a chat whose model does.
    """

    engine: str
    received: int
    foreign_events: int
    overhead: float
    with_model: float
    path: Path
    report: dict[str, Any]

    @property
    def events_total(self) -> int:
        """Distinct events that the auditor saw."""
        return int(self.report["summary"]["events_total"])

    @property
    def crossings(self) -> int:
        """Deliveries to a wrong user that the auditor saw."""
        return int(self.report["summary"]["crossing_events"])

    @property
    def deprecated(self) -> int:
        """Deprecated engines built."""
        return int(self.report["summary"]["deprecated_engines_built"])

    @property
    def findings(self) -> dict[str, int]:
        """Occurrences by rule."""
        return dict(self.report["summary"]["findings"])

    @property
    def as_expected(self) -> bool:
        """Both counted the same, and the user engine has neither crossings nor findings above a note."""
        agree = self.crossings == self.foreign_events and self.events_total == self.received
        clean = all(finding["severity"] == "note" for finding in self.report["findings"])
        return agree and (self.engine != "user" or (clean and self.crossings == 0))

    def as_dict(self) -> dict[str, Any]:
        """JSON form; the report file has the rest."""
        return {
            "events_total": self.events_total,
            "foreign_events_seen_by_clients": self.foreign_events,
            "crossing_events": self.crossings,
            "deprecated_engines_built": self.deprecated,
            "findings": self.findings,
            "overhead_ratio": round(self.overhead, 3),
            "overhead_ratio_with_model": round(self.with_model, 3),
        }


def check_extra() -> None:
    """Refuse to start where a package that the example or its clients are made of is missing.

    Raises:
        MissingExtraError: one is not installed.
    """
    if any(find_spec(package) is None for package in ("starlette", "uvicorn", "websockets")):
        raise MissingExtraError("demo", "demo")


def example_folder() -> Path:
    """The example's folder: in a checkout, or inside the installed package.

    Raises:
        UsageError: this installation came without it.
    """
    package = Path(isolation_audit.__file__).resolve().parent
    for folder in (package / "_examples" / "agent_chat", package.parents[1] / "examples" / "agent_chat"):
        if (folder / "isolation-audit.toml").is_file():
            return folder
    raise UsageError(
        "this installation has no example application; reinstall isolation-audit from its wheel or checkout"
    )


def cleared(directory: Path) -> Path:
    """The absolute folder of one engine's report, without an earlier one in it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "report.json").unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"can't write the report into {directory}: {error.strerror}; choose --report DIR") from None
    return directory.resolve()


@dataclass(frozen=True, slots=True)
class Compared:
    """The same loads on a bare and an audited server: what clients of the audited one counted, and the time's ratio."""

    received: int
    foreign: int
    overhead: float


async def measure(engine: str, users: int, seed: int, directory: Path, say: Callable[[str], None]) -> EngineResult:
    """Drive an engine in a tight loop, which is what is counted, and as a chat whose model takes time.

    Raises:
        UsageError: the example did not start, or a load did not come to its end.
    """
    directory = cleared(directory)
    with_model = cleared(directory / "with-model")
    tight = await _compare(program(engine, users, seed), users, seed, directory, REPEATS, say)
    slow = program(engine, users, seed, "--model-seconds", str(MODEL_SECONDS))
    real = await _compare(slow, users, seed, with_model, MODEL_REPEATS, lambda text: say(f"with a model, {text}"))
    report = read_report(directory)
    path = directory / "report.json"
    return EngineResult(engine, tight.received, tight.foreign, tight.overhead, real.overhead, path, report)


async def _compare(
    command: list[str], users: int, seed: int, directory: Path, repeats: int, say: Callable[[str], None]
) -> Compared:
    """The same load against a bare and an audited server, in turn; the fastest one of each counts."""
    say("starting a bare and an audited server")
    received = foreign = 0
    fastest = {"bare": float("inf"), "audited": float("inf")}
    log = directory / AUDITED_LOG
    async with server(command, directory / "bare.log") as bare, server(audited(command, directory), log) as watched:
        for repeat in range(repeats):
            for name, url in (("bare", bare), ("audited", watched)):
                say(f"load {repeat + 1} of {repeats}, {name}")
                load = await drive(url, users, seed, log)
                fastest[name] = min(fastest[name], load.seconds)
                if name == "audited":
                    received += load.events_total
                    foreign += load.foreign_events
        say("stopping")
    return Compared(received, foreign, fastest["audited"] / fastest["bare"])


def program(engine: str, users: int, seed: int, *more: str) -> list[str]:
    """The command of a server whose model answers all ``users`` at once, in an order that ``seed`` decides."""
    return [
        sys.executable, "-m", "agent_chat", "--engine", engine, "--port", "0", "--seed", str(seed),
        "--batch-size", str(users), "--batch-window", str(_BATCH_WINDOW), *more,
    ]  # fmt: skip


async def state_finding(users: int, seed: int, directory: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """The first leak through state that the auditor finds in the deprecated engine, where it watches state."""
    directory = cleared(directory)
    log = directory / AUDITED_LOG
    say("starting a server whose state is watched")
    async with server(audited(program("legacy", users, seed), directory, depth="state"), log) as watched:
        await drive(watched, users, seed, log)
    findings = read_report(directory)["findings"]
    of_state = [one for one in findings if one["rule"] in ("IA206", "IA402") and one["severity"] == "error"]
    return next((one for one in of_state if "outlets" in one["site"]["file"]), None) or next(iter(of_state), None)


def audited(command: list[str], directory: Path, *, depth: str = "calls") -> list[str]:
    """The same command under the auditor, with the example's own configuration."""
    return [
        sys.executable, "-m", "isolation_audit", "run", "--config", str(example_folder() / "isolation-audit.toml"),
        "--report", str(directory), "--depth", depth, "--", *command,
    ]  # fmt: skip


async def drive(url: str, users: int, seed: int, log: Path) -> Any:
    """One load of real clients; what they counted for themselves.

    Raises:
        UsageError: the load did not come to its end.
    """
    folder = str(example_folder())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    clients = importlib.import_module("agent_chat.clients")
    try:
        return await clients.drive(url, users, QUESTIONS, seed)
    except clients.LoadError as error:
        raise UsageError(f"the load broke off: {error}; see {log}") from None


def read_report(directory: Path) -> dict[str, Any]:
    """The report that an audited server left in ``directory``.

    Raises:
        UsageError: it left none.
    """
    try:
        report: dict[str, Any] = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"the audited server left no report; see {directory / AUDITED_LOG}") from None
    return report


@asynccontextmanager
async def server(command: list[str], log: Path) -> AsyncIterator[str]:
    """A server process in the example's folder; gives its address and ends it with SIGTERM."""
    environment = {
        name: value
        for name, value in os.environ.items()
        # PYTHONSAFEPATH would keep `-m` from finding the example in its own folder.
        if not name.startswith(("ISOLATION_AUDIT", "AGENT_CHAT")) and name != "PYTHONSAFEPATH"
    }
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=example_folder(), env=environment, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
        try:
            yield await _address(process, log)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), _START_TIMEOUT)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            async for line in process.stdout:
                if b" listening on " in line:
                    return line.decode().split()[-1]
    except TimeoutError:
        raise UsageError(f"the example server was not ready after {_START_TIMEOUT} s; see {log}") from None
    raise UsageError(f"the example server ended before it listened; see {log}")
