"""What has reached somebody, and what waits to be told of: the records of :mod:`.delivery`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.phrases import Phrase
    from isolation_audit.vocabulary.messages import Message


@dataclass(slots=True, eq=False, repr=False)
class Reached:
    """Data of ``content`` reached ``addressee``.

    ``to`` is "one", "all" (no addressee was left), "answer", "told", "heard", "displaced", "handed", or "joined".

    "answer" is what a language model has answered the sender, who is not sent it; "told" is a message to everyone on
    purpose, in which a user is named; "heard" was given to a listener, and ``record`` says where that was registered;
    "displaced": by a connection that has taken another's place; "handed": by a callback of the addressee's; "joined":
    by a room that is named for ``content``, and in which both are.
    """

    message: Message
    to: str
    ambient: User | None
    content: User
    addressee: User
    stack: RawStack
    record: Record | None = None


@dataclass(slots=True, eq=False, repr=False)
class Waiting:
    since: float
    reached: Reached
    test: Any
    answer: Sequence[Phrase] = ()
    """What a language model has answered the sender: nothing is to be told once that user is given it as well."""
    view: CodeType | None = None
    """What has sent that, where the sender was never sent anything: see :mod:`.answered_there`."""


@dataclass(slots=True, eq=False, repr=False)
class Sent:
    """A text that somebody's work has sent to others."""

    at: float
    version: int = -1
    """What was searched for..."""
    harmless: bool = False
    """...where nothing is to be told of it, whoever receives it."""
    answer: Sequence[Phrase] = ()
    """What a language model has answered the sender in it."""
    piece: bool = False
    """Maybe a word of that."""
