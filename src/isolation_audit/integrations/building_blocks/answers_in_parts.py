"""Answers of other services that are read part by part, as a language model's are: what was read of each, so far."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import Receiver
from isolation_audit.model.contexts import fetching_variable
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import ANSWER, Input, itself

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Inputs

_NOBODYS: Final = 1_000_000
"""Bytes of one answer that are kept where it is no unit's, which has bounds of its own."""


class AnswerInParts:
    """What one unit has read of one answer: the value of its input."""

    __slots__ = ("_answer", "_size", "_unit", "read")

    def __init__(self, answer: Any, inputs: Inputs | None) -> None:
        self._answer = weakref.ref(answer)
        self._unit = None if inputs is None else weakref.ref(inputs)
        self._size = 0
        self.read: list[bytes] = []

    def belongs_to(self, inputs: Inputs | None) -> bool:
        """True where this is what the unit with these inputs has read."""
        return (None if self._unit is None else self._unit()) is inputs

    def answer(self) -> Any:
        """The library's object; None once that is gone."""
        return self._answer()

    def goes_on(self, data: bytes, inputs: Inputs | None) -> None:
        """More of it was read."""
        self._size += len(data)
        if inputs.has_room(len(data)) if inputs is not None else self._size <= _NOBODYS:
            self.read.append(data)

    def body(self) -> bytes:
        """All that was read."""
        return b"".join(list(self.read))


class AnswersInParts:
    """One audit's; use it with ``runtime.part``."""

    def __init__(self, runtime: Runtime) -> None:
        self._receive = runtime.part(Receiver).receive
        self._answers: weakref.WeakKeyDictionary[Any, AnswerInParts] = weakref.WeakKeyDictionary()

    def knows(self, answer: Any) -> bool:
        """True where a part of it was read."""
        return answer in self._answers

    def forget(self, answer: Any) -> bool:
        """It is known as a whole; True where a part of it was known before."""
        return self._answers.pop(answer, None) is not None

    def part(
        self, answer: Any, data: bytes, texts: Callable[[Any], Any], asked: Callable[[Any], Any] | None = None
    ) -> None:
        """A part was read. ``asked`` makes the question of the answer itself, where that knows it."""
        if fetching_variable.get() is not None:
            return
        inputs = current_inputs()
        known = self._answers.get(answer)
        if known is not None and known.belongs_to(inputs):
            known.goes_on(data, inputs)
            return
        known = self._answers[answer] = AnswerInParts(answer, inputs)
        known.read.append(data)
        question = None if asked is None else answer
        self._receive(Input(ANSWER, known, question, texts, asked or itself), size=len(data))


class PartPoint(Interceptor):
    """Around a method of an answer that gives the next part of it, or all."""

    def __init__(self, place: str, answers: AnswersInParts, texts: Callable[[Any], Any], layout: Layout) -> None:
        self.place = place
        self._answers = answers
        self._texts = texts
        self._answer_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return self._answer_of(values)

    def after(self, answer: Any, result: Any) -> None:
        """Keep it."""
        if result and type(result) is bytes:
            self._answers.part(answer, result, self._texts)
