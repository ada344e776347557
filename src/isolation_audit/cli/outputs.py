"""The files that ``show`` writes of a report: HTML, SARIF, Markdown, JUnit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from isolation_audit.exporters.comparison import Figures
    from isolation_audit.exporters.lanes import Lanes
    from isolation_audit.exporters.report import Report

FORMATS = {
    "html": "one HTML file to look at",
    "sarif": "SARIF 2.1.0, for code scanning",
    "markdown": "Markdown, to paste into an issue",
    "junit": "JUnit XML, for dashboards of CI",
}


def with_formats(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that name the files."""
    for name, meaning in reversed(FORMATS.items()):
        kind = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
        command = click.option(f"--{name}", type=kind, metavar="FILE", help=f"Write {meaning}; - is the output.")(
            command
        )
    return command


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told beside the report: where the source is, an earlier report, and runs out of a journal."""

    source: Path
    earlier: Figures | None = None
    runs: tuple[Lanes, ...] = ()


def texts(report: Report, wanted: Mapping[str, Path | None], beside: Beside) -> dict[Path, str]:
    """What goes into each file that was asked for.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: the report has not the form of one.
    """
    made = {}
    for name, file in wanted.items():
        if file is not None:
            if file in made:
                raise UsageError(f"--{name} {file}: another format goes there already")
            made[file] = _FORMS[name](report, beside)
    return made


def write_all(made: Mapping[Path, str]) -> None:
    """Write the files; what goes to the output comes last.

    Raises:
        UsageError: a file can't be written.
    """
    from isolation_audit.exporters.report import write_text

    for file, text in made.items():
        if str(file) != "-":
            try:
                write_text(file, text)
            except FileExistsError:
                raise UsageError(f"can't write {file}: {file.parent} is not a folder") from None
            except OSError as error:
                raise UsageError(f"can't write {file}: {error.strerror}") from None
            click.echo(f"written: {file}", err=True)
    if Path("-") in made:
        click.echo(made[Path("-")], nl=False)


def _html(report: Report, beside: Beside) -> str:
    from isolation_audit.exporters.html import as_html
    from isolation_audit.exporters.html.page import page
    from isolation_audit.exporters.html.source_lines import SourceLines

    return as_html(page(report, SourceLines(beside.source), beside.earlier, beside.runs))


def _sarif(report: Report, beside: Beside) -> str:
    from isolation_audit.exporters.sarif import as_sarif

    return json.dumps(as_sarif(report, beside.source.resolve()), indent=1) + "\n"


def _markdown(report: Report, _beside: Beside) -> str:
    from isolation_audit.exporters.markdown import as_markdown

    return as_markdown(report)


def _junit(report: Report, _beside: Beside) -> str:
    from isolation_audit.exporters.junit import as_junit

    return as_junit(report)


_FORMS = {"html": _html, "sarif": _sarif, "markdown": _markdown, "junit": _junit}
