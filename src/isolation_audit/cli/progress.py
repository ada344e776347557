"""``progress``: the burn-down of what is deprecated, from the source and from reports of runs."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.cli.reports import read_report
from isolation_audit.cli.scan import cache_of, loaded
from isolation_audit.exceptions import UsageError
from isolation_audit.progress import history as histories
from isolation_audit.progress.burndown import Burndown
from isolation_audit.progress.engines import join
from isolation_audit.progress.figures import measure
from isolation_audit.progress.matrix import matrix
from isolation_audit.progress.ratchet import Ratchet
from isolation_audit.progress.runtime import Runtime
from isolation_audit.progress.source import Source
from isolation_audit.source.scan.outputs import write_output
from isolation_audit.source.scan.source import base_folder

if TYPE_CHECKING:
    from isolation_audit.config import Config
    from isolation_audit.exporters.report import Report
    from isolation_audit.progress.history import HistoryEntry
    from isolation_audit.progress.ratchet import Growth

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--source", "paths", multiple=True, type=click.Path(path_type=Path), help="What to scan; may be repeated."
)
@click.option("--scan", "scanned", type=_FILE, help="Read this output of scan --format json instead of scanning.")
@click.option("--no-scan", is_flag=True, help="Leave the source out.")
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option("--ratchet", type=_FILE, help="Exit 1 if there is more than this file allows; made where there is none.")
@click.option("--update", is_flag=True, help="With --ratchet: write numbers that shrank.")
@click.option("--history", type=_FILE, help="Append the figures to this file, and show how they went.")
@click.option("--plot", type=_FILE, help="With --history: draw it into this SVG file.")
@click.option("--metrics", type=_FILE, help="Write gauges of the source for Prometheus's textfile collector.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to write the figures.",
)
@click.option("--output", type=_FILE, help="Write to this file instead of standard output.")
def progress(reports: tuple[Path, ...], **options: Any) -> None:
    """How far the migration is, in the source and at run time; exit 1 if there is more than the ratchet allows.

    REPORTS are report.json files of audited runs, or folders with one; several are added up. The source is that of the
    configuration's folder.
    """
    wanted = _Wanted(reports, **options)
    wanted.check()
    config = loaded(wanted.config_path)
    base = base_folder(config)
    runtime = Runtime.of([read_report(path, _of_a_run) for path in reports]) if reports else None
    ratchet = Ratchet.read(wanted.ratchet) if wanted.ratchet else None
    entries = histories.read(wanted.history) if wanted.history else []
    source = _source(config, wanted)
    if wanted.ratchet and ratchet and source:
        ratchet.check(source, wanted.ratchet)
    now = measure(config, source, runtime)
    known = histories.first_known(entries)
    before = (ratchet.figures() if ratchet else {}) | {key: was for key, was in known.items() if was is not None}
    if wanted.history:
        entry = histories.HistoryEntry.now(now, base)
        entries = histories.append(wanted.history, entries, entry, base)
    growths, said = _held(wanted, ratchet, source, base)
    if wanted.metrics and source is not None:
        from isolation_audit.progress import gauges

        gauges.write(wanted.metrics, config, source)
    if wanted.plot:
        _write(wanted.plot, _drawn(entries), base)
    _tell(Burndown(matrix(before, now, config), join(config, source, runtime), growths, said, entries), wanted, base)
    sys.exit(1 if growths else 0)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The command line."""

    reports: tuple[Path, ...]
    paths: tuple[Path, ...]
    scanned: Path | None
    no_scan: bool
    config_path: Path | None
    ratchet: Path | None
    update: bool
    history: Path | None
    plot: Path | None
    metrics: Path | None
    form: str
    output: Path | None

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            UsageError: something doesn't.
            MissingExtraError: a part that is needed is not installed.
        """
        if (self.paths != ()) + (self.scanned is not None) + self.no_scan > 1:
            raise UsageError("--source, --scan and --no-scan exclude each other")
        if self.no_scan and not self.reports:
            raise UsageError("nothing to measure: name reports, or leave --no-scan out")
        if self.no_scan and (self.ratchet or self.metrics):
            raise UsageError("--ratchet and --metrics count the source: leave --no-scan out")
        if self.update and not self.ratchet:
            raise UsageError("--update lowers a ratchet: name it with --ratchet FILE")
        if self.plot and not self.history:
            raise UsageError("--plot draws a history: name it with --history FILE")
        for part, path in (("plot", self.plot), ("gauges", self.metrics)):
            if path:
                import_module(f"isolation_audit.progress.{part}")  # an extra that is missing shows before any work


def _source(config: Config, wanted: _Wanted) -> Source | None:
    if wanted.no_scan:
        return None
    if wanted.scanned:
        return read_report(wanted.scanned, Source.of)
    from isolation_audit.source.scan.cache import Cache
    from isolation_audit.source.scan.outcome import judge
    from isolation_audit.source.scan.scanner import read_source

    base = base_folder(config)
    outcome = judge(read_source(config, wanted.paths or (base,), Cache(cache_of(base), config)))
    return Source.of(outcome.report())


def _of_a_run(report: Report) -> Report:
    Runtime.of([report]).check()
    return report


def _held(
    wanted: _Wanted, ratchet: Ratchet | None, source: Source | None, base: Path
) -> tuple[list[Growth] | None, str]:
    """What grew, and what became of the ratchet; None where there is no ratchet."""
    if wanted.ratchet is None or source is None:
        return None, ""
    now = Ratchet.of(source)
    if ratchet is None:
        now.write(wanted.ratchet, base)
        return [], f"{wanted.ratchet} was made: commit it"
    growths, lowered, shrunk = ratchet.growths(now), ratchet.lowered(now), ratchet.shrunk(now)
    verdict = "more than the ratchet allows" if growths else "nothing grew"
    if not shrunk:
        return growths, verdict
    if not wanted.update:
        return growths, f"{verdict}; the ratchet allows {shrunk} that are gone: --update lowers it"
    if lowered == ratchet:
        return growths, f"{verdict}; the ratchet was not lowered, because more files can't be read than before"
    lowered.write(wanted.ratchet, base)
    return growths, f"{verdict}; the ratchet was lowered by {shrunk}: commit it"


def _drawn(entries: list[HistoryEntry]) -> str:
    from isolation_audit.progress.plot import as_svg

    return as_svg(entries)


def _write(path: Path, text: str, base: Path, *, make: bool = True) -> None:
    try:
        write_output(path, text, base, make=make)
    except OSError as error:
        raise UsageError(f"can't write {path}: {error.strerror}") from None


def _tell(burndown: Burndown, wanted: _Wanted, base: Path) -> None:
    from rich.console import Console

    from isolation_audit.progress.markdown import as_markdown
    from isolation_audit.progress.terminal import show

    if wanted.form == "text" and wanted.output is None:
        show(burndown, Console(highlight=False))
        return
    if wanted.form == "json":
        text = json.dumps(burndown.as_dict(), indent=1) + "\n"
    elif wanted.form == "markdown":
        text = as_markdown(burndown)
    else:
        written = StringIO()
        show(burndown, Console(file=written, highlight=False, width=120))
        text = written.getvalue()
    if wanted.output is None:
        click.echo(text, nl=False)
        return
    _write(wanted.output, text, base, make=False)
