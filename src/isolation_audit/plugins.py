"""Entry points: how integrations, rules and exporters are found, those of other packages in the same way as ours."""

from __future__ import annotations

import functools
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

INTEGRATIONS: Final = "isolation_audit.integrations"
RULES: Final = "isolation_audit.rules"
EXPORTERS: Final = "isolation_audit.exporters"

_GROUPS: Final = (INTEGRATIONS, RULES, EXPORTERS)


def plugins(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of one group, in the order of their names."""
    return _found(tuple(sys.path)).get(group, ())


@functools.lru_cache(maxsize=1)  # to read the metadata of all that is installed takes 15 ms and more
def _found(_path: tuple[str, ...]) -> Mapping[str, tuple[EntryPoint, ...]]:
    everything = metadata.entry_points()
    return {group: tuple(sorted(everything.select(group=group), key=lambda one: one.name)) for group in _GROUPS}
