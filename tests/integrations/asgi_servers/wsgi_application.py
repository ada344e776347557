"""A WSGI application without a framework, which says for whom an auditor takes its work."""

from __future__ import annotations

from typing import Any

from application import known


def application(environ: Any, start_response: Any) -> list[bytes]:
    """One page."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"for ", (known() or "nobody").encode()]
