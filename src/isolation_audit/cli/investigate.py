"""``investigate``: which users could have seen whose data, from the journals of all workers and hosts."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.analysis.texts import shown, without_secrets_of
from isolation_audit.cli.outputs import write_all
from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.investigate.answers import Answers
    from isolation_audit.investigate.questions import Wanted

_MOST = 50
"""Rows of a table on the terminal."""

_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_EPILOG = "Exit codes: 0 for an answer, whatever it is; 2 where there is no journal, or it can't be read."


@click.command(epilog=_EPILOG)
@click.argument("journals", metavar="[JOURNAL]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--user", metavar="LABEL", help="Only crossings from or to this user, as the journal calls it.")
@click.option("--rule", metavar="CODE", help="Only those of this rule, or of all that begin so, such as IA2.")
@click.option("--severity", type=click.Choice(["error", "warning"]), help="Only these.")
@click.option("--from", "since", metavar="TIME", help="Only from then on: 2026-11-29, or 2026-11-29T12:30 (UTC).")
@click.option("--until", metavar="TIME", help="Only until then.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the tables.")
@click.option(
    "--markdown", type=_FILE, metavar="FILE", help="Write Markdown for the incident's report; - is the output."
)
@click.option("--svg", type=_FILE, metavar="FILE", help="Write the timeline as a picture.")
@click.option(
    "--ids",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Tell who they are: FILE has ids of users, one a line. Needs ISOLATION_AUDIT_KEY.",
)
@click.option("--backend", metavar="URL", help="Ask an engine that has the lines in a table, instead of files.")
@click.option("--table", default="journal", show_default=True, help="With --backend: the name of that table.")
def investigate(journals: tuple[Path, ...], backend: str | None, table: str, **options: Any) -> None:
    """Tell which users could have seen whose data, from when to when, first in which run, and by which way.

    JOURNAL is a file that [journal] path names (its older files are read, too), or a folder of them. Without any it is
    the one of the configuration that is found here.
    """
    if backend is not None and journals:
        raise UsageError("name journals, or --backend with a table that has their lines")
    of_label = {} if options["ids"] is None else _bearers(options["ids"])
    answers = _answers(journals, backend, table, options)
    made = {}
    if options["markdown"] is not None:
        from isolation_audit.investigate.markdown import as_markdown

        made[options["markdown"]] = as_markdown(answers)
    if options["svg"] is not None:
        from isolation_audit.investigate.timeline import as_svg

        picture = as_svg(answers)
        if picture is None:
            raise UsageError(f"nobody met anybody, so there is nothing to draw into {options['svg']}")
        made[options["svg"]] = picture
    write_all(made)
    if options["as_json"]:
        told = answers.as_dict()
        click.echo(json.dumps({**told, "users": _known(answers, of_label)} if of_label else told, indent=1))
    elif Path("-") not in made:
        _show(answers)
        for label, user_id in _known(answers, of_label).items():
            click.echo(f"{label} is {shown(user_id)}")


def _bearers(file: Path) -> dict[str, str]:
    """Ids of users by what journals call them."""
    from isolation_audit.foundation.environment import KEY_VARIABLE
    from isolation_audit.model.pseudonyms import Pseudonyms

    pseudonyms = Pseudonyms()
    if not pseudonyms.shared:
        raise UsageError(f"--ids needs {KEY_VARIABLE}, the key that the journals were written with")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"can't read {file}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    return {pseudonyms.text(user_id): user_id for line in lines if (user_id := line.strip())}


def _known(answers: Answers, of_label: dict[str, str]) -> dict[str, str]:
    """Of the users of the answer, those whose ids are known."""
    labels = {label for one in answers.exposures for label in (one.sender, one.receiver)}
    return {label: of_label[label] for label in sorted(labels & of_label.keys())}


def _answers(journals: tuple[Path, ...], backend: str | None, table: str, options: dict[str, Any]) -> Answers:
    wanted = _wanted(options)
    from isolation_audit.investigate import database
    from isolation_audit.investigate.questions import ask

    place = database.of_files(journals or (_usual(),)) if backend is None else database.of_backend(backend, table)
    with place as (lines, damaged):
        try:
            return ask(lines, wanted, damaged)
        except Exception as error:
            # Whatever engine it is has errors of its own: out of memory, a column of another type, a lost connection.
            reason = without_secrets_of(backend or "", " ".join(str(error).split()))
            raise UsageError(f"the question failed: {shown(reason, 300)}") from None


def _wanted(options: dict[str, Any]) -> Wanted:
    from isolation_audit.investigate.questions import Wanted

    times = {name: _time(options[name]) for name in ("since", "until")}
    return Wanted(options["user"], options["rule"], options["severity"], **times)


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        told = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{shown(text)} is no time; write it like 2026-11-29T12:30") from None
    return (told if told.tzinfo is not None else told.replace(tzinfo=dt.UTC)).timestamp()


def _usual() -> Path:
    from isolation_audit.config import find_config, load_config

    found = find_config()
    path = None if found is None else load_config(found).journal.path
    if path is None:
        raise UsageError("name a journal, as in: isolation-audit investigate isolation.jsonl; [journal] path writes it")
    return path


def _show(answers: Answers) -> None:
    from isolation_audit.exporters.terminal import shorten
    from isolation_audit.exporters.values import moment
    from isolation_audit.investigate.markdown import headline, way

    click.echo(headline(answers))
    for doubt in answers.doubts():
        click.echo(f"  but: {shown(doubt)}")
    if not answers.exposures:
        return
    _table(
        "Users",
        ("data of", "could be seen by", "times", "from, until", "first in", "events of that work"),
        (
            (
                *(one.sender, one.receiver, f"{one.times:,}", _span(one.first, one.last)),
                one.first_run or one.first_trace or "unknown",
                "unknown" if one.events is None else f"{one.events:,}",
            )
            for one in answers.exposures[:_MOST]
        ),
        len(answers.exposures),
    )
    _table(
        "Ways",
        ("rule", "way", "place", "times", "pairs", "first", "fingerprint"),
        (
            (
                *(
                    one.rule,
                    way(one.route, one.target, one.event),
                    shorten(one.place) if one.place else "unknown",
                    f"{one.times:,}",
                ),
                *(f"{one.pairs:,}", moment(one.first), one.fingerprint),
            )
            for one in answers.paths[:_MOST]
        ),
        len(answers.paths),
    )
    click.echo(
        "both stacks of a way: isolation-audit show DIR; what a finding rests on: isolation-audit explain FINGERPRINT"
    )


def _span(first: float, last: float) -> str:
    from isolation_audit.exporters.values import moment

    began, ended = (moment(at).removesuffix(" UTC") for at in (first, last))
    same = began[:10] == ended[:10]
    return began if began == ended else f"{began}\nto {ended[11:] if same else ended}"


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], total: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in ("times", "pairs") else "left")
    for row in rows:
        table.add_row(*[Text("\n".join(map(shown, text.split("\n")))) for text in row])
    Console().print(table)
    if total > _MOST:
        click.echo(f"{total - _MOST:,} more are not shown; --json and --markdown have more")
