"""Pushes: messages to one user on a stream or a connection that stays open, each judged as it leaves.

The law is that of responses: what a message says of others has to have come in through the unit of work that sends it.
Its inputs are what has opened the stream, what its user has sent since, and what others have handed over to it, as the
item of a queue. A message in which somebody speaks to others is conversation, wherever it was kept.
"""

from __future__ import annotations

from functools import partial
from json import dumps
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.index import Mark
from isolation_audit.content.language_models import answers_in
from isolation_audit.content.naming import Naming, is_one_of_many, named, said
from isolation_audit.content.pieces import MOST, SHORT, SOME, joined, without
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.current_inputs import unit_inputs
from isolation_audit.model.rules import Severity
from isolation_audit.model.users import Kind
from isolation_audit.rules.content.egress import secret_of_another
from isolation_audit.rules.provenance.verdicts import Verdict
from isolation_audit.vocabulary.exits import PUSHED, LeavingPushes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.content.egress import Egress
    from isolation_audit.rules.provenance.verdicts import Judgement

_LONGEST: Final = 64 * 1024
"""Bytes of one event that are waited for."""

_TOGETHER: Final = 8
"""Short messages after which they are looked at together, and at the end of the unit."""

_end_of_event: Final = pattern(rb"\r\n\r\n|\n\n|\r\r")
_END: Final = 3
"""Bytes of such an end that may have come before the rest of it."""
_data: Final = pattern(rb"(?m)^data: ?([^\r\n]*)")


