"""Findings on the terminal, as a compiler would show them: both places, why, and what to do; a summary at the end."""

from __future__ import annotations

import linecache
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from isolation_audit.analysis.named_files import is_readable
from isolation_audit.analysis.texts import printable
from isolation_audit.coverage.lines import coverage_lines
from isolation_audit.coverage.verdict import AUDITED, BLIND, IDLE, PARTLY

if TYPE_CHECKING:
    from isolation_audit.exporters.base import Batch

_COLORS = {"error": "31;1", "warning": "33;1", "note": "36", "place": "34", "dim": "2", "help": "32", "bold": "1"}


_WIDEST_SOURCE = 100
_LARGEST = 10_000_000
_WIDTH = 72
_PAIRS = 3


class Painter:
    """Puts ANSI colours around words, or leaves them alone."""

    def __init__(self, mode: str, stream: TextIO | None = None) -> None:
        self._on = mode == "always" or (mode == "auto" and _is_colorful(stream))

    def __call__(self, style: str, text: str) -> str:
        """``text`` in one of the named styles."""
        return f"\x1b[{_COLORS[style]}m{text}\x1b[0m" if self._on else text


def _is_colorful(stream: TextIO | None) -> bool:
    # An empty NO_COLOR counts as none: https://no-color.org
    if stream is None or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:  # it has been closed
        return False


def render_finding(finding: dict[str, Any], paint: Painter, *, source: bool = True) -> str:
    """One finding (in its report form) as a diagnostic of several lines; ``source`` shows the lines of its places."""
    severity = finding["severity"]
    lines = [f"{paint(severity, severity + '[' + finding['rule'] + ']')}{paint('bold', ': ' + finding['message'])}"]
    site, origin = finding["site"], finding["origin"]
    if site is not None:
        lines += _place(site, site["label"], paint, source=source)
        if "through" in site:
            through = site["through"]
            where = f"{shorten(through['file'])}:{through['line']} in {through['function']}"
            lines.append(f"     {paint('dim', '=')} through {where}")
    if origin is not None:
        lines += _place(origin, origin["label"], paint, source=source)
    if address(finding):
        lines.append(f"   {paint('dim', '=')} request: {address(finding)}")
    provenance = finding["witnesses"].get("provenance")
    users = [(name, label) for name, label in finding["witnesses"].items() if name != "provenance"]
    known = [f"{name} {label}" for name, label in users if label is not None]
    if known:
        lines.append(f"   {paint('dim', '=')} witnesses: {', '.join(known)}")
    if finding.get("pairs_total", 0) > 1:
        lines.append(f"   {paint('dim', '=')} users: {_pairs(finding)}")
    if provenance is not None:
        lines.append(f"   {paint('dim', '=')} provenance: {provenance}")
    lines.append(f"   {paint('dim', '=')} {paint('help', 'help')}: {finding['help']}")
    lines += [f"       {printable(line)}" for line in finding.get("remedy", ())]
    lines.append(f"   {paint('dim', '=')} why: isolation-audit rules {finding['rule']}")
    return "\n".join(lines)


def _place(site: dict[str, Any], label: str, paint: Painter, *, source: bool) -> list[str]:
    text = printable(_line(site["file"], site["line"]).strip()) if source else ""
    if len(text) > _WIDEST_SOURCE:
        text = text[: _WIDEST_SOURCE - 3] + "..."
    number = str(site["line"])
    arrow = paint("place", "-->")
    lines = [f"  {arrow} {shorten(site['file'])}:{number} in {site['function']}"]
    if text:
        bar = paint("place", "|")
        lines.append(f"{paint('place', number.rjust(4))} {bar} {text}")
        # As long as the source, and no longer than leaves room for the label on a common terminal.
        underline = "^" * min(len(text), max(12, _WIDTH - len(label)))
        lines.append(f"     {bar} {paint('place', underline)} {label}")
    else:
        lines.append(f"     {paint('dim', '=')} {label}")
    return lines


def _line(file: str, number: int) -> str:
    if file not in linecache.cache and not is_readable(file, _LARGEST):
        return ""
    return linecache.getline(file, number)


def shorten(file: str) -> str:
    """A path relative to the working directory where it lies below it, or to the folder of installed packages."""
    installed = file.rpartition("-packages/")
    if installed[1]:
        return installed[2]
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


def render_summary(report: dict[str, Any], paint: Painter) -> str:
    """The last words of a run: what was watched, what was seen, what was found."""
    summary = report["summary"]
    findings = report["findings"]
    watched = report["targets"]
    applied = sum(target["state"] in ("applied", "late") for target in watched)
    coverage = coverage_lines(report)
    lines = [f"isolation-audit: {coverage[0]}", *coverage[1:]] if coverage else []
    lines += [
        "isolation-audit: "
        + ", ".join(
            [
                f"{applied} of {len(watched)} targets instrumented",
                f"{summary.get('events_total', 0)} events",
                f"{summary.get('crossing_events', 0)} crossings",
                f"{summary.get('engines_built', 0)} engines built",
                f"{summary.get('deprecated_engines_built', 0)} deprecated",
            ]
        )
    ]
    lines += _delivery(summary)
    # What the first lines say, in the same words.
    told = [one for one in findings if one["rule"] != "IA904" or one["target"] or not coverage]
    if not told:
        lines += _nothing_found(report, paint)
    lines += _found(told, paint)
    lines += _sources(summary)
    if summary.get("findings_dropped"):
        lines.append(f"  {summary['findings_dropped']} further findings were counted only (limits.findings)")
    if summary.get("parts_unreadable"):
        lines.append(
            f"  the reports of {summary['parts_unreadable']} process(es) could not be read and are missing here"
        )
    waiting = [target["target"] for target in watched if target["state"] == "waiting"]
    if waiting and not any(finding["rule"] == "IA904" for finding in findings):
        lines.append(f"  never found, so never watched: {', '.join(dict.fromkeys(waiting))}")
    return "\n".join(lines)


