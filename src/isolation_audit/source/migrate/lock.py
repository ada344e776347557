"""One migration at a time: a lock that goes with its process, however that ends."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isolation_audit.exceptions import UsageError
from isolation_audit.source.scan.user_folders import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def only_one(base: Path) -> Iterator[None]:
    """Hold the lock of all migrations of one user's in the tree ``base``.

    Raises:
        UsageError: another process holds it, or its folder can't be written to.
    """
    import fcntl

    folder = state_folder(base)
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
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
