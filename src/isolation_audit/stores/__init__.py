"""Stores through which several processes share their bindings; what a store needs is imported when it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.exceptions import MissingExtraError
from isolation_audit.identity.elsewhere import Elsewhere
from isolation_audit.instrument.observations import Rebound

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.identity.elsewhere import Store
    from isolation_audit.identity.pseudonyms import Pseudonyms
    from isolation_audit.identity.users import User
    from isolation_audit.instrument.runtime import Runtime


def share_bindings(runtime: Runtime, pseudonyms: Pseudonyms, notice: Callable[[str], None]) -> Elsewhere | None:
    """What other processes know, where a store is configured; nothing is connected before it is started.

    Raises:
        MissingExtraError: the store's package is not installed.
    """
    if runtime.config.bindings.store is None:
        return None
    try:
        from isolation_audit.stores.redis_stream import RedisStream
    except ImportError as error:
        raise MissingExtraError("bindings.store", "redis") from error
    if not pseudonyms.shared:
        notice(
            "bindings.store shares nothing with processes that have another key; set ISOLATION_AUDIT_KEY to the same "
            "secret in all of them"
        )

    def open_store(elsewhere: Elsewhere) -> Store:
        return RedisStream(runtime.config, pseudonyms, elsewhere.hear, runtime.barrier, notice)

    def conflict(kind: str, earlier: User, user: User) -> None:
        runtime.publish(Rebound(kind, earlier, user, here=False))

    return Elsewhere(runtime.users, runtime.bindings, pseudonyms, open_store, conflict)
