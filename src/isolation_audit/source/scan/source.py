"""A tree of source files as one scan has read it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.config.model import Config
    from isolation_audit.source.scan.deprecated import Deprecated
    from isolation_audit.source.scan.facts import Facts
    from isolation_audit.source.scan.importing import Imports
    from isolation_audit.source.scan.modules import Modules
    from isolation_audit.source.scan.names import Names
    from isolation_audit.source.scan.reading import Look
    from isolation_audit.source.scan.resolving import Resolver
    from isolation_audit.source.scan.walk import File, Tree


@dataclass(slots=True)
class Source:
    """A tree as it was read: what is in it, what it means, and how much work it was."""

    config: Config
    tree: Tree
    modules: Modules
    deprecated: Deprecated
    resolver: Resolver
    files: dict[str, File]
    facts: dict[str, Facts] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    """Of the files that tell something by their bytes."""
    names: dict[str, Names] = field(default_factory=dict)
    """Of the files that have a name which several things may have."""
    wanted: frozenset[str] = frozenset()
    """Of these names it matters who gives and who imports them."""
    imports: dict[str, Imports] = field(default_factory=dict)
    """What those among them import and define of the names that are wanted."""
    broken: dict[str, tuple[int, str]] = field(default_factory=dict)
    parsed_all: bool = False
    started: float = field(default_factory=time.time)
    seconds: float = 0.0


def base_folder(config: Config) -> Path:
    """The folder from which globs count: that of the configuration, else the working folder."""
    return config.source.parent if config.source else Path.cwd()
