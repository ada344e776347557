"""The words of a judgement: where somebody's name in an exit has come from, and what that makes of it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from isolation_audit.foundation.records import dataclass
from isolation_audit.model.rules import Severity

if TYPE_CHECKING:
    from isolation_audit.model.users import User


class Verdict(Enum):
    """The answers, each with how bad it is; None: it is as it should be."""

    EXPLAINED = (None, "it came in with {how}")
    CODE = (None, "it stands in the application's code")
    BESIDE = (None, "it is in no input, and stands beside the user's own, or says who made a record")
    QUERIED = (Severity.NOTE, "it came in with {how}")
    ASKED = (Severity.NOTE, "the request asks by its name for what a request of the other user has written to")
    PUBLIC = (Severity.NOTE, "it was loaded for all: {how}")
    LISTED = (Severity.NOTE, "it stands in the data or the templates of the application's code, and nowhere else")
    WRITTEN = (
        Severity.WARNING,
        "it is in no input; it stands in the data or the templates of the application's code, and its modules hold it",
    )
    SHARED = (
        Severity.WARNING,
        "it is in no input: it came from this process's memory; elsewhere it was read for several other users, too",
    )
    WORDS = (
        Severity.WARNING,
        "its words came in with the other user's own work, and with no input of this unit; nobody is named there",
    )
    KEPT = (
        Severity.WARNING,
        "the process keeps it under the other user's name, and it is in no input of this unit; nobody is named there",
    )
    READ = (
        Severity.WARNING,
        "the other user's work has read it with a question about that user, and no input of this unit has it",
    )
    MISTAKEN = (
        Severity.WARNING,
        "it was asked for with the other user's id, which came from this process's memory; nobody is named there",
    )
    OWNED = (
        Severity.WARNING,
        "it is written under the other user's id, which came from this process's memory; others write their own there",
    )
    CONTINUED = (
        Severity.WARNING,
        "a service keeps the conversation, which the other user's work has begun; its id is in no input of this unit",
    )
    GIVEN = (
        Severity.WARNING,
        "it sets a cookie which the other user was given before, and which has not come in with this request",
    )
    HANDED = (Severity.WARNING, "it is in no input; background work read it meanwhile")
    INCOMPLETE = (Severity.WARNING, "it is in no input that was seen; not seen: {how}")
    OPEN = (
        Severity.WARNING,
        "it is in no input: it came from this process's memory, into an answer for a visitor without a login",
    )
    BEFORE = (
        Severity.WARNING,
        "it is in no input; beside the user's own stands, each time, whoever was answered before, and nobody else",
    )
    FRAMED = (
        Severity.WARNING,
        "it is in no input: it came from this process's memory, into a page that names the user",
    )
    TAKEN = (
        Severity.WARNING,
        "the other user's work has put it into a queue at which both wait, and this one was first; it names nobody",
    )
    MISDIRECTED = (
        Severity.ERROR,
        "it came from a queue at which the work of several users waits, each for its own: whoever was first has got it",
    )
    LAUNDERED = (
        Severity.ERROR,
        "it was asked for with an id that came in nowhere: that came from this process's memory",
    )
    MEMORY = (Severity.ERROR, "it is in no input: it came from this process's memory")

    def __init__(self, severity: Severity | None, words: str) -> None:
        self.severity = severity
        self.words = words


ORDER = (*Verdict,)
"""The worst last."""

OUT_OF_MEMORY: Final = frozenset(
    {
        *(Verdict.WRITTEN, Verdict.SHARED, Verdict.WORDS, Verdict.KEPT, Verdict.READ, Verdict.INCOMPLETE),
        *(Verdict.OPEN, Verdict.BEFORE, Verdict.FRAMED, Verdict.MEMORY),
    }
)
"""What the process has kept of another user's, and no input of the unit has brought."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of one other user whom an exit names."""

    verdict: Verdict
    content: User
    how: str = ""
    looked_at: str = ""
    counts: tuple[tuple[str, int], ...] = ()
    """Kinds of inputs that were looked at, and how many."""

    @property
    def why(self) -> str:
        """The verdict in words."""
        return self.verdict.words.format(how=self.how)

    @property
    def words(self) -> str:
        """The same, and which inputs were looked at."""
        return f"{self.why}; inputs: {self.looked_at}" if self.looked_at else self.why
