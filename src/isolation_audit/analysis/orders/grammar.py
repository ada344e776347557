"""The language of orders.

::

    order    = sequence ("|" sequence)*
    sequence = item+
    item     = pair | (EVENT | "(" order ")") ("*" | "+" | "?")*
    pair     = EVENT "..." (EVENT | "(" EVENT ("|" EVENT)* ")")
    EVENT    = letters, digits, "_", "-", ".", ":", "/"

``agent_started (agent_thinking | tool_executing tool_completed)* agent_completed`` is the order of an agent's run.

In a pair, only the place of the first event is given: the run goes on from there, and the second one comes at any time
before the run is complete. With ``tool_executing ... tool_completed`` tools of one run overlap, or nest.
"""

from __future__ import annotations

from isolation_audit.analysis.patterns import pattern
from isolation_audit.foundation.records import dataclass

_TOKEN = pattern(r"\s*(?:(?P<event>\w(?:[\w:/-]|\.(?!\.\.))*)|(?P<sign>[()|*+?]|\.\.\.))")
_REPETITION = ("*", "+", "?")
_DEPTH = 50


class OrderError(ValueError):
    """The text is no order; the message says what is wrong and where (column, from 1)."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event."""

    name: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An event that opens something, and those of which one closes it later."""

    opener: str
    closers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; empty for "nothing"."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Again and again: ``least`` is 0 or 1, ``many`` says whether more than once."""

    part: Node
    least: int
    many: bool


Node = Event | Pair | Sequence | Choice | Repeat


def parse_order(text: str) -> Node:
    """Parse an order.

    Raises:
        OrderError: with the column and what was expected.
    """
    parser = _Parser(text)
    node = parser.order(0)
    if parser.sign is not None:
        why = "... stands between two events" if parser.sign == "..." else f"{parser.sign!r} closes nothing"
        raise OrderError(f"column {parser.column}: {why}")
    return node


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text.rstrip()
        self._position = 0
        self.column = 1
        self.event: str | None = None
        self.sign: str | None = None
        self._parts: dict[str, tuple[str, int]] = {}
        self._advance()

    def _advance(self) -> None:
        self.event = self.sign = None
        if self._position >= len(self._text):
            self.column = len(self._text) + 1
            return
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            start = self._position + len(self._text[self._position :]) - len(self._text[self._position :].lstrip())
            raise OrderError(
                f"column {start + 1}: {self._text[start]!r} is neither an event nor one of ( ) | * + ? ..."
            )
        self.event, self.sign = match["event"], match["sign"]
        self.column = match.end() - len(self.event or self.sign or "") + 1
        self._position = match.end()

    def order(self, depth: int) -> Node:
        if depth > _DEPTH:
            raise OrderError(f"column {self.column}: parentheses are nested more than {_DEPTH} deep")
        options = [self._sequence(depth)]
        while self.sign == "|":
            self._advance()
            options.append(self._sequence(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, depth: int) -> Node:
        parts = []
        while self.event is not None or self.sign == "(":
            parts.append(self._item(depth))
        if not parts:
            raise OrderError(f"column {self.column}: an event or ( is expected here")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _item(self, depth: int) -> Node:
        node: Node
        if self.event is not None:
            opener, column = self.event, self.column
            self._advance()
            if self.sign == "...":
                return self._pair(opener, column)
            self._cast(opener, "stands alone", column)
            node = Event(opener)
        else:
            opened = self.column
            self._advance()
            node = self.order(depth + 1)
            if self.sign != ")":
                raise OrderError(f"column {opened}: this ( is never closed")
            self._advance()
        while self.sign in _REPETITION:
            node = Repeat(node, least=int(self.sign == "+"), many=self.sign != "?")
            self._advance()
        return node

    def _pair(self, opener: str, column: int) -> Pair:
        self._cast(opener, "opens a pair", column)
        self._advance()
        closers = []
        grouped = self.sign == "("
        if grouped:
            self._advance()
        while True:
            if self.event is None:
                raise OrderError(f"column {self.column}: an event that closes {opener} is expected here")
            self._cast(self.event, f"closes {opener}", self.column)
            closers.append(self.event)
            self._advance()
            if not grouped or self.sign != "|":
                break
            self._advance()
        if grouped:
            if self.sign != ")":
                raise OrderError(f"column {self.column}: only events, with | between them, close {opener}")
            self._advance()
        if self.sign in (*_REPETITION, "..."):
            raise OrderError(f"column {self.column}: put the pair in parentheses: ({opener} ... {closers[-1]})*")
        return Pair(opener, tuple(closers))

    def _cast(self, event: str, part: str, column: int) -> None:
        """Each event plays one part in an order, so that an event of a run can be read without looking ahead."""
        known, where = self._parts.setdefault(event, (part, column))
        if known != part:
            raise OrderError(f"column {column}: {event} {part} here and {known} at column {where}")
