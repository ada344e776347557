"""Running one program bare and audited, and the verdict."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import EnvironmentFailedError

if TYPE_CHECKING:
    from cases import Program
    from environments import Environments

LIMIT = 120.0
"""Seconds after which a program is killed."""

CONFIG = """\
[ambient]
contextvar = "__main__:current_user"
"""
"""The one configuration of all programs that keep their user in a variable; the others run without any."""

FAILED = ("missed", "flagged", "broken")


@dataclass(frozen=True)
class Row:
    """The verdict on one program.

    ``found``, ``silent`` and ``later`` are fine; ``missed``: what is expected was not reported; ``flagged``: a clean
    program was reported; ``broken``: the program itself did not behave as its header says, with or without the auditor.
    """

    program: str
    verdict: str
    rule: str = ""
    users: tuple[str, ...] = ()
    where: str = ""
    seconds: float = 0.0
    detail: str = ""


@dataclass
class Ended:
    """How a program ended."""

    last: str = ""
    error: str = ""
    seconds: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)


def judge(program: Program, environments: Environments, depth: str = "calls") -> Row:
    """Run ``program`` bare, then audited, and compare with what is expected of it."""
    try:
        python = environments.python(program.pins)
    except EnvironmentFailedError as error:
        return Row(program.name, "broken", detail=str(error))
    bare = _run([str(python), str(program.file)])
    if bare.error or not as_announced(bare.last, clean=program.clean):
        return Row(program.name, "broken", seconds=bare.seconds, detail=bare.error or f"bare: {bare.last!r}")
    audited = _audited(python, program, depth)
    if audited.error:
        return Row(program.name, "broken", seconds=audited.seconds, detail=audited.error)
    if program.clean and not as_announced(audited.last, clean=True):
        return Row(program.name, "broken", seconds=audited.seconds, detail=f"audited: {audited.last!r}")
    return verdict(program, audited.findings, audited.seconds)


def as_announced(last: str, *, clean: bool) -> bool:
    """True where the last line says what the program is there to show."""
    leaked = "LEAK" in last or "LOST" in last
    return ("OK" in last and not leaked) if clean else leaked


def verdict(program: Program, findings: list[dict[str, Any]], seconds: float) -> Row:
    """The judgement on a program that ran as it should."""
    if program.clean:
        if not findings:
            return Row(program.name, "silent", seconds=seconds)
        return _row(program, "flagged", findings[0], seconds)
    right = [finding for finding in findings if _fits(finding, program)]
    if right:
        return _row(program, "found", right[0], seconds)
    others = ", ".join(sorted({finding["rule"] for finding in findings}))
    if program.expectation.later:
        return Row(program.name, "later", others, seconds=seconds, detail=program.expectation.later)
    return Row(program.name, "missed", others, seconds=seconds)


def _fits(finding: dict[str, Any], program: Program) -> bool:
    if finding["severity"] == "note" or finding["rule"].startswith("IA9"):
        return False
    return (
        bool(program.expectation.users)
        and {*program.expectation.users} <= {*_users(finding)}
        and bool(_where(finding, program))
    )


def _users(finding: dict[str, Any]) -> list[str]:
    return sorted({user for user in finding["witnesses"].values() if user})


def _where(finding: dict[str, Any], program: Program) -> str:
    """A place in the program's own file, else in a library that it pins."""
    frames = [frame for site in (finding["site"], finding["origin"]) if site for frame in (site["stack"] or [site])]
    for part, name in (
        (str(program.file), program.file.name),
        ("site-packages", ""),
    ):
        for frame in frames:
            if part in frame["file"] and "isolation_audit" not in frame["file"]:
                return f"{name or Path(frame['file']).name}:{frame['line']}"
    return ""


def _row(program: Program, word: str, finding: dict[str, Any], seconds: float) -> Row:
    users = tuple(_users(finding))
    return Row(program.name, word, finding["rule"], users, _where(finding, program), seconds, finding["message"])


def _audited(python: Path, program: Program, depth: str) -> Ended:
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        config = Path(folder, "isolation-audit.toml")
        if program.variable:
            config.write_text(CONFIG, encoding="utf-8")
        report = Path(folder, "report")
        options = ["--config", str(config)] if program.variable else []
        command = [str(python), "-m", "isolation_audit", "run", *options, "--report", str(report), "--raw-ids"]
        command += [] if depth == "calls" else ["--depth", depth]
        ended = _run([*command, "--", str(program.file)])
        if not ended.error:
            merged = json.loads((report / "report.json").read_text(encoding="utf-8"))
            ended.findings = merged["findings"]
            if not merged["run"]["processes"]:
                ended.error = "no process was audited"
        return ended


def _run(command: list[str]) -> Ended:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ISOLATION_AUDIT", "PYTHON", "COVERAGE"))
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env={**kept, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            out, err = child.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return Ended(error=f"not over after {LIMIT:.0f} s", seconds=LIMIT)
    lines = out.strip().splitlines()
    ended = Ended(lines[-1] if lines else "", seconds=time.monotonic() - started)
    if child.returncode:
        ended.error = f"exit code {child.returncode}: {(err.strip().splitlines() or [''])[-1]}"
    return ended
