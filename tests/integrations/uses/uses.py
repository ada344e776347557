"""Small uses of every library that an integration knows, by the integration's name; each gives plain, equal values.

A use knows nothing of an auditor. It goes through what the library offers, the ways to fail included.
"""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)

ALL: dict[str, Callable[[], Any]] = {}


def use(*names: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Registers a function for these integrations."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        ALL.update(dict.fromkeys(names, function))
        return function

    return register


def as_user(user: str | None, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a call in a context of its own, where ``user`` is the ambient one."""

    def inside() -> Any:
        current_user.set(user)
        return call(*args, **kwargs)

    return copy_context().run(inside)


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call gives, or the name of what it raises."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return f"raises {type(error).__name__}"


async def async_outcome(awaitable: Awaitable[Any]) -> Any:
    """The same of something that is awaited; a cancellation that it raises by itself counts."""
    import asyncio

    try:
        return await awaitable
    except (Exception, asyncio.CancelledError) as error:
        return f"raises {type(error).__name__}"


from uses_apps import *  # noqa: E402, F403
from uses_caches import *  # noqa: E402, F403
from uses_cherrypy import *  # noqa: E402, F403
from uses_connections import *  # noqa: E402, F403
from uses_dash import *  # noqa: E402, F403
from uses_data import *  # noqa: E402, F403
from uses_events import *  # noqa: E402, F403
from uses_files import *  # noqa: E402, F403
from uses_frameworks import *  # noqa: E402, F403
from uses_graphql import *  # noqa: E402, F403
from uses_grpc import *  # noqa: E402, F403
from uses_jobs import *  # noqa: E402, F403
from uses_loaders import *  # noqa: E402, F403
from uses_logs import *  # noqa: E402, F403
from uses_mails import *  # noqa: E402, F403
from uses_pools import *  # noqa: E402, F403
from uses_rows import *  # noqa: E402, F403
from uses_servers import *  # noqa: E402, F403
from uses_sockets import *  # noqa: E402, F403
from uses_targets import *  # noqa: E402, F403
from uses_twisted import *  # noqa: E402, F403
from uses_unwatched import *  # noqa: E402, F403
from uses_web import *  # noqa: E402, F403
from uses_work import *  # noqa: E402, F403
from uses_wsgi import *  # noqa: E402, F403
