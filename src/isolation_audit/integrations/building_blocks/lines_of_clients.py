"""What clients of servers without HTTP send: lines of text, as a rule, each with a verb before what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.user_names import Name

if TYPE_CHECKING:
    from isolation_audit.integrations.building_blocks.connections import Connections

_verbs: Final = pattern(r"(?m)^([A-Z]{2,}|/[a-z]+) ")

_login: Final = pattern(
    r"(?im)^/?(?:(?:user|nick|ident|identify|iam)[ \t]+([\w.+@-]{2,64})|(?:login|auth)[ \t]+([\w.+@-]{2,64})[ \t]+\S+)"
    r"[ \t]*\r?$"
)
"""``USER alice``, ``NICK alice``, ``LOGIN alice secret``: what servers of lines are told of whoever has connected."""
_MECHANISMS: Final = frozenset(["plain", "login", "external", "anonymous", "bearer", "basic", "token", "xoauth2"])
"""What stands in a login's line where others have a name."""

_LONGEST: Final = 4 * 1024
"""Bytes of what logs in: those who have not, send lines."""


def take_in(connections: Connections, obj: Any, data: bytes) -> None:
    """Something has come in on a connection: it is an input, and may say whose the connection is."""
    connection = connections.of(obj)
    logs_in(data)
    connections.received(obj, connection, said(data))


def said(data: bytes) -> str:
    """What has come in as text, with the verbs of its lines (``PUT ...``) apart from what is said with them."""
    return _verbs.sub(r"\1\n", data.decode("utf-8", "replace"))


def logs_in(data: bytes) -> None:
    """Tell the running connection whose it is, where its client says so in a line of its own.

    It is the weakest of all that may tell: nobody has asked for a proof as yet. Who says another name afterwards is
    nobody: the first one may have been refused, and the second may be asked about.
    """
    request = current_unit().request
    found = None if request is None or len(data) > _LONGEST else _login.search(data.decode("utf-8", "replace"))
    name = "" if found is None else found[1] or found[2]
    if request is not None and name and name.lower() not in _MECHANISMS:
        request.called(Name(name))
