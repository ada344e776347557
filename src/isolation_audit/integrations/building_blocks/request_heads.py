"""Headers and queries of requests, as ASGI and WSGI have them: what a request is asked for its user with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.model.head_reader import name_in_environ
from isolation_audit.model.request_head import readable

if TYPE_CHECKING:
    from typing import Any


def asgi_headers(headers: Any) -> list[tuple[str, str]]:
    """The headers of an ASGI scope: names in lower case, with their values."""
    found = []
    for name, value in readable(headers):  # a comprehension would be one more call
        found.append((name.decode("latin-1").lower(), value.decode("latin-1")))
    return found


def asgi_query(scope: dict[str, Any]) -> str:
    """The query of an ASGI scope."""
    query = scope.get("query_string")
    return query.decode("latin-1") if type(query) is bytes else ""


def wsgi_headers(environ: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers of a WSGI environment: names in lower case, with their values."""
    headers = []
    for key, value in list(environ.items()):
        name = name_in_environ(key)
        if name:
            headers.append((name, value))
    return headers


def wsgi_query(environ: dict[str, Any]) -> str:
    """The query of a WSGI environment."""
    query = environ.get("QUERY_STRING")
    return query if type(query) is str else ""
