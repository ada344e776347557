"""``compat``: what a bridge from a deprecated class to its replacement must offer."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from isolation_audit.analysis.texts import printable
from isolation_audit.config import Config, default_config, find_config, load_config
from isolation_audit.config.problems import Refused
from isolation_audit.config.targets import parse_target
from isolation_audit.exceptions import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.config import Target
    from isolation_audit.source.compat.signatures import Gap


@dataclass(frozen=True, slots=True)
class _Pair:
    """An old class and what replaces it; ``unread`` are bases whose members nobody has seen."""

    old: Target
    new: Target
    gaps: list[Gap]
    unread: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "old": str(self.old),
            "new": str(self.new),
            "gaps": [gap.as_dict() for gap in self.gaps],
            "unread_bases": self.unread,
        }


@click.command()
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option(
    "--path",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder that packages are in; may be repeated (default: here, and src).",
)
@click.option(
    "--config", "config_path", type=click.Path(path_type=Path), help="The configuration file (default: looked for)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def compat(
    old: str | None, new: str | None, folders: tuple[Path, ...], config_path: Path | None, *, as_json: bool
) -> None:
    """Compare the constructors and public members of OLD and NEW; exit 1 if callers of OLD would notice.

    Both are targets (package.module:Class; NEW may be a method that builds the object). Without them, each
    [[deprecations]] entry with a replacement is compared. Source is read, and never imported.
    """
    path = config_path or find_config()
    config = default_config() if path is None else load_config(path)
    pairs = _compared(_wanted(old, new, config), folders or (*filter(Path.is_dir, (Path(), Path("src"))),), config)
    if as_json:
        click.echo(json.dumps({"schema": 1, "pairs": [pair.as_dict() for pair in pairs]}, indent=1))
    else:
        _show(pairs)
    sys.exit(1 if any(pair.gaps for pair in pairs) else 0)


def _wanted(old: str | None, new: str | None, config: Config) -> list[tuple[Target, Target]]:
    if old is not None and new is not None:
        return [(_target(old), _target(new))]
    if old is not None:
        raise UsageError("compat takes two targets, as in: isolation-audit compat app.old:Engine app.new:Engine")
    found = [
        (entry.target, entry.replacement)
        for entry in config.deprecations
        if entry.replacement is not None and entry.target.qualname
    ]
    if not found:
        raise UsageError("nothing to compare: name OLD and NEW, or a replacement in a [[deprecations]] entry")
    return found


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except Refused as refused:
        raise UsageError(f"{refused.cause}; {refused.remedy}") from None


def _compared(wanted: list[tuple[Target, Target]], folders: Sequence[Path], config: Config) -> list[_Pair]:
    try:
        import griffe
    except ImportError as error:
        raise MissingExtraError("compat", "migrate") from error
    from isolation_audit.source.compat.signatures import Gap, gaps
    from isolation_audit.source.compat.sources import Sources

    sources = Sources(folders)
    made = []
    for old_target, new_target in wanted:
        old, new = sources.find(old_target), sources.find(new_target)
        constructor = new if isinstance(new, griffe.Function) else None
        replacement = new.parent if isinstance(new, griffe.Function) else new
        if not isinstance(old, griffe.Class):
            raise UsageError(f"{old_target} is not a class; compat compares classes")
        if not isinstance(replacement, griffe.Class):
            raise UsageError(f"{new_target} is neither a class nor a method of one")
        unread = [*sources.bases(old), *sources.bases(replacement)]
        renamed = next((dict(entry.arguments) for entry in config.deprecations if entry.target == old_target), {})
        found = gaps(old, replacement, constructor, renamed)
        required = next((e.requires for e in config.engines if str(e.target) == _spelled(replacement)), ())
        found += [
            Gap(name, "required by [[engines]], and missing", f"offer {name}")
            for name in required
            if name not in replacement.all_members
        ]
        made.append(_Pair(old_target, new_target, found, list(dict.fromkeys(unread))))
    return made


def _spelled(cls: Any) -> str:
    return f"{cls.module.path}:{cls.path[len(cls.module.path) + 1 :]}"


def _show(pairs: list[_Pair]) -> None:
    from rich.console import Console
    from rich.markup import escape

    def plain(text: str) -> str:
        return escape(printable(text))

    console = Console(highlight=False, soft_wrap=True)
    for pair in pairs:
        console.print(f"[bold]{plain(str(pair.old))}[/] -> [bold]{plain(str(pair.new))}[/]")
        widest = max((len(gap.member) for gap in pair.gaps), default=0)
        for gap in pair.gaps:
            console.print(f"  {plain(gap.member.ljust(widest))}  {plain(gap.difference)}", end="")
            console.print(f"  [dim]-> {plain(gap.bridge)}[/]")
        for base in pair.unread:
            console.print(f"  not read, so not compared: the base {plain(base)}", style="yellow")
        count = len(pair.gaps)
        console.print(f"  {count or 'no'} difference{'' if count == 1 else 's'} that callers would notice")
