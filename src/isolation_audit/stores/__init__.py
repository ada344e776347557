"""Stores through which several processes share their bindings; what a store needs is imported when it is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.exceptions import MissingExtraError
from isolation_audit.instrument.tracking.observations import Rebound
from isolation_audit.model.shared_bindings import SharedBindings

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.shared_bindings import Store
    from isolation_audit.model.users import User


def share_bindings(runtime: Runtime, pseudonyms: Pseudonyms, notice: Callable[[str], None]) -> SharedBindings | None:
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

    def open_store(elsewhere: SharedBindings) -> Store:
        return RedisStream(runtime.config, pseudonyms, elsewhere.hear, runtime.barrier, notice)

    def conflict(kind: str, earlier: User, user: User) -> None:
        runtime.publish(Rebound(kind, earlier, user, here=False))

    return SharedBindings(runtime.users, runtime.bindings, pseudonyms, open_store, conflict)
