"""From TOML tables to the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.config.extraction import Extraction
from isolation_audit.config.model import Config
from isolation_audit.config.options import Reading, read_table

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from isolation_audit.config.table import Table


def build_config(top: Table, source: FilePath | None) -> Config:
    """Read every table; ``source`` is the file they come from."""
    file = source.absolute() if source else None
    # The names count as declared even when their paths are wrong: one mistake, one problem.
    paths = Extraction(top.words("identity", "bind"), top.words("rooms"))
    return read_table(Config, top, Reading(file.parent if file else None, paths), source=file)
