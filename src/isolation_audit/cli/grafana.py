"""``grafana``: the dashboards, alerts, provisioning and runbooks that came with this package, written into a folder."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

import isolation_audit
from isolation_audit.analysis.foreign_json import parsed
from isolation_audit.analysis.texts import shown
from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan.confined import HAS_DESCRIPTORS, Confined, open_in
from isolation_audit.source.scan.outputs import write_output

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGED: Final = 1
"""Exit code where files that have been changed since were left alone, and nothing was written."""

FOLDERS: Final = ("dashboards", "alerts", "alertmanager", "provisioning")
RECORD: Final = ".isolation-audit.json"
"""In the folder: what was written there, so that a file that somebody has changed is known."""

_EPILOG = (
    "Exit codes: 0 when all files are there; 1 where a file has been changed since and --force is not given, and then"
    " nothing is written; 2 where the folder can't be written."
)
_LARGEST: Final = 4_000_000
"""Bytes of a file that is compared; ours have a tenth of that at most."""

_ADDRESS: Final = re.compile(r"(https?|file)://[^\s'\"{}\\]+")
_RUNBOOK: Final = re.compile(r"(runbook_url: '?)docs/runbooks/")
_DASHBOARD: Final = re.compile(r"(dashboard_url: '?)/d/")
_ELSEWHERE: Final = re.compile(r"\[((?:`[^`]*`|[^\]`])+)\]\(\.\./[^)]*\)")


def _address(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (_ADDRESS.fullmatch(value) and value.isprintable()):
        raise click.BadParameter(f"{shown(value)} is no address such as https://wiki.example.org/{option.name}")
    if value is not None and "@" in value.partition("//")[2].partition("/")[0]:
        raise click.BadParameter("it has a user or a password in it, and whoever sees an alert would see them")
    return None if value is None else value.rstrip("/")


@click.command(epilog=_EPILOG)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--runbooks", metavar="URL", callback=_address, help="Where you keep the runbooks; alerts link to it.")
@click.option("--dashboards", metavar="URL", callback=_address, help="Where your Grafana is; alerts link to it.")
@click.option("--force", is_flag=True, help="Write over files that have been changed as well.")
def grafana(directory: Path, runbooks: str | None, dashboards: str | None, *, force: bool) -> None:
    """Write dashboards, alerts, provisioning and runbooks for Prometheus, Alertmanager and Grafana into DIR.

    What is there already and was not changed is brought up to date. Without --runbooks and --dashboards, alerts have
    paths instead of addresses: of the folder's own runbooks, and of a Grafana's dashboards.
    """
    files = dict(_files(runbooks, dashboards))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        record = _record(directory)
        changed = [] if force else [path for path, text in files.items() if _is_changed(directory, path, text, record)]
        if changed:
            for path in changed:
                click.echo(f"changed since it was written: {shown(str(directory / path))}", err=True)
            click.echo("nothing was written; --force writes over them", err=True)
            sys.exit(CHANGED)
        fresh = sum(_write(directory, path, text) for path, text in files.items())
        _write(directory, RECORD, json.dumps({path: _digest(text) for path, text in files.items()}, indent=1) + "\n")
    except OSError as error:
        raise UsageError(f"can't write {shown(str(error.filename or directory))}: {error.strerror}") from None
    click.echo(
        f"{shown(str(directory))}: {len(files)} files, {fresh} of them written, {len(files) - fresh} as they were"
    )
    if runbooks is None:
        click.echo("alerts link to runbooks/ in this folder; --runbooks URL makes that an address")


def _files(runbooks: str | None, dashboards: str | None) -> Iterator[tuple[str, str]]:
    """Path and text of all that is written."""
    for folder, pages in _shipped():
        for name in FOLDERS:
            for file in sorted((folder / name).rglob("*")):
                if file.suffix in (".json", ".yml"):
                    text = file.read_text(encoding="utf-8")
                    yield file.relative_to(folder).as_posix(), _linked(text, runbooks, dashboards)
        for page in sorted(pages.glob("*.md")):
            # Pages beside the runbooks are not in the folder: the words of the link say which they are.
            yield f"runbooks/{page.name}", _ELSEWHERE.sub(r"\1", page.read_text(encoding="utf-8"))
        return
    raise UsageError("this installation has no dashboards; reinstall isolation-audit from its wheel or checkout")


def _shipped() -> Iterator[tuple[Path, Path]]:
    """The folders of the files and of the runbooks: inside the installed package, or in a checkout."""
    package = Path(isolation_audit.__file__).resolve().parent
    for folder, pages in (
        (package / "_grafana", package / "_grafana" / "runbooks"),
        (package.parents[1] / "grafana", package.parents[1] / "docs" / "runbooks"),
    ):
        if (folder / "dashboards").is_dir():
            yield folder, pages


def _linked(text: str, runbooks: str | None, dashboards: str | None) -> str:
    text = _RUNBOOK.sub(lambda mark: f"{mark[1]}{'runbooks' if runbooks is None else runbooks}/", text)
    return text if dashboards is None else _DASHBOARD.sub(lambda mark: f"{mark[1]}{dashboards}/d/", text)


def _record(directory: Path) -> dict[str, str]:
    try:
        found = parsed(_present(directory, RECORD) or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_changed(directory: Path, path: str, text: str, record: dict[str, str]) -> bool:
    """Whether a file is there that is neither what will be written nor what was written last time."""
    present = _present(directory, path)
    return present not in (None, text.encode()) and hashlib.sha256(present or b"").hexdigest() != record.get(path)


def _present(directory: Path, path: str) -> bytes | None:
    """What a file in the folder has, the beginning of a large one; None where it is not there.

    Raises:
        OSError: it can't be read, is no regular file, or lies behind a link.
    """
    with suppress(FileNotFoundError):
        if not HAS_DESCRIPTORS:
            with (directory / path).open("rb") as file:
                return file.read(_LARGEST)
        try:
            with Confined(str(directory)).holder(path) as (folder, name), open(open_in(folder, name, 0), "rb") as file:  # noqa: PTH123 - of a descriptor
                return file.read(_LARGEST)
        except OSError as error:
            raise _named(error, directory / path) from None
    return None


def _named(error: OSError, path: Path) -> OSError:
    return type(error)(error.errno, error.strerror, str(path))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write(directory: Path, path: str, text: str) -> bool:
    """Write a file as a whole, for everybody to read, as servers have users of their own. False where it is so.

    Nothing is written through a link that lies in the folder: who has put it there says where it leads.
    """
    if _present(directory, path) == text.encode():
        return False
    try:
        write_output(directory / path, text, directory)
    except OSError as error:
        raise _named(error, directory / path) from None
    return True
