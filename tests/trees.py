"""Trees for the tests of the scan: written from text, expected findings in comments ``#= form, form``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from isolation_audit.config import load_config
from isolation_audit.source.scan.cache import Cache
from isolation_audit.source.scan.outcome import Outcome, judge
from isolation_audit.source.scan.scanner import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIG = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine"
"""
OLD = {"app/__init__.py": "", "app/old.py": "class Engine:\n    pass\n", "app/new.py": "class UserEngine:\n    pass\n"}


def parts(text: str) -> dict[str, str]:
    """The files of a text in which ``=== NAME`` begins each."""
    pieces = re.split(r"^=== (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def write_tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def expected(files: Mapping[str, str]) -> list[tuple[str, int, str]]:
    """File, line and form of each finding that the comments announce."""
    return sorted(
        (name, number, form.strip())
        for name, text in files.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if "#= " in line
        for form in line.partition("#= ")[2].split(",")
    )


def scan_tree(folder: Path, *, cache: bool = False, jobs: int = 1, parse: str = "auto", phases=()) -> Outcome:
    config = load_config(folder / "isolation-audit.toml")
    kept = Cache(folder / ".isolation-audit" / "scan.json" if cache else None, config)
    return judge(read_source(config, [folder], kept, parse=parse, jobs=jobs), phases)


def found(outcome: Outcome) -> list[tuple[str, int, str]]:
    return sorted((one.file, one.line, one.form) for one in outcome.references)
