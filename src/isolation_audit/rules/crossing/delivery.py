"""Addressees: who receives what goes to a connection, a room or everyone, without any target being configured.

Integrations say what is sent and who the receivers are; here it is weighed whether one user's data is meant for them.
Only content tells: a payload in which the sender is not named is never held against anybody. The list of what is let
pass on purpose is in docs/reference/integrations.md.
"""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath
from isolation_audit.content import secrets
from isolation_audit.content.naming import Naming, named, parsed, tells_of_presence
from isolation_audit.content.payload import Gathering
from isolation_audit.instrument.stacks import capture
from isolation_audit.model.contexts import emission_variable, of_test, test_variable
from isolation_audit.model.current_inputs import own_inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, User, plain_text, same
from isolation_audit.rules.crossing.answered_there import AnsweredThere, view_at_work
from isolation_audit.rules.crossing.letters import is_addressed_to
from isolation_audit.rules.crossing.personal_rooms import intruder, is_of, mistaken
from isolation_audit.rules.crossing.reached import Reached, Sent, Waiting
from isolation_audit.rules.crossing.word_by_word import UNANSWERED, WordByWord
from isolation_audit.rules.provenance.own_words import OwnWords
from isolation_audit.targets.ownership import differ
from isolation_audit.vocabulary.messages import Message, MessagesSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.rules.provenance.phrases import Phrase

_SENDERS: Final = 1_000
"""Senders of whom the last messages to themselves are remembered."""

_MESSAGES: Final = 8
"""Messages to oneself that are remembered, to know a round among others when it comes by."""

_STREAM: Final = 6
"""Messages to oneself at once that may be an answer part by part."""

ROUND: Final = 5.0
"""Seconds for which they are: a round goes on for as long as its slowest receiver takes."""

_USER: Final = Kind.USER  # read for each message

_TEXTS: Final = 64
"""Texts that are remembered as they go to others: a room is sent one by one."""

_WAITING: Final = 10_000
"""Messages to others that wait for the end of a round; beyond it, those that wait are told of at once."""

_TYPES: Final = ("event", "type", "kind")


