"""Connections and sessions that users have one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable

    from isolation_audit.analysis.sql import Statement
    from isolation_audit.instrument.statements.changes import Change
    from isolation_audit.model.gates import Gate


class DatabaseSession:
    """One connection while it is lent: what its statements leave in the session."""

    __slots__ = ()

    @property
    def unsettled(self) -> bool:
        """True where something would be taken back by a rollback."""
        raise NotImplementedError

    def forget(self) -> None:
        """Know nothing any more."""

    def roll_back(self) -> None:
        """Forget what has not been committed."""

    def commit(self) -> None:
        """From now on it lasts."""


class DatabaseSessions:
    """All of them; ``kept`` is what :meth:`kept` or :meth:`lent` has given."""

    __slots__ = ()

    gate: Gate
    """Closed as long as no statement has left anything in any session: until then statements that only read and write
    rows need not be told of, and no end of a transaction."""

    def kept(
        self, connection: Any, connected: Hashable, checkout: object, database: str = ""
    ) -> DatabaseSession | None:
        """What is known of a pool's connection to a database, of which ``connected`` tells whether it is a new one.

        ``checkout`` is held, and stands for the lending out that goes on: another object for each, and none of the
        application's. A weak reference is one: an object has the same one for ever.
        """
        raise NotImplementedError

    def lent(self, connection: Any) -> DatabaseSession | None:
        """What :meth:`kept` gave last for a connection."""
        raise NotImplementedError

    def run(
        self,
        kept: Any,
        statements: tuple[Statement, ...],
        done: list[Change],
        target: str,
        libraries: tuple[str, ...],
    ) -> None:
        """Statements are about to run; tell where it meets what another user's work left at an earlier checkout."""

    def change(self, kept: Any, done: list[Change], libraries: tuple[str, ...], *, lasting: bool) -> None:
        """A statement has succeeded; ``lasting`` where no transaction can take it back."""


class OrmSession:
    """One session of an object-relational mapper."""

    __slots__ = ()

    def keep(self, transaction: Any) -> None:
        """Note what has begun."""


class OrmSessions:
    """All of them; ``holder`` is what :meth:`holder` has given."""

    __slots__ = ()

    def holder(self, session: Any) -> OrmSession | None:
        """What is known of a session; None for one that can't be told from another."""
        raise NotImplementedError

    def use(self, holder: Any, transaction: Any, target: str, libraries: tuple[str, ...], *, changing: bool) -> None:
        """A user's work uses the session in this transaction; tell where another's is in the middle of it."""


class QuestionsAndAnswers:
    """What is asked on a connection, and read; ``exchange`` is what :meth:`exchange` or :meth:`wait` has given."""

    __slots__ = ()

    def exchange(self, connection: Any) -> Any:
        """What is known of a connection; None for one that can't be told from another."""
        raise NotImplementedError

    def ask(self, exchange: Any, target: str) -> None:
        """Something is written; tell where an answer for another user is still to come."""

    def wait(self, connection: Any) -> Any:
        """A reading begins; None where nothing was asked. Whoever asked, and waits, has its answers for itself."""
        raise NotImplementedError

    def answer(self, exchange: Any, data: Any) -> None:
        """A reading is over. No data is no answer: before it lends, a pool may look whether there is any."""

    def fail(self, exchange: Any, error: BaseException) -> None:
        """A reading was broken off."""
