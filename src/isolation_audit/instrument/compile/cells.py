"""Cells: the sites whose clean calls are added to the counters when somebody reads those."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.instrument.compile.site import Site


class Cells:
    """The sites of one audit."""

    def __init__(self) -> None:
        self._sites: dict[Site, None] = {}
        # Re-entrant: a signal handler may ask for the counters while this thread brings them up to date.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._sites)

    def add(self, site: Site) -> None:
        """One more site."""
        self._sites[site] = None

    def sum_up(self) -> None:
        """Bring the counters up to date. Two threads may read them at once; a call counts once."""
        with self._lock:
            for site in list(self._sites):
                site.sum_up()

    def retire(self, site: Site) -> None:
        """The site's code is gone: what it has counted stays."""
        with self._lock:
            site.forget()
            site.sum_up()
            self._sites.pop(site, None)

    def after_fork(self) -> None:
        """In a forked child, where another thread may have held the lock."""
        self._lock = threading.RLock()
