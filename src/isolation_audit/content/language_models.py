"""Conversations with language models over HTTP: what has been said in a request, and what the model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.naming import parsed
from isolation_audit.content.request_texts import answer_text
from isolation_audit.model.credentials import is_drawn
from isolation_audit.model.inputs import ANSWER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.model.inputs import Inputs

_ROLE: Final = "role"
_OF_THE_APPLICATION: Final = frozenset({"developer", "system"})
"""Roles of what the application tells the model: its administrators may have written that for all."""

_SPEAKERS: Final = frozenset({"assistant", "user"})
_CONTENT: Final = "content"
"""What a turn has beside its role."""

_SINGLE: Final = ("input", "inputs", "message", "prompt")
"""Where a prompt that is no list of turns stands..."""
_MODEL: Final = "model"
"""...beside the model's name."""

_ANSWERS: Final = frozenset(
    (
        *("answer", "arguments", "completion", "content", "delta", "generated_text", "message", "output"),
        *("output_text", "refusal", "response", "text"),
    )
)
"""What interfaces of models call the text of an answer, or of a part of it."""

_CONVERSATIONS: Final = frozenset(
    (
        *("chat_id", "chatid", "context_id", "contextid", "conversation", "conversation_id", "conversationid"),
        *("previous_response_id", "session_id", "sessionid", "thread_id", "threadid"),
    )
)
"""What interfaces of models call the id by which a request goes on with a conversation that the service keeps..."""
_ID: Final = "id"
"""...which an answer may call so as well."""

_KIND: Final = "object"
"""What says of an answer that it is..."""
_KINDS: Final = frozenset({"chat", "conversation", "session", "thread"})
"""...such a conversation."""

_DEPTH: Final = 12
_EVENT: Final = "data:"
"""What an event of a stream begins with."""

_ENDS: Final = ("[DONE]", "message_stop", "response.completed", '"done":true', '"done": true')
"""What the last event of a stream says..."""
_LAST: Final = 2_000
"""...within so many characters."""


def said_and_told(body: str) -> tuple[list[Any], list[Any]]:
    """The turns of users and of the model in a conversation, and what the application itself tells the model there.

    Known are lists of objects that have a role, as all interfaces of models take them, and single prompts. Nothing for
    another body.
    """
    every = [*_turns(body)]
    return (
        [turn for turn, role in every if role not in _OF_THE_APPLICATION],
        [turn for turn, role in every if role in _OF_THE_APPLICATION],
    )


def _turns(body: str) -> Iterator[tuple[Any, str]]:
    held = parsed(body) if f'"{_ROLE}"' in body or f'"{_MODEL}"' in body else None
    if type(held) is not dict:
        return
    if type(held.get(_ROLE)) is str and held[_ROLE] in _SPEAKERS and _CONTENT in held:
        yield held, held[_ROLE]  # one more turn of a conversation that the service keeps
    for name, value in held.items():
        if type(value) is list and value and all(type(one) is dict and type(one.get(_ROLE)) is str for one in value):
            yield from ((turn, turn[_ROLE]) for turn in value)
        elif name in _SINGLE and type(value) is str and type(held.get(_MODEL)) is str:
            yield value, "user"


def answered(text: str) -> list[str]:
    """What a model has said in an answer: JSON, or a stream of events or lines of it, whose parts make one text."""
    whole = parsed(text)
    if whole is not None:
        return [*_said(whole)]
    said = "".join(part for line in _lines(text) for part in _said(line))
    return [said] if said else []


def answers_in(inputs: Inputs) -> list[str]:
    """What models have said in the answers that a unit of work was given."""
    return [said for one in list(inputs.kept) if one.kind == ANSWER for said in answered(answer_text(one))]


def conversation_ids(body: str) -> list[str]:
    """The ids by which a request, or an answer, names a conversation that the service keeps."""
    whole = parsed(body)
    return [*_ids(whole)] if whole is not None else [one for line in _lines(body) for one in _ids(line)]


def begins_conversation(body: str) -> bool:
    """True for an answer that gives nothing but a conversation that the service keeps from now on."""
    held = parsed(body) if f'"{_ID}"' in body else None
    return type(held) is dict and str(held.get(_KIND)).lower() in _KINDS


def is_stream(text: str) -> bool:
    """True for the beginning of a stream of events or lines."""
    return text[:1] == "{" or text.lstrip()[: len(_EVENT)] in (_EVENT, "event")


def _lines(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line[:1] == "{" or line.startswith(_EVENT):
            yield parsed(line.removeprefix(_EVENT).strip())


def _ids(held: Any) -> Iterator[str]:
    """Those that look drawn at random, at the top of a document and one level deeper."""
    for outer in (held, *(held.values() if type(held) is dict else ())):
        for name, value in outer.items() if type(outer) is dict else ():
            if type(value) is str and (name == _ID or name.lower() in _CONVERSATIONS) and is_drawn(value):
                yield value


def is_whole(body: str) -> bool:
    """True for an answer that has come to its end."""
    return any(sign in body[-_LAST:] for sign in _ENDS) or parsed(body) is not None


def _said(held: Any, depth: int = 0) -> Iterator[str]:
    if depth > _DEPTH:
        return
    if type(held) is list:
        for one in held:
            yield from _said(one, depth + 1)
    elif type(held) is dict:
        for name, value in held.items():
            if type(value) is str and name in _ANSWERS:
                yield value
            elif type(value) is dict or type(value) is list:
                yield from _said(value, depth + 1)
