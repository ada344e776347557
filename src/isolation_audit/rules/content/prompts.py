"""Prompts: conversations that bob's work sends to a language model must not go on with what alice has said.

All frameworks for agents end in such a request, whatever keeps their conversations. What the model answers is bob's,
and made of everything in the prompt: it is a leak also where the answer repeats nothing. The law is that of responses.

Other requests to other services may well be about several users: they are judged for what they say only where they are
made out to bob, by his name in their address.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.index import Mark
from isolation_audit.content.language_models import conversation_ids, said_and_told
from isolation_audit.content.payload import Gathering
from isolation_audit.content.request_texts import text_of
from isolation_audit.model.credentials import is_drawn
from isolation_audit.model.current_inputs import current_inputs, inputs_at_exit
from isolation_audit.model.inputs import Prompt
from isolation_audit.model.users import same
from isolation_audit.rules.content.egress import Egress
from isolation_audit.rules.provenance.drivers import unwatched_drivers
from isolation_audit.rules.provenance.openings import asked_for
from isolation_audit.rules.provenance.own_words import OwnWords
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

PROMPT: Final = "a prompt"
SENT: Final = "a request to another service that is made out to the user"

_PROMPTS: Final = 4
"""Prompts of one unit that are remembered, as long as it is at work."""


class Prompts:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Egress)
        self._words = runtime.part(OwnWords)
        self._latest: tuple[int, str | None, int] | None = None
        """The hash of what was said last, for whom, and in which unit."""

    def said(self, target: str, body: Callable[[], str], url: str = "") -> None:
        """A request with this body is about to go out."""
        user, inputs = self._sinks.sender(), current_inputs()
        if user is None and inputs is None:
            return
        text = body()
        latest, self._latest = self._latest, (hash(text), None if user is None else user.id, id(inputs))
        if latest == self._latest:
            return  # the library below tells of it once more
        said, told = said_and_told(text)
        if user is not None and said:
            self._judge(target, user, said, told)
            self._goes_on(target, user, text, url)
        elif user is not None and text and self._sinks.knows_words() and user.id in self._named(url):
            self._sinks.words(target, SENT, user, text)
        if inputs is not None and said:
            inputs.prompts.append(
                Prompt([" ".join(Gathering(one).texts) for one in said], " ".join(Gathering(told).texts))
            )
            del inputs.prompts[:-_PROMPTS]

    def _named(self, url: str) -> set[str]:
        return {mark.user.id for mark in self._sinks.marks(url)} if url else set()

    def _judge(self, target: str, user: User, said: list[Any], told: list[Any]) -> None:
        told = [one for one in told if self._remembers(dumps(one, ensure_ascii=False), user)]
        self._sinks.words(target, PROMPT, user, dumps([*told, *said], ensure_ascii=False))
        for phrase in self._words.own(dumps(said, ensure_ascii=False), user):
            phrase.told_model = True

    def _goes_on(self, target: str, user: User, body: str, url: str) -> None:
        """Tell of a conversation that the service keeps, and that another user's work has begun there.

        Its id stands in the body, or is a part of the path.
        """
        for one in (*conversation_ids(body), *_steps(url)) if self._words.begun else ():
            begun, inputs = self._words.begun.get(hash(one)), inputs_at_exit()
            if begun is None or inputs is None or same(begun.user, user) or inputs.dropped or unwatched_drivers():
                continue
            came_in = any(one in text_of(held.texts(held.value))[0] for held in list(inputs.kept))
            if not came_in and begun.said_in.isdisjoint(asked_for(inputs)):
                judgement = Judgement(Verdict.CONTINUED, begun.user)
                self._sinks.publish(target, PROMPT, user, Mark(begun.user), judgement=judgement)

    def _remembers(self, text: str, user: User) -> bool:
        """True for instructions with what others have said to a model, or what was read for them, in it.

        Not for what an administrator has written for all.
        """
        others = self._words.of_others(text, user)
        return bool(others) and all(one.told_model or one.read or one.asked_with for one in others)


def _steps(url: str) -> list[str]:
    """The parts of a path that look drawn at random."""
    return [step for step in url.partition("?")[0].split("/") if is_drawn(step)]
