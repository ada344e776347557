"""What a unit of work was asked, as far as its inputs tell: signs of its client, values that it has sent, its atoms."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, unquote_plus

from isolation_audit.analysis.foreign_json import value_in
from isolation_audit.content.encodings import unwrapped
from isolation_audit.content.request_texts import text_of
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.model.inputs import BY_QUERY, ITEM, REQUEST, STORE, Input
from isolation_audit.rules.state.atoms import hashes
from isolation_audit.rules.state.signs import headers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.state.units import Unit

__builtins__ = BUILTINS

_NOISE: Final = ("user-agent", "accept", "host", "connection", "content-", "sec-", "origin", "referer", "x-forwarded")
"""What headers begin with that say more of programs than of people."""

_LEAVES: Final = 2_000
_ROWS: Final = 2_000


class ReadInputs:
    """The inputs of one unit, read once: when something that it has written or read has to be judged."""

    def __init__(
        self,
        inputs: Inputs | None,
        user: User | None,
        content: ContentWitness | None,
        arguments: Iterable[str] = (),
        *,
        items: bool = True,
    ) -> None:
        """``items`` is False where the question is what it has taken out of a queue."""
        # A library's own file, as a search index is one, has everybody in it: that tells of nobody's work.
        left_out = (STORE,) if items else (STORE, ITEM)
        entries = [] if inputs is None else [one for one in list(inputs.kept) if one.kind not in left_out]
        self._user, self._content = user, content
        self._arguments = "\0".join(arguments)
        self._requests = [(one, _text(one)) for one in entries if one.kind == REQUEST]
        self._answers = [one for one in entries if one.kind != REQUEST]

    @cached_property
    def _others(self) -> list[tuple[Input, str]]:
        """What has come in after the request: most of it is rows, which are read one by one for :meth:`own`."""
        return [(one, _text(one)) for one in self._answers]

    @cached_property
    def text(self) -> str:
        """All of it: whatever stands here is explained."""
        return "\0".join([*(text for _one, text in (*self._requests, *self._others)), self._arguments])

    def holds(self, atom: str) -> bool:
        """True where it came in with the unit."""
        return atom in self._folded or hash(atom) in self._atoms

    @cached_property
    def _folded(self) -> str:
        plain = unquote_plus(self.text)
        readings = (self.text, plain) if plain != self.text else (plain,)
        return "\0".join([*readings, *unwrapped(self.text)]).casefold()

    @cached_property
    def _atoms(self) -> frozenset[int]:
        return hashes(self._folded)

    def own(self) -> frozenset[int]:
        """The atoms of what is this unit's alone: the request, and the rows and answers that name its user."""
        sent, noise = self._asked_with
        return sent.union(*[hashes(one) for one in self._named()]) - noise

    def sent(self) -> frozenset[int]:
        """Those of them that came with the request: the rest was read."""
        return self._asked_with[0]

    @cached_property
    def _asked_with(self) -> tuple[frozenset[int], frozenset[int]]:
        """The atoms of the request, and those that say more of programs than of people."""
        noise: set[int] = set()
        found = set(hashes(self._arguments))
        for one, text in self._requests:
            found |= hashes(text)
            for token in unwrapped(text):
                found |= hashes(token)
            for name, value in headers(one):
                if name.startswith(_NOISE):
                    noise |= hashes(value)
        return frozenset(found - noise), frozenset(noise)

    def _named(self) -> Iterator[str]:
        """Texts of rows, replies and answers that are about the unit's own user."""
        for one in self._answers:
            if one.kind not in BY_QUERY:
                yield _text(one)
                continue
            if self._is_about(text_of(one.asked(one.question))[0] if one.question is not None else ""):
                yield _text(one)
                continue
            rows = one.texts(one.value)
            for row in rows[:_ROWS] if type(rows) is list else [rows]:
                text = text_of(row)[0]
                if self._is_about(text):
                    yield text

    def _is_about(self, text: str) -> bool:
        if self._user is None or not text:
            return False
        named = self._content.marks_of_text(text)[0] if self._content is not None else []
        users = {mark.user.id for mark in named}
        return users == {self._user.id} or self._user.id in text.split("\0")

    def values(self) -> frozenset[str]:
        """The values that the client has sent: parts of the path and of the query, of a form, leaves of JSON."""
        return self._sent

    def addressed(self) -> frozenset[str]:
        """The parts of the paths that were asked for."""
        return self._addressed

    @cached_property
    def _addressed(self) -> frozenset[str]:
        paths = [one for _one, text in self._requests for one in text.split("\0") if one.startswith("/")]
        return frozenset(unquote(part) for path in paths for part in path.partition("?")[0].split("/") if part)

    @cached_property
    def _sent(self) -> frozenset[str]:
        sent = (value for _one, text in self._requests for value in _values(text))
        return frozenset([*self._arguments.split("\0"), *sent])


class Asked:
    """What a unit was asked, read when a judgement needs it, and once for all of them."""

    def __init__(self, unit: Unit, content: ContentWitness | None) -> None:
        self._read = partial(ReadInputs, unit.inputs, unit.user, content, unit.arguments)

    @cached_property
    def everything(self) -> ReadInputs:
        return self._read()

    @cached_property
    def but_items(self) -> ReadInputs:
        """Without what it has taken out of queues."""
        return self._read(items=False)


def _text(one: Input) -> str:
    return text_of(one.texts(one.value))[0]


def _values(texts: str) -> Iterator[str]:
    for text in texts.split("\0"):
        if text.startswith("/"):
            yield from (unquote(part) for part in text.partition("?")[0].split("/") if part)
        elif text[:1] in ("{", "["):
            yield from _leaves(text)
        if "=" in text:
            pairs = (text.partition("?")[2] or text).split("&", _LEAVES)[:_LEAVES]
            yield from (value for _name, value in parse_qsl("&".join(pairs)))
        yield text


def _leaves(text: str) -> Iterable[str]:
    waiting = [value_in(text)]
    for _ in range(_LEAVES):
        if not waiting:
            return
        value = waiting.pop()
        if type(value) is dict:
            waiting += value.values()
        elif type(value) is list:
            waiting += value
        elif type(value) is str or type(value) is int:
            yield str(value)
