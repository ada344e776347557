"""What in the context of a request says who is running: thread locals and proxies, and the names in them."""

from __future__ import annotations

from typing import Any, Final

from isolation_audit.analysis.patterns import pattern

GETTERS: Final = frozenset({"get", "pop", "setdefault"})
"""Methods of a mapping that give what is under a name."""

_TYPES: Final = {
    ("werkzeug.local", "LocalProxy"),
    ("werkzeug.local", "Local"),
    *(("asgiref.local", name) for name in ("Local", "_DefaultLocal", "_ThreadCriticalLocal")),
    ("_thread", "_local"),
}
_name: Final = pattern(
    r"(?i)_?(?:(?:current|active|logged_?in|auth)_?)?(?:user|username|account|principal|member|viewer)"
    r"(?:_?(?:id|name|pk|email))?"
)
_of_the_call: Final = frozenset({"request", "req", "websocket", "ws"})


def is_of_the_context(value: Any) -> bool:
    """True for a thread local, and for a proxy of what belongs to the request: flask.g, flask.session."""
    kind = type(value)
    return (kind.__module__, kind.__qualname__) in _TYPES


def is_of_the_call(name: str) -> bool:
    """True for the request itself: what it asks for may be about another user, as ``request.args["user"]`` is."""
    return name in _of_the_call


def says_who(name: object) -> bool:
    """True for names such as ``user``, ``user_id`` and ``current_user``."""
    return type(name) is str and _name.fullmatch(name) is not None
