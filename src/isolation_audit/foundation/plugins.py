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
_separators: Final = re.compile(r"[-_.]+")


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
        return loaded(self.value)


def loaded(place: str) -> Any:
    """What ``module:name.name`` leads to, or the module alone."""
    module, _, attributes = place.partition(":")
    names = filter(None, attributes.partition("[")[0].strip().split("."))
    return functools.reduce(getattr, names, import_module(module.strip()))


def plugins(group: str) -> tuple[Plugin, ...]:
    """The entry points of one group, in the order of their names."""
    return _found(tuple(sys.path)).get(group, ())


@functools.lru_cache(maxsize=1)
def _found(path: tuple[str, ...]) -> Mapping[str, tuple[Plugin, ...]]:
    every = list(_elsewhere() if _is_unusual(path) else _in_folders(path))
    groups = {group: {one.name: one for one in every if one.group == group} for group in _GROUPS}
    return {group: tuple(sorted(found.values())) for group, found in groups.items()}


def installed(distribution: str) -> str | None:
    """The version of a distribution; None where it is not installed."""
    path = tuple(sys.path)
    if not _is_unusual(path):
        folder = _distributions(path).get(_called(distribution))
        if folder is None:
            return None
        # Such a folder's name is the distribution's name and version, and to read that takes no parser.
        name, kind = os.path.splitext(os.path.basename(folder))  # noqa: PTH119, PTH122 - a text
        if kind == ".dist-info" and "-" in name:
            return name.partition("-")[2]
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _is_unusual(path: tuple[str, ...]) -> bool:
    """True where distributions may be somewhere else than in folders."""
    others = [one for one in sys.meta_path if one is not PathFinder and hasattr(one, "find_distributions")]
    return bool(others) or _has_files(path)


@functools.lru_cache(maxsize=1)
def _has_files(path: tuple[str, ...]) -> bool:
    return any(Path(entry).is_file() for entry in path)


def _elsewhere() -> Iterator[Plugin]:
    from importlib import metadata  # takes as long to import as all else here to run

    for group in _GROUPS:
        for one in metadata.entry_points(group=group):
            yield Plugin(one.name, one.value, group)


def _in_folders(path: tuple[str, ...]) -> Iterator[Plugin]:
    """What ``importlib.metadata`` would find."""
    for folder in _distributions(path).values():
        yield from _declared(os.path.join(folder, _FILE))  # noqa: PTH118 - one of hundreds


@functools.lru_cache(maxsize=1)
def _distributions(path: tuple[str, ...]) -> dict[str, str]:
    """The folder of each distribution's metadata: of two with one name the first on the path counts."""
    found: dict[str, str] = {}
    for folder in path:
        try:
            names = sorted(os.listdir(folder or "."))  # noqa: PTH208 - hundreds of names, of which few matter
        except OSError:
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                called = _called(name.rpartition(".")[0].partition("-")[0])
                found.setdefault(called, os.path.join(folder, name))  # noqa: PTH118 - as above
    return found


def _called(name: str) -> str:
    return _separators.sub("-", name).lower()


def _declared(file: str) -> Iterator[Plugin]:
    try:
        with open(file, "rb", buffering=0) as raw:  # noqa: PTH123 - as above
            data = raw.read()
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
