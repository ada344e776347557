"""Entry points: how integrations, rules and exporters are found, those of other packages in the same way as ours."""

from __future__ import annotations

import functools
import os
import re
import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INTEGRATIONS: Final = "isolation_audit.integrations"
LIBRARIES: Final = "isolation_audit.libraries"
"""By the name of an integration, the module of its library: the integration is loaded when that is imported."""
RULES: Final = "isolation_audit.rules"
EXPORTERS: Final = "isolation_audit.exporters"

_GROUPS: Final = (INTEGRATIONS, LIBRARIES, RULES, EXPORTERS)
_OURS: Final = b"isolation_audit."
_FILE: Final = "entry_points.txt"
_section: Final = re.compile(r"(?m)^\[([^\]]*)\]\s*$")


class Plugin(NamedTuple):
    """One entry point."""

    name: str
    value: str
    group: str

    @property
    def module(self) -> str:
        """The module that it leads to, or through."""
        return self.value.partition(":")[0].strip()

    def load(self) -> Any:
        """What it leads to."""
        attributes = self.value.partition(":")[2].partition("[")[0].strip()
        names = filter(None, attributes.split("."))
        return functools.reduce(getattr, names, import_module(self.module))


def plugins(group: str) -> tuple[Plugin, ...]:
    """The entry points of one group, in the order of their names."""
    return _found(tuple(sys.path)).get(group, ())


@functools.lru_cache(maxsize=1)
def _found(path: tuple[str, ...]) -> Mapping[str, tuple[Plugin, ...]]:
    every = list(_elsewhere() if _is_unusual(path) else _in_folders(path))
    groups = {group: {one.name: one for one in every if one.group == group} for group in _GROUPS}
    return {group: tuple(sorted(found.values())) for group, found in groups.items()}


def _is_unusual(path: tuple[str, ...]) -> bool:
    """True where distributions may be somewhere else than in folders."""
    others = [one for one in sys.meta_path if one is not PathFinder and hasattr(one, "find_distributions")]
    return bool(others) or any(Path(entry).is_file() for entry in path)


def _elsewhere() -> Iterator[Plugin]:
    from importlib import metadata  # takes as long to import as all else here to run

    for group in _GROUPS:
        for one in metadata.entry_points(group=group):
            yield Plugin(one.name, one.value, group)


def _in_folders(path: tuple[str, ...]) -> Iterator[Plugin]:
    """What ``importlib.metadata`` would find: of two distributions with one name the first on the path counts."""
    seen: set[str] = set()
    for folder in path:
        try:
            names = sorted(os.listdir(folder or "."))  # noqa: PTH208 - hundreds of names, of which few matter
        except OSError:
            continue
        for name in names:
            stem, _, kind = name.rpartition(".")
            called = re.sub(r"[-_.]+", "-", stem.partition("-")[0]).lower()
            if kind not in ("dist-info", "egg-info") or called in seen:
                continue
            seen.add(called)
            yield from _declared(Path(folder, name, _FILE))


def _declared(file: Path) -> Iterator[Plugin]:
    try:
        data = file.read_bytes()
    except OSError:
        return
    if _OURS not in data:
        return
    _before, *parts = _section.split(data.decode("utf-8", "replace"))
    for group, lines in zip(parts[::2], parts[1::2], strict=True):
        for line in lines.splitlines() if group.strip() in _GROUPS else ():
            name, found, value = line.partition("=")
            if found and not name.lstrip().startswith("#"):
                yield Plugin(name.strip(), value.strip(), group.strip())
