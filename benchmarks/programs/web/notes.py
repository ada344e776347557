"""What the applications have in common: notes in a database, who reads one user's, and Sentry where asked."""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path

from sqlalchemy import String, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
USERS = [f"member-{number:03}" for number in range(20)]
ROWS = 15


class Base(DeclarativeBase):
    """The tables."""


class Note(Base):
    """One note of one user."""

    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(String(30), index=True)
    title: Mapped[str] = mapped_column(String(100))


class Notes:
    """One user's notes, for one request."""

    def __init__(self, session: Session, user_id: str) -> None:
        self.session = session
        self.user_id = user_id

    def latest(self) -> list[Note]:
        """The newest ones."""
        found = select(Note).where(Note.owner == self.user_id).order_by(Note.id.desc()).limit(ROWS)
        return list(self.session.scalars(found))


class Activity:
    """Tells of what users do."""

    def emit_viewed(self, user_id: str, count: int) -> tuple[str, int]:
        """Somebody has looked at so many notes."""
        return user_id, count


def sessions() -> sessionmaker[Session]:
    """Sessions on a new database in the folder that the server runs in."""
    path = Path("notes.sqlite")
    path.unlink(missing_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Note(owner=user, title=f"note {n} about the quarter") for user in USERS for n in range(50))
        session.commit()
    return sessionmaker(engine)


def sentry() -> None:
    """Switch Sentry on where the environment says so, as its documentation does."""
    rate = os.environ.get("BENCH_SENTRY_TRACES")
    if rate is not None:
        import sentry_sdk

        sentry_sdk.init(dsn=os.environ["BENCH_SENTRY_DSN"], traces_sample_rate=float(rate) or None)