def address(finding: dict[str, Any]) -> str:
    """What was asked for, and where in the answer it is: ``GET /items/{id}, field $.items[3].owner``."""
    asked = " ".join(finding[name] for name in ("method", "route") if finding.get(name))
    field = f"field {finding['field']}" if finding.get("field") else ""
    return ", ".join(filter(None, (asked, field)))


def _pairs(finding: dict[str, Any]) -> str:
    """Which users met, the first few."""
    first = finding["pairs"][:_PAIRS]
    shown = [f"{pair['ambient']} and {pair['other']} ({times(pair['count'])})" for pair in first]
    more = finding["pairs_total"] - len(first)
    return ", ".join(shown) + (f", and {more} more pairs" if more else "")


def times(count: int) -> str:
    """A number of times, in words."""
    return "once" if count == 1 else f"{count} times"


def _found(findings: list[dict[str, Any]], paint: Painter) -> list[str]:
    """A line a finding; those that would read the same are one, with their places."""
    alike: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for finding in findings:
        where = address(finding)
        words = f"{finding['message']} ({where})" if where else finding["message"]
        alike.setdefault((finding["severity"], finding["rule"], words), []).append(finding)
    lines = []
    for (severity, rule, words), ones in alike.items():
        places = f" at {len(ones)} places" if len(ones) > 1 else ""
        lines.append(f"  {paint(severity, rule)} {times(sum(one['count'] for one in ones))}{places}: {words}")
    return lines


def _nothing_found(report: dict[str, Any], paint: Painter) -> list[str]:
    """That nothing was found is worth saying as far as there was something to see."""
    verdict = report.get("coverage", {}).get("verdict", AUDITED)
    if verdict == BLIND:
        return []
    words = "no findings in what was seen" if verdict == PARTLY else "no findings"
    return [f"isolation-audit: {paint('help', words)}"]


def _delivery(summary: dict[str, Any]) -> list[str]:
    """How many events arrived, and of whose events the fewest did."""
    delivered, users = summary.get("events_delivered", 0), summary.get("users_with_events")
    followed = delivered + summary.get("events_undelivered", 0)
    if not followed or not users:
        return []
    whose = "one user" if users == 1 else f"{users} users"
    line = f"  {_share(delivered, followed)} of the events of {whose} delivered"
    worst = [(user, one) for user, one in summary["events_by_user"].items() if one["undelivered"]][:_PAIRS]
    parts = [f"{one['events'] - one['undelivered']} of {one['events']} of {user}" for user, one in worst]
    return [line + (f": {', '.join(parts)}" if parts else "")]


def _share(part: int, whole: int) -> str:
    """Rounded down, so that 100 % says that nothing is missing."""
    return f"{part * 1000 // whole / 10:g} %"


def _sources(summary: dict[str, Any]) -> list[str]:
    """What the sources of users contradict, and what became of it."""
    told = summary.get("users_by_source", {})
    lines = []
    if "ambient" in told and not summary.get("ambient_told") and (summary.get("requests") or summary.get("scopes")):
        others = ", ".join(f"{source} {count}" for source, count in told.items() if count) or "none"
        lines.append(f"  the variable of [ambient] named nobody; other sources told the users of requests: {others}")
    if summary.get("users_disagreed"):
        lines.append(
            f"  in {summary['users_disagreed']} requests [ambient] or a scope named another user than the login, "
            "session, token or header did; nobody is taken for their user where the application itself says nothing"
        )
    return lines + [
        f"  {source}: not asked any more, because it contradicted [ambient] and the scopes as a rule"
        for source in summary.get("users_outvoted", ())
    ]


class TerminalSink:
    """Writes each distinct finding to standard error once, as it comes, and (unsupervised) the summary at the end."""

    name = "terminal"
    takes_scopes = False

    def __init__(self, color: str, *, summary: bool) -> None:
        self._stream = sys.stderr
        self._paint = Painter(color, self._stream)
        self._summary = summary

    def drain(self, batch: Batch) -> None:
        """Show what is new."""
        for entry in batch.entries:
            self._write(render_finding(entry.as_dict(), self._paint) + "\n")
        if batch.last and self._summary:
            report = batch.snapshot()
            # Helper processes that inherit the environment and never touch the application stay silent.
            at_work = report["coverage"]["verdict"] != IDLE
            if at_work or report["findings"] or any(target["state"] == "applied" for target in report["targets"]):
                self._write(render_summary(report, self._paint))

    def close(self) -> None:
        """Nothing is held."""

    def _write(self, text: str) -> None:
        # One write a finding, so that several processes' diagnostics don't interleave within one. Past Python's buffer
        # where there is a descriptor: a thread that hangs in a full pipe with the buffer's lock would abort the
        # interpreter at its end.
        stream = self._stream
        if stream is None or stream.closed:
            return
        encoding = getattr(stream, "encoding", None) or "utf-8"
        data = (text + "\n").encode(encoding, "backslashreplace")
        try:
            descriptor = stream.fileno()
        except (OSError, AttributeError, ValueError):
            stream.write(data.decode(encoding, "replace"))
            stream.flush()
            return
        try:
            while data:
                data = data[os.write(descriptor, data) :]
        except (BrokenPipeError, BlockingIOError):
            pass  # the reader has left or does not keep up; the report has the finding, too
