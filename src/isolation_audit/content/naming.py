"""How a payload names a user: as the one who speaks, as the one it tells of, or just somewhere inside.

A message that names its sender is a chat's daily bread: that alice's name is in what bob receives from her proves
nothing. Her name in the middle of an answer that was made for her does.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.foreign_json import value_in
from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.borders import stands_alone
from isolation_audit.model.users import plain_number, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_NODES: Final = 1_000
_DEPTH: Final = 8

_WHO_SPEAKS: Final = ("actor", "author", "creator", "from", "inviter", "operator", "poster", "sender", "speaker")
_OF_WHOM: Final = ("", "displayname", "email", "id", "login", "name", "nick", "nickname", "pk", "uid", "user", "userid")
_SPEAKERS: Final = frozenset(
    (
        *("agent", "agentid", "agentname", "by", "createdby", "follower", "handle", "host", "invitedby", "nick"),
        *("nickname", "postedby", "sentby"),
        *(f"{who}{what}" for who in _WHO_SPEAKS for what in (*_OF_WHOM, "useremail", "userlogin", "username", "uuid")),
    )
)
_ADDRESSEES: Final = frozenset(
    (
        *("addressee", "addresseeid", "foruser", "foruserid", "receiver", "receiverid", "recipient", "recipientid"),
        *("targetuser", "targetuserid", "to", "toid", "touser", "touserid"),
    )
)
_SUBJECTS: Final = frozenset(
    (
        *("displayname", "id", "member", "memberid", "name", "player", "playerid", "uid", "user", "userid"),
        *("username", "who"),
    )
)
_ROSTERS: Final = frozenset(
    (
        *("active", "clients", "connected", "members", "online", "onlineusers", "participants", "peers", "players"),
        *("presence", "present", "roster", "typing", "users", "viewers"),
    )
)
"""Lists of who is there."""
_SAID: Final = frozenset(("body", "caption", "comment", "content", "message", "msg", "says", "text"))
_ATTRIBUTING: Final = (
    *("added_by", "approved_by", "by", "changed_by", "closed_by", "commented_by", "edited_by", "from", "from_user"),
    *("modified_by", "opened_by", "owned_by", "reported_by", "requested_by", "submitted_by", "uploaded_by"),
    *("actor", "assignee", "author", "author_id", "author_name", "authors", "created_by", "creator", "follower"),
    *("followers", "following", "friends", "invited_by", "liked_by", "likes", "members", "participants", "posted_by"),
    *("reviewer", "reviewers", "sender", "sender_id", "sender_name", "sent_by", "shared_by", "updated_by"),
)
_WORD: Final = 32
_is_word: Final = pattern(r"[^\W\d]+(?:[ .:_-][^\W\d]+)?")
"""What the word for an event looks like: ``left``, ``user_joined``, ``room:typing``."""

_EVENTS: Final = frozenset({"action", "event", "kind", "op", "status", "type"})
_COUNTS: Final = frozenset({"count", "members", "online", "participants", "total", "users", "viewers"})
"""How many are there."""

_BRACKETS: Final = " \t[](){}<>*_@#"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


ATTRIBUTIONS: Final = frozenset((*_ATTRIBUTING, *map(_camel, _ATTRIBUTING)))
"""Fields of a record that say who made it or takes part in it: whoever may read the record may read these."""


_OWNERS: Final = ATTRIBUTIONS | {"owner"}

_ACTS: Final = pattern(
    r"(?:new[_. -]?)?(accept|approv|assign|comment|follow|friend|invit|join|leave|left|lik|mention|poke|post|react|repl"
    r"|request|review|shar|subscri|tag|upvot|view|visit|vot)(?:e|ed|er|ing|ion|s|y|ies|ied|_request)*",
    re.IGNORECASE,
)
"""What people do to each other, as notifications call it."""


class Naming(IntEnum):
    """The strongest way in which a user is named; the higher, the less it looks like data of theirs."""

    INSIDE = 0
    FIELD = 1
    """Nowhere but as the value of a field such as ``user``: "this is about them", and maybe "this is theirs"."""
    SUBJECT = 2
    """A text begins with them: "alice joined"."""
    SPEAKER = 3
    """They speak: ``{"from": "alice"}``, "alice: hello"."""


def named(payload: Any, identifier: str) -> Naming:
    """How ``payload`` names the bearer of ``identifier``, of whom something is known to be in it.

    Walks dicts, lists and tuples, and JSON in texts, within bounds; runs none of the payload's own code.
    """
    inside, strongest = False, Naming.INSIDE
    for key, value in _fields(payload):
        if key in _SPEAKERS and _is(value, identifier):
            return Naming.SPEAKER
        text = plain_text(value)
        if text is None or not _is_in(text, identifier):
            continue
        as_subject = _in_text(text, identifier)
        if as_subject is Naming.SPEAKER:
            return as_subject
        if text == identifier and key in _SUBJECTS:
            strongest = max(strongest, Naming.FIELD)
        elif as_subject is Naming.SUBJECT or (text == identifier and key in _ROSTERS):
            strongest = Naming.SUBJECT
        else:
            inside = True
    return Naming.INSIDE if inside else strongest


def said(payload: Any, identifier: str) -> bool:
    """True where nothing but messages names the bearer of ``identifier``: ``{"user": "alice", "text": "hello"}``."""
    named_in = [one for one in _objects(payload) if any(key in _SUBJECTS and _is(one[key], identifier) for key in one)]
    return bool(named_in) and all(any(type(one.get(key)) is str for key in _SAID) for one in named_in)


def tells_of_presence(payload: Any, identifier: str) -> bool:
    """True for nothing but somebody and what they do: ``{"type": "left", "user": "alice"}``."""
    named_in = [one for one in _objects(payload) if any(key in _SUBJECTS and _is(one[key], identifier) for key in one)]
    return bool(named_in) and all(
        _is_of_presence(key, value, identifier) for one in named_in for key, value in one.items()
    )


def _is_of_presence(key: str, value: Any, identifier: str) -> bool:
    text = plain_text(value)
    if text is not None:
        return text == identifier or (key in _EVENTS and len(text) <= _WORD and _is_word.fullmatch(text) is not None)
    return value is None or type(value) is bool or (key in _COUNTS and type(value) is int)


def is_one_of_many(payload: Any, identifier: str) -> bool:
    """True where the bearer of ``identifier`` is named as a key of JSON, or in a list, and nowhere else."""
    text = payload.decode("utf-8", "replace") if type(payload) is bytes else plain_text(payload)
    waiting: list[tuple[Any, bool, int]] = [(payload if text is None else parsed(text), False, 0)]
    nodes, found = _NODES, False
    while waiting and nodes:
        nodes -= 1
        value, listed, depth = waiting.pop()
        text = plain_text(value)
        if text is not None and _is_in(text, identifier):
            if not listed:
                return False
            found = True
        elif type(value) is dict and depth < _DEPTH:
            found |= any(_is(key, identifier) for key in value)
            waiting += [(one, listed, depth + 1) for one in list(value.values())]
        elif (type(value) is list or type(value) is tuple) and depth < _DEPTH:
            waiting += [(one, True, depth + 1) for one in list(value)]
    return found


def tells_of_acts(payload: Any, identifier: str) -> bool:
    """True where nothing but notifications name somebody: ``{"kind": "follow", "who": "alice"}``."""
    named_in = [
        one for one in _objects(payload) if any(_is(value, identifier) and not _is_act(value) for value in one.values())
    ]
    return bool(named_in) and all(map(_is_act, named_in))


def _is_act(value: Any) -> bool:
    return type(value) is dict and any(
        type(value.get(key)) is str and _ACTS.fullmatch(value[key]) is not None
        for key in ("action", "event", "kind", "type", "verb")
    )


def has_key(payload: str, identifier: str, keys: Collection[str]) -> bool:
    """True where each object of JSON that names somebody has one of ``keys`` as well: ``{"id": 7, "owner": "alice"}``.

    What is inside of it belongs to it.
    """
    waiting: list[tuple[Any, bool, int]] = [(parsed(payload), False, 0)]
    nodes, found = _NODES, False
    while waiting and nodes:
        nodes -= 1
        value, inside, depth = waiting.pop()
        if type(value) is dict and depth < _DEPTH:
            plain = [one for one in value.values() if type(one) is str or type(one) is int]
            inside |= any(str(one) in keys for one in plain)
            waiting += [(one, inside, depth + 1) for one in (*value, *value.values())]
        elif type(value) is list and depth < _DEPTH:
            waiting += [(one, inside, depth + 1) for one in value]
        elif type(value) is str and _is_in(value, identifier):
            if not inside:
                return False
            found = True
    return found and not waiting


def records_naming(payload: str, identifier: str) -> list[list[str]]:
    """The texts of each of those records of a list of JSON that name somebody; nothing where all do, or more than they.

    What is inside of a record belongs to it.
    """
    waiting: list[tuple[Any, int]] = [(parsed(payload), 0)]
    nodes, found = _NODES, list[list[str]]()
    while waiting and nodes:
        nodes -= 1
        value, depth = waiting.pop()
        if type(value) is list and value and all(type(one) is dict for one in value):
            own = [one for one in value if _names_inside(one, identifier)]
            if own and len(own) == len(value):
                return []
            found += [[text for text in one.values() if type(text) is str] for one in own]
        elif (type(value) is dict or type(value) is list) and depth < _DEPTH:
            waiting += [(one, depth + 1) for one in ((*value, *value.values()) if type(value) is dict else value)]
        elif type(value) is str and _is_in(value, identifier):
            return []
    return [] if waiting else found


def _names_inside(record: dict[str, Any], identifier: str) -> bool:
    return any(type(value) is str and _is_in(value, identifier) for _key, value in _fields(record))


def says_whose(held: Any, is_there: Callable[[str], bool]) -> bool:
    """True where each text that ``is_there`` stands in a record that says who has made it, by whatever name.

    The outermost object is no such record: it often says for whom it is.
    """
    waiting: list[tuple[Any, bool, int]] = [(held, False, 0)]
    nodes, found = _NODES, False
    while waiting and nodes:
        nodes -= 1
        value, by_somebody, depth = waiting.pop()
        if type(value) is dict and depth < _DEPTH:
            by_somebody |= depth > 0 and any(key in _OWNERS and one not in (None, "") for key, one in value.items())
            waiting += [(one, by_somebody, depth + 1) for one in value.values()]
        elif type(value) is list and depth < _DEPTH:
            waiting += [(one, by_somebody, depth + 1) for one in value]
        elif type(value) is str and is_there(value):
            if not by_somebody:
                return False
            found = True
    return found and not waiting


def addressed(payload: Any, identifier: str) -> bool:
    """True where ``payload`` says by itself that it is for the bearer of ``identifier``: ``{"to": "alice"}``."""
    return any(key in _ADDRESSEES and _is(value, identifier) for key, value in _fields(payload))


def _in_text(text: str, identifier: str) -> Naming:
    begin = text.lstrip(_BRACKETS)
    if not begin.startswith(identifier) or not stands_alone(begin, 0, len(identifier)):
        return Naming.INSIDE
    rest = begin[len(identifier) :]
    said = rest.lstrip(_BRACKETS)
    if said[:1] in (":", "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}") or (rest[:1] == ">" and said):
        return Naming.SPEAKER
    told = rest[:1] == " " and rest[1:2].islower() and not _is_in(rest, identifier)
    return Naming.SUBJECT if told else Naming.INSIDE


def _is_in(text: str, identifier: str) -> bool:
    start = text.find(identifier)
    while start >= 0 and not stands_alone(text, start, start + len(identifier)):
        start = text.find(identifier, start + 1)
    return start >= 0


def _is(value: Any, identifier: str) -> bool:
    if type(value) is dict:
        return any(plain_text(one) == identifier for one in list(value.values()))
    return plain_text(value) == identifier or (type(value) is int and plain_number(value) == identifier)


def _fields(payload: Any) -> Iterator[tuple[str, Any]]:
    """Every value with the key that it stands under, in one spelling; "" where it stands under none."""
    waiting: list[tuple[str, Any, int]] = [("", payload, 0)]
    nodes = _NODES
    while waiting and nodes:
        nodes -= 1
        key, value, depth = waiting.pop()
        text = value.decode("utf-8", "replace") if type(value) is bytes else plain_text(value)
        holds = value if text is None else parsed(text)
        yield key, text if holds is None else holds
        if depth == _DEPTH:
            continue
        if type(holds) is dict:
            waiting += [(_spelled(name), one, depth + 1) for name, one in list(holds.items())]
        elif type(holds) is list or type(holds) is tuple:
            waiting += [(key, one, depth + 1) for one in list(holds)]


def _objects(payload: Any) -> Iterator[dict[str, Any]]:
    """The objects of JSON in it, with their keys in one spelling."""
    for _key, value in _fields(payload):
        if type(value) is dict:
            yield {_spelled(name): one for name, one in list(value.items())}


def keys_of_objects(payload: Any) -> Iterator[list[str]]:
    """The keys of each object of JSON in it."""
    for _key, value in _fields(payload):
        if type(value) is dict:
            yield [key for key in value if type(key) is str]


def values_of_records(payload: Any) -> Iterator[list[str]]:
    """The texts that stand as fields in the records of each list of JSON in it."""
    for _key, value in _fields(payload):
        if type(value) is list:
            records = [one for one in value if type(one) is dict]
            yield [text for one in records for text in one.values() if type(text) is str]


def _spelled(key: Any) -> str:
    return (plain_text(key) or "").lower().replace("_", "").replace("-", "")


def parsed(text: str) -> Any:
    """What a text holds that is a JSON object or array; else None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    return value_in(text)
