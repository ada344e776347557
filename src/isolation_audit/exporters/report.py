"""The report (schema 1): built from one process, merged from many, written as a file."""

from __future__ import annotations

import json
import math
import os
import secrets
from contextlib import suppress
from time import time as wall_clock
from typing import TYPE_CHECKING, Any

from isolation_audit._version import __version__
from isolation_audit.coverage.merging import added_up
from isolation_audit.coverage.verdict import judge
from isolation_audit.exporters.folders import make_folder
from isolation_audit.exporters.foreign_reports import check_counts, read
from isolation_audit.exporters.notices import notice
from isolation_audit.model.findings import paired
from isolation_audit.recording.figures import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from isolation_audit.config.model import Select
    from isolation_audit.exporters.base import Batch

SCHEMA = 1
TOOL = {"name": "isolation-audit", "version": __version__}

Report = dict[str, Any]

_STATES = ("waiting", "absent", "applied", "late", "missing")
"""From the least to the most telling: of several processes the most telling state of a target is shown."""

_COSTS = ("own_seconds", "call_seconds")
"""Figures of what the auditor costs, which grow while nothing happens."""

_ROUNDS = 3
"""How often parts are looked for when they are removed."""


def empty(run: dict[str, Any], tool: dict[str, Any]) -> Report:
    """A report in which nothing has happened."""
    return {"schema": SCHEMA, "tool": tool, "run": run, "coverage": {}, "targets": [], "summary": {}, "findings": []}


def merge(reports: Iterable[Report], run: dict[str, Any], tool: dict[str, Any]) -> Report:
    """One report of several processes: counters added, findings joined by fingerprint, targets by their best state.

    What the whole of them could see is judged anew.
    """
    reports = list(reports)
    merged = empty({**run, "processes": []}, tool)
    merged["coverage"] = added_up(report.get("coverage", {}) for report in reports)
    targets: dict[tuple[str, str], dict[str, Any]] = {}
    findings: dict[str, dict[str, Any]] = {}
    for report in reports:
        merged["run"]["processes"] += report["run"].get("processes", [])
        merged["summary"] = _add(merged["summary"], report["summary"])
        for target in report["targets"]:
            key = (target["target"], target["role"])
            targets[key] = _target(targets[key], target) if key in targets else dict(target)
        for finding in report["findings"]:
            known = findings.get(finding["fingerprint"])
            findings[finding["fingerprint"]] = _finding(known, finding) if known else dict(finding)
    merged["targets"] = list(targets.values())
    merged["findings"] = sorted(findings.values(), key=_worst_first)
    merged["coverage"] = judge(merged)
    return merged


def _worst_first(finding: dict[str, Any]) -> tuple[int, str, float]:
    return (("error", "warning", "note").index(finding["severity"]), finding["rule"], _seen(finding, "first_seen"))


def _seen(finding: dict[str, Any], when: str) -> float:
    """A time of a finding; the application's clock may have given none."""
    return finding[when] if isinstance(finding[when], int | float) else 0.0


def _add(one: dict[str, Any], other: dict[str, Any], *, highest: bool = False) -> dict[str, Any]:
    total = dict(one)
    for key, value in other.items():
        if isinstance(value, dict):
            total[key] = _add(total.get(key, {}), value, highest=highest or key in HIGHEST)
        elif highest or key in HIGHEST:
            total[key] = max(total.get(key, 0), value)
        else:
            total[key] = total.get(key, 0) + value
    return total


