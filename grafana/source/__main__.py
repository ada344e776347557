"""Write everything that is generated: `python -m grafana.source [FOLDER]`, this folder's parent by default."""

from __future__ import annotations

import re
import sys
from itertools import chain
from pathlib import Path

from grafana.source import alerts, dashboards, managed, prometheus, provisioning

GENERATED = ("alerts", "alertmanager", "dashboards", "provisioning")
"""Folders in which nothing but generated files is."""


_TABLE = re.compile(r"(<!-- alerts -->\n).*?(<!-- end -->)", re.DOTALL)


def main(folder: Path) -> None:
    """Write all files, and remove what is generated no more."""
    made = dict(chain(*(one.files() for one in (prometheus, dashboards, provisioning, managed))))
    for path, text in made.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    readme = folder / "README.md"
    if readme.exists():
        page = readme.read_text(encoding="utf-8")
        readme.write_text(_TABLE.sub(lambda mark: mark[1] + alerts.table() + mark[2], page), encoding="utf-8")
    for name in GENERATED:
        for file in (folder / name).rglob("*"):
            if file.is_file() and file.relative_to(folder).as_posix() not in made:
                file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
