"""For whom a run works, and the ids that go with it.

Ids are hashes of a seed and of counters, so two servers with the same seed and the same visitors hand out the same ids.
No id but ``user_id`` itself tells who the user is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class UserExecutionContext:
    """One run of one user."""

    user_id: str
    thread_id: str
    run_id: str
    request_id: str
    websocket_client_id: str | None = None


def digest(*parts: object, size: int = 4) -> str:
    """Return a short hash of the parts, in hexadecimal."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).hexdigest()


def thread_id_for(seed: int, user_id: str) -> str:
    """Return the id of the user's conversation."""
    return f"thread_{digest(seed, 'thread', user_id, size=6)}"


def connection_id_for(seed: int, user_id: str, number: int) -> str:
    """Return the id of the user's connection with this number."""
    return f"ws_{digest(seed, 'connection', user_id, number, size=6)}"


def new_context(seed: int, user_id: str, number: int, connection_id: str | None) -> UserExecutionContext:
    """Return the context of the run with this number in the user's conversation."""
    thread_id = thread_id_for(seed, user_id)
    return UserExecutionContext(
        user_id=user_id,
        thread_id=thread_id,
        run_id=f"run_{thread_id}_{number}_{digest(seed, 'run', user_id, number)}",
        request_id=f"req_{digest(seed, 'request', user_id, number, size=8)}",
        websocket_client_id=connection_id,
    )