def _target(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    telling = max(one, other, key=lambda target: _STATES.index(target["state"]))
    return {**telling, "seen": one["seen"] + other["seen"]}


def _finding(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        **one,
        **_pairs(one, other),
        "count": one["count"] + other["count"],
        "first_seen": min(_seen(one, "first_seen"), _seen(other, "first_seen")),
        "last_seen": max(_seen(one, "last_seen"), _seen(other, "last_seen")),
    }


def _pairs(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The pairs of both; how many there are is told as far as both show theirs, else at least."""
    counts: dict[tuple[str, str], int] = {}
    for finding in (one, other):
        for pair in finding.get("pairs", ()):
            users = pair["ambient"], pair["other"]
            counts[users] = counts.get(users, 0) + pair["count"]
    joined = paired(counts)
    if joined:
        joined["pairs_total"] = max(joined["pairs_total"], one.get("pairs_total", 0), other.get("pairs_total", 0))
    return joined


def write(path: Path, report: Report) -> None:
    """Write atomically: a reader sees the old report or the new one, never half of one."""
    write_text(path, _text(report))


def _text(report: Report, *, indent: int | None = 1) -> str:
    try:
        return json.dumps(report, indent=indent, allow_nan=False) + "\n"
    except ValueError:  # a figure that is no number has no form in JSON
        return json.dumps(finite(report), indent=indent, allow_nan=False) + "\n"


def finite(value: Any) -> Any:
    """The same with None for floats that are no numbers."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list) else value


def write_text(path: Path, text: str) -> None:
    """Write any text atomically, as UTF-8; folders on the way are made."""
    make_folder(path.parent)
    _put(path, text)


def _put(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        # Reports tell who met whom: for the owner's eyes only.
        with open(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - of a descriptor
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def parts(directory: Path, run_id: str) -> list[Report]:
    """The reports of the single processes of one run, the process that began first at the front.

    One that can't be read counts as a report that says so, in ``summary.parts_unreadable``.
    """
    reports = []
    for path in (directory / "processes").glob(f"{run_id}-*.json"):
        with suppress(FileNotFoundError):
            reports.append(_part(path))
    return sorted(reports, key=lambda part: [process["started"] for process in part["run"].get("processes", [])])


def _part(path: Path) -> Report:
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        part: Report = read(path)
        check_counts(part)
        if part["schema"] == SCHEMA:
            return part
    path.stat()  # one that was taken away meanwhile is none
    return {**empty({}, {}), "summary": {"parts_unreadable": 1}}


def discard_parts(directory: Path, run_id: str) -> None:
    """Remove the parts of a run whose report has been written, so that a folder used for every run does not fill up."""
    folder = directory / "processes"
    for _ in range(_ROUNDS):
        for path in folder.glob(f"*{run_id}-*"):  # drafts, too
            with suppress(OSError):
                path.unlink(missing_ok=True)
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            continue  # another run may be using it, or a process of this one has left something meanwhile
        return


class _Writer:
    """Who has made the last sink in this process: this process, or, for a forked child, the one that forked it."""

    pid = 0
    since = 0.0
    """When the first of them began."""


class ReportSink:
    """Keeps ``DIR/processes/RUN-PID-*.json`` up to date, so that even a killed process leaves what it saw."""

    name = "report"
    takes_scopes = False
    sums_up = True

    def __init__(self, directory: Path, run_id: str, select: Select, *, supervised: bool) -> None:
        self._directory = directory
        self._run_id = run_id
        self._select = select
        self._supervised = supervised
        # A process id comes back: after os.exec*, and on a machine that starts many processes.
        self._path = directory / "processes" / f"{run_id}-{os.getpid()}-{secrets.token_hex(4)}.json"
        self._written: Any = None
        self._failed = False
        self._forked_by = _Writer.pid if _Writer.pid not in {0, os.getpid()} else None
        _Writer.since = _Writer.since or wall_clock()
        _Writer.pid = os.getpid()

    def drain(self, batch: Batch) -> None:
        """Write this process's part if anything has changed."""
        report = batch.snapshot()
        # Not what the writing itself has cost: that would be news again.
        summary = {key: value for key, value in report["summary"].items() if key not in _COSTS}
        state = (summary, report["targets"], report["coverage"])
        if state == self._written:
            return
        try:
            self._write(report)
        except OSError as error:
            if not self._failed:
                self._failed = True
                notice(f"no report can be written into {self._directory} ({error.strerror}); the application goes on")
            return
        self._written = state

    def _write(self, report: Report) -> None:
        # Without indents: only then json's encoder in C has a part in it, and nobody reads a part but us.
        text = _text(report, indent=None)
        if not self._supervised:
            write_text(self._path, text)
            return
        # A process may outlive the run, as multiprocessing's resource tracker does: without the folder nobody waits for
        # its part any more.
        with suppress(FileNotFoundError):
            _put(self._path, text)

    def close(self) -> None:
        """Without a supervisor, the process that ends last leaves the merged report."""
        if self._supervised or self._is_left_to_another():
            return
        reports = parts(self._directory, self._run_id)
        whole = next((part for part in reports if part["tool"]), None)
        if whole is not None:
            merged = merge(reports, _common(whole["run"]), whole["tool"])
            if len(reports) > 1:
                # Here, because commands that read reports have no use for the monitors.
                from isolation_audit.rules.selfcheck.blindness import tell_blindness

                tell_blindness(merged, self._select)
            try:
                write(self._directory / "report.json", merged)
            except OSError as error:
                notice(f"the report {self._directory / 'report.json'} can't be written ({error.strerror})")

    def _is_left_to_another(self) -> bool:
        """True in a forked child whose parent lives and is yet to merge: if each did, the n-th would read n parts."""
        if self._forked_by is None or os.getppid() != self._forked_by:
            return False
        try:
            return (self._directory / "report.json").stat().st_mtime < _Writer.since
        except OSError:
            return True


def _common(run: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key != "processes"}
