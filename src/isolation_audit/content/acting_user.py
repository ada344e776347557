"""Who a request says it works for, where an application asks nobody to log in: by a parameter such as ``user_id``.

Backends of agents and chats that stand behind another service are told their user so: in the body beside the message,
in the query, in the first message of a WebSocket or in its path. A parameter may name anybody, though: whose page is
shown, who is to be deleted. So it counts where the request also talks (a message, a session) or is a connection, where
it changes something and comes with nobody's credentials, or where the same user has been named so before.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.credential_fields import is_password
from isolation_audit.content.named_values import pairs_in
from isolation_audit.content.request_texts import all_brought, head_of, method_of, path_parameters
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.kept_users import spelled
from isolation_audit.model.user_names import Name, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.model.inputs import Inputs

_LONGEST_NAME: Final = 32
_LEVELS: Final = 6
_MOST: Final = 1_000
"""Parameters of one request that are looked at."""

NAMES: Final = ("user_id", "userid", "uid", "username", "user_name", "user", "sender_id", "sender", "customer_id")
"""What parameters call the user for whom a request is made, the best first."""
_ON_CONNECTIONS: Final = ("client_id", "clientid")
"""What the path or the query of a WebSocket calls whoever opens it, as well."""

_talks: Final = pattern(
    r"(?:session|thread|conversation|chat|dialog(?:ue)?|run)_?(?:id|key|uuid)?"
    r"|(?:(?:new|user|chat|input)_)?(?:messages?|msg|prompt|query|question|text|content|input|utterance)|q|inputs"
)
"""Parameters of a request in which somebody says or asks something, or goes on with a conversation."""
_HOLDERS: Final = frozenset(
    ["user", "sender", "from", "context", "ctx", "metadata", "meta", "config", "configurable", "params", "arguments",
     "data", "payload", "body", "input", "request", "message", "new_message", "state", "auth", "identity"]
)  # fmt: skip
"""Where else in a body the user stands: objects around it with other names may be about anybody."""
_CHANGING: Final = frozenset(["POST", "PUT", "PATCH", "DELETE"])


class ActingUser:
    """What the parameters of one request have said so far, as more of it comes in."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces = -1

    def find(
        self, inputs: Inputs, *, presents: Callable[[], bool], known: Callable[[int, str], bool]
    ) -> tuple[int, list[Name]] | None:
        """The users whom they name, and the place of the parameter among :data:`NAMES`; None where nothing is new.

        ``presents``: whether the request comes with credentials. ``known``: whether somebody of this name has been told
        by the parameter of this place before.
        """
        bodies = all_brought(inputs.kept, REQUEST)
        places = [one for one in inputs.kept if one.kind == REQUEST]
        by_path = [(_called(name), value) for one in places for name, value in path_parameters(one)]
        pieces = _size(bodies) + len(by_path)
        if pieces == self._pieces:
            return None
        self._pieces = pieces
        heads = [head_of(one) for one in places]
        asked = [(_called(name), value) for _method, _path, query in heads if query for name, value in parse_qsl(query)]
        brought = [
            # A form has lists.
            (_called(name), value[0] if type(value) is list and len(value) == 1 else value)
            for name, value in islice(pairs_in(bodies, _LEVELS, _may_hold), _MOST)
        ]
        said = [*brought, *asked]
        if any(is_password(name) for name, _value in said):
            return None
        talks = any(_speaks(name) for name, _value in said)
        changes = inputs.lasting or method_of(inputs) in _CHANGING
        strong: list[tuple[str, Any]] = []
        if talks or (changes and not presents()):
            strong += brought
        if talks or inputs.lasting:
            strong += asked
        if inputs.lasting:
            strong += by_path
        names = (*NAMES, *_ON_CONNECTIONS) if inputs.lasting else NAMES
        return _named(strong, names) or _met_before([*said, *by_path], known)


def _named(pairs: list[tuple[str, Any]], names: tuple[str, ...]) -> tuple[int, list[Name]] | None:
    for place, wanted in enumerate(names):
        found = {one.id: one for name, value in pairs if name == wanted and type(one := name_of(value)) is Name}
        if found:
            return place, list(found.values())
    return None


def _met_before(pairs: list[tuple[str, Any]], known: Callable[[int, str], bool]) -> tuple[int, list[Name]] | None:
    found = _named(pairs, NAMES)
    return found if found is not None and all(known(found[0], one.id) for one in found[1]) else None


def _may_hold(name: Any, value: Any) -> bool:
    """True for what may hold the user: an object of such a name, or one that a framework has put what it read into."""
    # JSON has texts for names: what else is one is a framework's, around what it has read.
    return issubclass(type(value), dict) and (type(name) is not str or _called(name) in _HOLDERS)


def _size(held: Any) -> int:
    """How much there is to be read: more, once a framework has put something where nothing stood."""
    kind = type(held)
    if issubclass(kind, dict):
        return sum([_size(value) for value in list(dict.values(held))])
    return sum(map(_size, held)) if kind is list or kind is tuple else held is not Ellipsis


def _called(name: str) -> str:
    return spelled(name) if len(name) <= _LONGEST_NAME else ""


@lru_cache(500)
def _speaks(name: str) -> bool:
    return _talks.fullmatch(name) is not None
