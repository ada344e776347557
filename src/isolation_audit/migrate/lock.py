"""One migration at a time: a lock that goes with its process, however that ends."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isolation_audit.exceptions import UsageError
from isolation_audit.migrate.journal import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_one(base: Path) -> Iterator[None]:
    """Hold the lock of all migrations below ``base``.

    Raises:
        UsageError: another process holds it, or the folder can't be written to.
    """
    import fcntl

    folder = base / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(f"can't write to {folder}: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError("another migration is running here") from None
        yield
    finally:
        os.close(descriptor)
