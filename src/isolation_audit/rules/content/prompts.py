"""Prompts: conversations that bob's work sends to a language model must not go on with what alice has said.

All frameworks for agents end in such a request, whatever keeps their conversations. What the model answers is bob's,
and made of everything in the prompt: it is a leak also where the answer repeats nothing. The law is that of responses.

Other requests to other services are not judged for what they say: they may well be about several users.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.naming import parsed
from isolation_audit.rules.content.egress import Egress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.runtime import Runtime

PROMPT: Final = "a prompt"

_ROLE: Final = "role"
_OF_THE_APPLICATION: Final = frozenset({"developer", "system"})
"""Roles of what the application tells the model: its administrators may have written that for all."""

_SINGLE: Final = ("input", "inputs", "message", "prompt")
"""Where a prompt that is no list of turns stands..."""
_MODEL: Final = "model"
"""...beside the model's name."""


class Prompts:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Egress)
        self._latest: tuple[int, str] | None = None
        """The hash of what was said last, and for whom."""

    def said(self, target: str, body: Callable[[], str]) -> None:
        """A request with this body is about to go out."""
        user = self._sinks.sender()
        if user is None:
            return
        text = body()
        latest, self._latest = self._latest, (hash(text), user.id)
        # The library below may tell of it once more.
        said = [*turns(text)] if latest != self._latest else []
        if said:
            self._sinks.words(target, PROMPT, user, dumps(said, ensure_ascii=False))


def turns(body: str) -> Iterator[Any]:
    """What has been said in a conversation, as far as users or the model have said it; nothing for another body.

    Known are lists of objects that have a role, as all interfaces of models take them, and single prompts.
    """
    held = parsed(body) if f'"{_ROLE}"' in body or f'"{_MODEL}"' in body else None
    if type(held) is not dict:
        return
    for name, value in held.items():
        if type(value) is list and value and all(type(one) is dict and type(one.get(_ROLE)) is str for one in value):
            yield from (turn for turn in value if turn[_ROLE] not in _OF_THE_APPLICATION)
        elif name in _SINGLE and type(value) is str and type(held.get(_MODEL)) is str:
            yield value
