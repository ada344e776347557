"""What integrations of WSGI frameworks share: whole responses, where the request's user is still known.

A server writes them later, when the application has returned and nobody's request is running any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.integrations.building_blocks.session_cookies import in_headers
from isolation_audit.model.users import VISITOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.model.users import User
    from isolation_audit.vocabulary.exits import Exits


def whole(
    sinks: Exits,
    place: str,
    headers: Iterable[tuple[Any, Any]],
    body: Any,
    request: AnsweredRequest,
    reader: User | None = None,
) -> None:
    """Search a response whose ``body`` is a list of all its parts; headers are text. Streams are left to the server.

    ``reader`` is what ``sinks.reader()`` has said, where that was asked already.
    """
    headers = list(headers)
    cookies = in_headers(headers)
    if cookies:
        sinks.shared_caches.sets(cookies, request)
    reader = reader or sinks.reader()
    if reader is None or (type(body) is not list and type(body) is not tuple):
        return
    parts = [part.encode() if type(part) is str else part for part in body]
    if not all(type(part) is bytes for part in parts):
        return
    encoded = [(str(name).encode("latin-1"), str(value).encode("latin-1", "replace")) for name, value in headers]
    response = sinks.response(place, encoded, request, outermost=True)
    response.kept = sinks.shared_caches.answer(encoded, request)
    if response.kept is not None:
        response.chunk(b"".join(parts), last=True)
    else:  # the same, without asking again whose work is running
        response.chunk_for(None if reader is VISITOR else reader, b"".join(parts), last=True)
