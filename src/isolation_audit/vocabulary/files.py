"""Files of the application."""

from __future__ import annotations

from typing import Any


class FilesOpened:
    """Files that are read, and written."""

    __slots__ = ()

    def opened(self, path: Any, flags: Any) -> None:
        """A file is opened."""
