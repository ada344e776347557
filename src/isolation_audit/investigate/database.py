"""Where the journals are asked: DuckDB, which reads them here, or any engine that has them in a table already."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import shown, without_secrets, without_secrets_of
from isolation_audit.exceptions import MissingExtraError, UsageError
from isolation_audit.investigate.journals import LONGEST, checked, find

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ibis
except ImportError as error:
    raise MissingExtraError("the investigation", "investigate") from error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS: Final = {
    "kind": "VARCHAR",
    "at": "DOUBLE",
    "worker": "VARCHAR",
    "seq": "BIGINT",
    "host": "VARCHAR",
    "pid": "BIGINT",
    "key": "VARCHAR",
    "sender": "VARCHAR",
    "receiver": "VARCHAR",
    "rule": "VARCHAR",
    "severity": "VARCHAR",
    "fingerprint": "VARCHAR",
    "target": "VARCHAR",
    "event": "VARCHAR",
    "layer": "VARCHAR",
    "route": "VARCHAR",
    "place": "VARCHAR",
    "user": "VARCHAR",
    "run": "VARCHAR",
    "unit": "VARCHAR",
    "trace": "VARCHAR",
    "records": "BIGINT",
}
"""What is read of a line. A table elsewhere has these columns, with the types that its engine has for them."""

_MEMORY: Final = "1GB"


@contextmanager
def of_files(paths: Iterable[Path]) -> Iterator[tuple[Any, int]]:
    """A table of the lines of journals, and how many lines are damaged; it is on the disk, and gone afterwards.

    Raises:
        UsageError: there is no journal, or it can't be read.
    """
    with tempfile.TemporaryDirectory(prefix="isolation-audit-") as folder, _quiet():
        journals = checked(find(paths), Path(folder))
        # Nothing is fetched from anywhere: what DuckDB needs to read JSON is in it.
        connection = ibis.duckdb.connect(
            Path(folder) / "journals.duckdb",
            autoinstall_known_extensions=False,
            autoload_known_extensions=False,
            temp_directory=folder,
            memory_limit=_MEMORY,
            preserve_insertion_order=False,
        )
        try:
            yield _table_of(connection, journals.files), journals.damaged
        finally:
            connection.disconnect()


def _table_of(connection: Any, files: Iterable[Path]) -> Any:
    try:
        lines = connection.read_json(
            [str(file) for file in files],
            columns=COLUMNS,
            format="newline_delimited",
            ignore_errors=True,
            maximum_object_size=LONGEST,
        )
        return connection.create_table("journal", lines)
    except Exception as error:
        raise UsageError(f"the journals can't be read: {shown(' '.join(str(error).split()), 300)}") from None


@contextmanager
def of_backend(url: str, table: str) -> Iterator[tuple[Any, int]]:
    """A table that an engine has: its address as ibis takes it, such as ``clickhouse://host/database``.

    Raises:
        UsageError: it can't be reached, or has no such table, or the table is no journal.
    """
    with _quiet():
        try:
            connection = ibis.connect(url)
            lines = connection.table(table)
        except Exception as error:
            reason = without_secrets_of(url, " ".join(str(error).split()))[:300]
            raise UsageError(f"can't use {without_secrets(url)}, table {shown(table)}: {shown(reason)}") from None
        missing = COLUMNS.keys() - set(lines.columns)
        if missing:
            raise UsageError(f"table {shown(table)} is no journal: it has no column {', '.join(sorted(missing))}")
        try:
            yield lines, 0
        finally:
            connection.disconnect()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that libraries give each other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