class Push(LeavingPushes):
    """What is pushed to one user on one stream or connection: a finding for each other user at most.

    One that is ``personal`` is between its user and a program: nobody else speaks there, and nobody joins.
    """

    __slots__ = ("_few", "_personal", "_settled", "_sinks", "_target", "_together")

    def __init__(self, sinks: Egress, target: str, *, personal: bool = False) -> None:
        self._sinks = sinks
        self._target = target
        self._personal = personal
        self._settled: set[str] = set()
        """The ids of those of whom it is known where they come from."""
        self._together: Callable[[str], bool] | None = None
        self._few: list[str | bytes] = []
        """The latest messages that were short: words, maybe, that say something together."""

    def message(self, payload: str | bytes, user: User, *, asked: str = "", endpoint: Endpoint | None = None) -> None:
        """One message for ``user``; ``asked`` is what the stream was asked for."""
        if unit_inputs() is None:
            self._sinks.secrets(payload, self._target, PUSHED)
            return
        marks = self._sinks.marks(payload)
        secret = secret_of_another(marks, user) if marks else None
        if secret is not None:
            self._sinks.publish(self._target, PUSHED, user, secret, endpoint=endpoint)
        elif not marks or not self._others(
            payload, marks, user, self._sinks.named(asked) if asked else set(), endpoint
        ):
            self._words(payload, user, endpoint)

    def sent(self, payload: str | bytes, user: User, own: Inputs | None = None) -> None:
        """One message on ``user``'s own connection; for secrets it is searched where it leaves.

        ``own`` are the inputs of the unit of work, where they are at hand.
        """
        marks, others = self._sinks.marks(payload), False
        for mark in marks:
            if mark.secret:
                return
            others |= mark.user is not user
        if not others or not self._others(payload, marks, user, set(), None):
            self._words(payload, user, None, own)

    def told(self, payload: Any, user: User, together: Callable[[str], bool] | None = None) -> None:
        """The same of plain data, which a library is about to write down.

        ``together`` tells of another's id whether both are in one room: what tells of its members is for all of them.
        """
        if unit_inputs() is not None:
            self._together = together
            plain = type(payload) is str or type(payload) is bytes
            self.sent(payload if plain else dumps(payload, default=lambda _other: None, ensure_ascii=False), user)

    def _others(
        self, payload: str | bytes, marks: list[Mark], user: User, meant: set[str], endpoint: Endpoint | None
    ) -> bool:
        """Judge whom it names; True where that is told of."""
        named_here = {mark.user.id: mark.user for mark in marks if mark.user.kind is Kind.USER}
        others = named_here.keys() - self._settled - {user.id} - meant
        inputs = unit_inputs()
        if not others or inputs is None:
            return False
        if not inputs.contested and not self._personal:
            others -= {one for one in others if _is_conversation(payload, one) or self._is_of_the_room(payload, one)}
        if not others:
            return False
        kept = {one: named_here[one] for one in named_here if one in others or one == user.id}
        return self._judge(payload if type(payload) is bytes else str(payload).encode(), user, kept, endpoint)

    def _is_of_the_room(self, payload: str | bytes, identifier: str) -> bool:
        return self._together is not None and is_one_of_many(payload, identifier) and self._together(identifier)

    def _words(self, payload: str | bytes, user: User, endpoint: Endpoint | None, own: Inputs | None = None) -> None:
        self._sinks.words(self._target, PUSHED, user, payload, endpoint=endpoint, own=own)
        few = self._few
        if len(payload) > SHORT:
            return
        few.append(payload)
        if len(few) < SOME:
            return
        if len(few) == SOME and (inputs := own or unit_inputs()) is not None:
            inputs.at_end.append(partial(self._said_together, user, endpoint, inputs))
        if not len(few) % _TOGETHER:
            self._said_together(user, endpoint, own)
        del few[:-MOST]

    def _said_together(self, user: User, endpoint: Endpoint | None, own: Inputs | None) -> None:
        """Judge what short messages say together, and what is left of that without the answers to this very unit."""
        inputs = own or unit_inputs()
        if inputs is None or not self._sinks.knows_words():
            return
        texts = joined(self._few)
        mine = answers_in(inputs) if texts else []
        for text in texts:
            self._sinks.words(self._target, PUSHED, user, text, endpoint=endpoint, own=own)
            rest = without(text, mine) if mine else ""
            if rest:
                self._sinks.words(self._target, PUSHED, user, rest, endpoint=endpoint, own=own)

    def _judge(self, payload: bytes, user: User, named_here: dict[str, User], endpoint: Endpoint | None) -> bool:
        endpoint = current_endpoint() or endpoint
        made_by = None if endpoint is None else endpoint.code()
        judged = self._sinks.judged(user, named_here, payload, made_by, page=False)
        self._settled |= {one.content.id for one in judged if one.verdict is not Verdict.BESIDE}
        severity = judged[0].verdict.severity if judged else None
        if severity is not None:
            self._publish(payload, user, judged[0], endpoint)
        return severity not in (None, Severity.NOTE)

    def _publish(self, payload: bytes, user: User, judgement: Judgement, endpoint: Endpoint | None) -> None:
        mark = Mark(judgement.content)
        noted = judgement.verdict.severity is Severity.NOTE
        field = None if noted else self._sinks.field(payload, mark)
        self._sinks.publish(self._target, PUSHED, user, mark, endpoint=endpoint, field=field, judgement=judgement)


class Events:
    """Server-sent events, however a stream is cut into chunks."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def events(self, data: bytes, *, last: bool) -> Iterator[bytes]:
        """The data of each event that is complete."""
        held, at = self._held + data, 0
        # What has waited was looked through before, but for an end that is cut in two.
        end = _end_of_event.search(held, max(0, len(self._held) - _END))
        while end is not None:
            yield b"\n".join(_data.findall(held[at : end.start()]))
            at = end.end()
            end = _end_of_event.search(held, at)
        if last or len(held) - at > _LONGEST:
            yield b"\n".join(_data.findall(held[at:]))
            at = len(held)
        self._held = held[at:]


def _is_conversation(payload: str | bytes, identifier: str) -> bool:
    """True where somebody speaks, or something is told of them as a room is told: "alice joined"."""
    naming = named(payload, identifier)
    return naming >= Naming.SUBJECT or (naming is Naming.FIELD and said(payload, identifier))
