"""Jobs of two users, by turns, on one thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import isolation_audit

if TYPE_CHECKING:
    from collections.abc import Callable


def on_one_thread(*jobs: Callable[[str], Any]) -> list[Any]:
    """What jobs of alice, bob, alice, ... have given, one after the other."""
    users = ("alice", "bob") * len(jobs)
    with ThreadPoolExecutor(1) as pool:
        return [pool.submit(_as_user, user, job).result() for user, job in zip(users, jobs, strict=False)]


def _as_user(user: str, job: Callable[[str], Any]) -> Any:
    with isolation_audit.user_scope(user):
        return job(user)