class Addressees(MessagesSent):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime) -> None:
        config = runtime.config
        self._runtime = runtime
        self._public = (*config.addressees.public, *(glob for emitter in config.emitters for glob in emitter.public))
        self._shared = config.addressees.shared
        self._words = runtime.part(OwnWords)
        self._own: dict[str, dict[int, float]] = {}
        """By sender: the last messages to themselves, and when each was sent."""
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._answered_there = AnsweredThere()
        self._pieces = WordByWord(self._words)
        self._sent: dict[tuple[int, str], Sent] = {}
        """By text, which is not kept, and sender."""
        runtime.settling.append(self.settle)

    def one(self, sender: User | None, receiver: User | None, message: Message) -> None:
        """Something was sent to one connection, or to several of one user."""
        if sender is None or receiver is None or self.passes(sender, receiver, message.payload):
            return
        sent = self._sent.get((_key(message.payload), sender.id))
        if sent is not None and sent.piece:
            self._piece(sender, receiver, message)
        answer = () if sent is None or self._meant(message) else sent.answer
        if answer and not is_addressed_to(receiver, own_inputs()):
            self._answers_another(sender, receiver, message, answer)
            return
        marks = self._marks(message)
        mine = [mark for mark in marks if same(mark.user, sender)]
        if not mine or any(same(mark.user, receiver) for mark in marks):
            return
        reached = Reached(message, "one", sender, sender, receiver, ())
        if any(mark.secret for mark in mine):
            self._tell(reached)
        elif len({mark.user.id for mark in marks}) == 1:
            naming = named(message.payload, sender.id)
            if naming is Naming.FIELD and tells_of_presence(message.payload, sender.id):
                return
            if naming < Naming.SUBJECT and not self._meant(message) and not is_addressed_to(receiver, own_inputs()):
                self._wait(reached, naming)

    def by_started(self, sender: User, receiver: User, message: Message) -> None:
        """The same in a task that ``sender``'s work has started, and which may work for all: what a model has said."""
        inputs = own_inputs()
        if inputs is None or not inputs.prompts or not self._words.own(inputs.prompts[-1].turns[-1], sender):
            return  # somebody else has asked, or nobody
        if same(sender, receiver):
            self._words.learn(inputs, sender)
            self.to_oneself(sender, message.payload)
        elif inputs.lasting and not self._meant(message) and not is_addressed_to(receiver, inputs):
            answer = self._answer_in(message.payload, sender, inputs)
            if answer:
                self._answers_another(sender, receiver, message, answer)
            elif self._pieces.may_be(message.payload):
                self._piece(sender, receiver, message)

    def _answers_another(self, sender: User, receiver: User, message: Message, answer: Sequence[Phrase]) -> None:
        view = None if sender.id in self._own else view_at_work()
        if view is not None or sender.id in self._own:
            self._wait(Reached(message, "answer", sender, sender, receiver, ()), Naming.INSIDE, answer, view)

    def misdirected(self, sender: User, receiver: User, message: Message, to: str) -> None:
        """What a user's work has sent has gone to another's connection: "displaced", or "handed"."""
        marks = self._marks(message)
        if not any(same(mark.user, receiver) for mark in marks) and not self._meant(message):
            self._wait(
                Reached(message, to, sender, sender, receiver, ()), Naming.FIELD if to == "handed" else Naming.INSIDE
            )

    def passes(self, sender: User | None, receiver: User | None, payload: Any) -> bool:
        """True where nothing can be told of what is sent to one connection: :meth:`one` needs not be asked."""
        if sender is None or receiver is None or sender.kind is not _USER or receiver.kind is not _USER:
            return True
        if sender is receiver or same(sender, receiver):
            self.to_oneself(sender, payload)
            return True
        key = hash(payload) if type(payload) is str else _key(payload)
        sent, now = self._sent.get((key, sender.id)), time.monotonic()
        if sent is None or sent.at < now - ROUND:
            sent = self._shares(sender, key, payload)
        if secrets.Version.number or sent.answer or sent.piece:
            return False
        # Only a secret could be told of whatever goes round, or says nothing of its sender or in a way that is meant.
        content = self._runtime.content
        if content is not None and sent.version == content.index.version:
            return sent.harmless or self._goes_round(sender, key)
        return self._goes_round(sender, key) or self._is_harmless(sender, sent, payload)

    def everyone(
        self, sender: User | None, receivers: Iterable[User], message: Message, *, meant: Callable[[], bool]
    ) -> None:
        """Something was sent to all; ``meant`` tells what is meant for them from an addressee that came to be None."""
        if sender is not None and sender.kind is not Kind.USER:
            return
        self._shared_by(sender, message.payload)
        marks = self._marks(message)
        users = {mark.user.id: mark for mark in marks}
        mark = next((mark for mark in marks if mark.secret), None)
        if not marks or (mark is None and len(users) > 1):
            return
        secret, mark = mark is not None, mark or marks[0]
        other = next((user for user in receivers if differ(user, mark.user)), None)
        if other is None or (not secret and self._meant(message)):
            return
        reached = Reached(message, "all", sender, mark.user, other, ())
        if secret:
            self._tell(reached)
            return
        naming = named(message.payload, mark.user.id)
        if naming is Naming.SPEAKER:
            return
        if not meant():
            self._tell(reached)
        elif sender is not None and naming is Naming.INSIDE:
            reached.to = "told"
            self._tell(reached)

    def room(self, sender: User | None, name: str | None, receivers: list[User], message: Message) -> None:
        """Something was sent to a room; ``receivers`` are its members as far as they are known."""
        if sender is not None and any(same(sender, user) for user in receivers):
            self.to_oneself(sender, message.payload)
        self._shared_by(sender, message.payload)
        if secrets.version():
            self._secrets_in_room(sender, receivers, message)
        if name is None or any(fnmatchcase(name, glob) for glob in self._shared):
            return
        other = next((user for user in receivers if user.kind is Kind.USER and not is_of(name, user)), None)
        if other is None:
            return
        of_two = mistaken(name, sender, receivers)
        if of_two is not None and not self._meant(message):
            self._tell(Reached(message, "one", sender, *of_two, ()))
            return
        marks = self._marks(message)
        if len({mark.user.id for mark in marks}) != 1 or not is_of(name, marks[0].user):
            both = None if marks else intruder(name, receivers)
            if both is not None and not self._meant(message) and not is_addressed_to(both[1], own_inputs()):
                self._tell(Reached(message, "joined", sender, *both, ()))
            return
        if named(message.payload, marks[0].user.id) < Naming.SUBJECT and not self._meant(message):
            self._tell(Reached(message, "one", sender, marks[0].user, other, ()))

    def kept_room(self, name: str | None, former: User, receiver: User, message: Message, sender: User | None) -> None:
        """What goes to a room that is named for one user is that user's, and says so by its address."""
        if name is None or any(fnmatchcase(name, glob) for glob in self._shared) or not is_of(name, former):
            return
        if not is_of(name, receiver) and not self._meant(message):
            self._tell(Reached(message, "one", sender, former, receiver, ()))

    def _secrets_in_room(self, sender: User | None, receivers: list[User], message: Message) -> None:
        for mark in self._marks(message):
            other = next((user for user in receivers if differ(user, mark.user)), None)
            if mark.secret and other is not None:
                self._tell(Reached(message, "one", sender, mark.user, other, ()))
                return

    def settle(self, grace: float) -> None:
        """Tell of what has waited for ``grace`` seconds: nothing has shown that it was a round among several."""
        before = time.monotonic() - grace
        for key, waiting in list(self._waiting.items()):
            if waiting.view is not None and (waiting.reached.addressee.id, waiting.view) not in self._answered_there:
                if waiting.since <= before - UNANSWERED:
                    self._is_for_others(key)
            elif waiting.since <= before and self._waiting.pop(key, None) is not None:
                if any(phrase.given for phrase in waiting.answer):
                    self._words.publish(waiting.answer)  # it went round
                    continue
                with of_test(waiting.test):
                    self._runtime.publish(waiting.reached)

        for reached, test in self._pieces.ended(before, self._own, self._answered_there):
            with of_test(test):
                self._runtime.publish(reached)

    def _shared_by(self, sender: User | None, payload: Any) -> None:
        """What a user's work sends to others is meant for them: these are no words of that user's alone any more."""
        if sender is not None and sender.kind is Kind.USER:
            inputs = own_inputs()
            if inputs is not None:
                self._words.learn(inputs, sender)
            self._words.sent_to_others(payload, sender)

    def _shares(self, sender: User, key: int, payload: Any) -> Sent:
        """The same, once for all who receive a payload one by one."""
        if len(self._sent) >= _TEXTS:
            self._sent.clear()
        sent = self._sent[key, sender.id] = Sent(time.monotonic())
        inputs = own_inputs()
        # Who has asked on a connection of their own is answered there.
        if inputs is not None and inputs.prompts and inputs.lasting:
            sent.answer = self._answer_in(payload, sender, inputs)
            sent.piece = not sent.answer and self._pieces.may_be(payload)
        if not sent.answer:
            self._shared_by(sender, payload)
        return sent

    def _answer_in(self, payload: Any, sender: User, inputs: Inputs) -> list[Phrase]:
        """What a language model has answered ``sender``, and was not given to that user, as a whole or part by part."""
        latest = time.monotonic() - ROUND
        if sum(at > latest for at in list(self._own.get(sender.id, {}).values())) >= _STREAM:
            return []
        self._words.learn(inputs, sender)
        own = self._words.own("\0".join(Gathering(payload).texts), sender)
        return [phrase for phrase in own if phrase.asked_with and not phrase.given]

    def _piece(self, sender: User, receiver: User, message: Message) -> None:
        inputs = own_inputs()

        def told() -> tuple[Reached, Any] | None:
            if self._meant(message) or is_addressed_to(receiver, inputs):
                return None
            kept = Message(message.target, None, message.libraries)
            return Reached(kept, "answer", sender, sender, receiver, self._place(message)), test_variable.get()

        if inputs is not None:
            self._pieces.to_another(sender, receiver, message.payload, inputs, told)

    def _marks(self, message: Message) -> list[Mark]:
        content = self._runtime.content
        if content is None:
            return []
        emission = emission_variable.get()
        if emission is not None and emission.reported:
            return []  # a configured emitter has told of this very event
        marks, complete = content.marks(message.payload)
        if not complete:
            self._runtime.tally.payloads_truncated += 1
        return [mark for mark in marks if mark.user.kind is Kind.USER]

    def _meant(self, message: Message) -> bool:
        if message.event is None:
            message.event = _event(message.payload)
        return message.event is not None and any(fnmatchcase(message.event, glob) for glob in self._public)

    def to_oneself(self, sender: User, payload: Any) -> None:
        """A user's message went to that user: whoever sends it to others as well sends it round.

        It is not held against ``sender``, whoever was reached first: those who waited to be told of, or those to come.
        """
        # Nearly all that an application sends comes by here.
        key = hash(payload) if type(payload) is str else _key(payload)
        own = self._own.get(sender.id)
        if own is None:
            if len(self._own) >= _SENDERS:
                # All at once: what is remembered matters only as long as the round goes on.
                self._own.clear()
            own = self._own.setdefault(sender.id, {})
        own.pop(key, None)
        own[key] = time.monotonic()
        if len(own) > 2 * _MESSAGES:  # not at each message
            drop_oldest(own, _MESSAGES)
        if self._waiting:
            self._waiting.pop((sender.id, key), None)
        if sender.id in self._words.askers:
            text = "\0".join(Gathering(payload).texts)
            self._pieces.to_oneself(sender, payload)
            self._answered_there.sent(sender, text, self._pieces.own(sender))
            for phrase in self._words.own(text, sender):
                phrase.given = True

    def _goes_round(self, sender: User, key: int) -> bool:
        """True where the sender's own connection has been sent this a moment ago."""
        own = self._own.get(sender.id)
        sent = None if own is None else own.get(key)
        return sent is not None and sent > time.monotonic() - ROUND

    def _is_harmless(self, sender: User, sent: Sent, payload: Any) -> bool:
        """True where nothing is to be told of a text, whoever receives it: found out once for all who do."""
        content = self._runtime.content
        if content is None or (type(payload) is not str and type(payload) is not bytes):
            return False
        version = content.index.version
        users = {mark.user.id: mark.user for mark in content.marks(payload)[0] if mark.user.kind is Kind.USER}
        mine = any(same(user, sender) for user in users.values())
        sent.harmless = not mine or len(users) > 1 or named(payload, sender.id) >= Naming.SUBJECT
        sent.version = version  # last: another thread goes by it
        return sent.harmless

    def _is_for_others(self, key: tuple[str, int]) -> None:
        """It is for several others, or for those who are never answered there: what was said so is for them."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._words.publish(waiting.answer)

    def _wait(
        self, reached: Reached, naming: Naming, answer: Sequence[Phrase] = (), view: CodeType | None = None
    ) -> None:
        sender, key = reached.content, _key(reached.message.payload)
        if self._goes_round(sender, key):
            return
        earlier = self._waiting.get((sender.id, key))
        if earlier is None:
            reached.stack = self._place(reached.message)
            reached.message.payload = None
            if len(self._waiting) >= _WAITING:
                self.settle(0.0)
            self._waiting[sender.id, key] = Waiting(time.monotonic(), reached, test_variable.get(), answer, view)
        elif earlier.view is not None and differ(earlier.reached.addressee, reached.addressee):
            self._is_for_others((sender.id, key))
        elif naming is Naming.FIELD and differ(earlier.reached.addressee, reached.addressee):
            self.to_oneself(sender, reached.message.payload)  # a round among others, which says of whom it tells

    def _tell(self, reached: Reached) -> None:
        reached.stack = self._place(reached.message)
        reached.message.payload = None
        self._runtime.publish(reached)

    def _place(self, message: Message) -> RawStack:
        return beneath(capture(self._runtime.config.limits.stack), message.libraries)


def _key(payload: Any) -> int:
    """Equal for equal payloads. It stays in this process, and nothing can be read from it."""
    return hash(payload) if type(payload) is str or type(payload) is bytes else hash(tuple(Gathering(payload).texts))


def _event(payload: Any) -> str | None:
    """The name that a message gives itself."""
    text = plain_text(payload)
    held = payload if text is None else parsed(text)
    if type(held) is not dict:
        return None
    return next((name for key in _TYPES if (name := plain_text(held.get(key)))), None)
