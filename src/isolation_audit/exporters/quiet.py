"""Keeps the exporters' own log messages out of the application's logs, and only ours: told apart by the thread."""

from __future__ import annotations

import logging
import threading

_NOISY = ("opentelemetry", "urllib3", "requests", "grpc")


class ThreadFilter(logging.Filter):
    """Drops what one thread logs, and keeps the last message, which says why an export failed."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = 0
        self._loggers: list[logging.Logger] = []
        self.last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """False for the thread that is to be quiet."""
        if threading.get_ident() != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            self.last = record.getMessage()
        return False

    def mute_this_thread(self) -> None:
        """Mute the calling thread in the loggers that exist by now; a filter counts for its own logger only."""
        self._thread = threading.get_ident()
        for name, logger in list(logging.root.manager.loggerDict.items()):
            if name.split(".")[0] in _NOISY and isinstance(logger, logging.Logger):
                logger.addFilter(self)
                self._loggers.append(logger)

    def remove(self) -> None:
        """Take the filter off again."""
        for logger in self._loggers:
            logger.removeFilter(self)
        self._loggers.clear()
