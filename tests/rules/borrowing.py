"""Work of requests that borrow a connection of SQLAlchemy's pool, and return it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from auditing import Audit
    from sqlalchemy import Connection, Engine

Work = "Callable[[Connection], Any]"


def execute(*statements: str, commit: bool = True, **parameters: Any) -> Work:
    """Work that runs these, and gives the rows of the last one."""

    def work(connection: Connection) -> Any:
        for statement in statements:
            result = connection.execute(text(statement), parameters)
        rows = sorted(result.scalars()) if result.returns_rows else None
        if commit:
            connection.commit()
        return rows

    return work


def request(audit: Audit, engine: Engine, user: str | None, work: Work) -> Any:
    """What one request gives, which borrows a connection and returns it."""

    def run() -> Any:
        with engine.connect() as connection:
            return work(connection)

    return audit.as_user(user, run)
