"""Signs of a client: what it has sent to say who it is, as headers of its requests have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.inputs import REQUEST, Input

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs

__builtins__ = BUILTINS

_SIGNS: Final = frozenset({"cookie", "authorization", "x-api-key", "x-session-id", "x-csrftoken"})
"""Headers by which a client shows who it is."""

_sign: Final = pattern(r"(?:^|-)(?:session|token|api-?key|apikey)(?:-id)?$")
"""Headers of the application's own that say the same."""

_LONG: Final = 12
"""Characters of a cookie's value that tells one client from the others."""


def signs(inputs: Inputs) -> frozenset[int]:
    """Hashes of what the client has sent to say who it is; empty where that was nothing."""
    found = set()
    for one in requests_in(inputs)[:3]:
        for header, value in headers(one):
            if header == "cookie":
                pairs = (pair.partition("=") for pair in value.split(";"))
                found |= {hash((name.strip(), text)) for name, _, text in pairs if len(text) >= _LONG}
            elif value and (header in _SIGNS or _sign.search(header)):
                found.add(hash((header, value)))
    return frozenset(found)


def headers(one: Input) -> list[tuple[str, str]]:
    """The headers that an input has, in lower case; none where it is no request, or of a kind that is not known."""
    value = one.value
    if type(value) is not dict:
        value = fields(value).get("environ") or value  # none once the request is over
    if type(value) is dict:
        given = value.get("headers")
        if given is not None:
            return [_pair(pair) for pair in list(given)]
        found = [(str(name), text) for name, text in list(value.items()) if type(text) is str]
        return [(name[5:].lower().replace("_", "-"), text) for name, text in found if name.startswith("HTTP_")]
    held = one.texts(value)
    held = held if type(held) is list else []
    held = [*held, *(pair for part in held if type(part) is dict for pair in part.items())]
    return [_pair(pair) for pair in held if type(pair) is tuple and len(pair) == 2]


def _pair(pair: Any) -> tuple[str, str]:
    name, value = (one.decode("latin-1") if type(one) is bytes else str(one) for one in pair)
    return name.lower(), value


def requests_in(inputs: Inputs) -> list[Input]:
    """The requests among what has come in, the first one first."""
    return [one for one in list(inputs.kept) if one.kind == REQUEST]
