"""``scan``: every reference in the source to what is deprecated, found by binding; nothing is imported or run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isolation_audit.analysis.texts import printable
from isolation_audit.config import find_config, load_config
from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from isolation_audit.config import Config
    from isolation_audit.source.scan.outcome import Outcome

_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "markdown"]),
    default="text",
    show_default=True,
    help="How to write the findings.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.option("--phase", "phases", multiple=True, help="Only files of this phase (scan.phases); may be repeated.")
@click.option(
    "--parse",
    type=click.Choice(["auto", "all", "mentions"]),
    default="auto",
    show_default=True,
    help="Parse all files, to tell which don't parse, or only those with a mention (auto: all of up to 2,000).",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes (default: one a processor).")
@click.option("--no-cache", is_flag=True, help="Read everything anew, and keep nothing for next time.")
def scan(
    paths: tuple[Path, ...],
    config_path: Path | None,
    form: str,
    output: Path | None,
    phases: tuple[str, ...],
    parse: str,
    jobs: int | None,
    *,
    no_cache: bool,
) -> None:
    """Find what is deprecated in the Python source below PATHS, and names that mean several things.

    The exit code is 1 if there is any; notes about names alone don't count.

    Without PATHS, the folder of the configuration is scanned. The code is neither imported nor run.
    """
    from isolation_audit.source.scan.cache import Cache
    from isolation_audit.source.scan.outcome import judge
    from isolation_audit.source.scan.scanner import read_source
    from isolation_audit.source.scan.source import base_folder

    config = loaded(config_path)
    check_phases(config, phases)
    base = base_folder(config)
    cache = Cache(None if no_cache else cache_of(base), config)
    outcome = judge(read_source(config, paths or (base,), cache, parse=parse, jobs=jobs), phases)
    text = _rendered(outcome, form)
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        from isolation_audit.source.scan.outputs import write_output

        try:
            plain = click.unstyle(text) if form == "text" else text
            write_output(output, plain.rstrip("\n") + "\n", base, make=False)
        except OSError as error:
            raise UsageError(f"can't write {output}: {error.strerror}") from None
    sys.exit(0 if outcome.is_clean else 1)


def loaded(path: Path | None) -> Config:
    """The configuration, which must deprecate something.

    Raises:
        UsageError: there is none, or it deprecates nothing.
    """
    found = path or find_config()
    if found is None:
        raise UsageError("no configuration found; write an isolation-audit.toml, or name one with --config")
    config = load_config(found)
    if not config.deprecations:
        raise UsageError(f"{found} deprecates nothing; add [[deprecations]] with a target")
    return config


def cache_of(base: Path) -> Path | None:
    """Where what a scan of the tree ``base`` has read is kept; None where it can't be."""
    from isolation_audit.source.scan.user_folders import cache_folder, key_of

    folder = cache_folder(base)
    return None if folder is None else folder / f"scan-{key_of(base)}.json"


def check_phases(config: Config, phases: tuple[str, ...]) -> None:
    """Refuse phases that are not configured."""
    known = [name for name, _ in config.scan.phases]
    for phase in phases:
        if phase not in known:
            raise UsageError(f"no phase {phase!r}; scan.phases has {', '.join(known) or 'none'}")


def _rendered(outcome: Outcome, form: str) -> str:
    if form == "json":
        return json.dumps(outcome.report(), indent=1)
    if form == "sarif":
        from isolation_audit.source.scan.sarif import as_sarif

        return json.dumps(as_sarif(outcome), indent=1)
    if form == "markdown":
        from isolation_audit.source.scan.markdown import as_markdown

        return as_markdown(outcome)
    return _text(outcome)


def _text(outcome: Outcome) -> str:
    source = outcome.source
    lines = []
    for one in outcome.references:
        place = f"{_from_here(source.tree.base, one.file)}:{one.line}:{one.span.column + 1 if one.span else 1}"
        severity = click.style(one.severity.value, fg=_STYLES[one.severity])
        lines.append(f"{printable(place)}: {severity}[{one.rule}] {printable(f'{one.message}; {one.help}')}")
    report = outcome.report()
    lines += [
        printable(f"note: {target['target']} is {target['state']}: {target['detail']}")
        for target in report["targets"]
        if target["state"] != "applied"
    ]
    about = report["summary"]["source"]
    lines += [
        f"note: {printable(place)} is a link to a folder outside of the tree: not followed"
        for place in about["not_followed"]
    ]
    if lines:
        lines.append("")
    for title in ("forms", "phases", "owners"):
        counted = about[title]
        if counted and set(counted) != {"-"}:
            lines.append(printable(f"{title}: " + ", ".join(f"{name} {number}" for name, number in counted.items())))
    found = len(outcome.references)
    lines.append(
        f"{found} finding{'' if found == 1 else 's'} in {len({one.file for one in outcome.references})} of "
        f"{about['files']} files ({about['parsed']} parsed)"
    )
    return "\n".join(lines)


def _from_here(base: str, file: str) -> str:
    path = Path(base, file)
    try:
        return path.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):
        return str(path)
