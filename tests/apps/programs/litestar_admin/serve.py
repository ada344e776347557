"""admin-litestar, a panel for databases, on a database of projects; passwords, trail and cache are its host's."""

import sys
from pathlib import Path

import uvicorn
from admin_litestar import Admin, AdminConfig, ModelSpec, constants, hash_password, verify_password
from litestar import Litestar
from litestar.stores.file import FileStore
from sqlalchemy import ForeignKey, create_engine, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"


class Base(DeclarativeBase):
    """The database's tables."""


class Person(Base):
    """Who may log in."""

    __tablename__ = "people"
    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]
    email: Mapped[str]
    password: Mapped[str]


class Project(Base):
    """What they administer."""

    __tablename__ = "projects"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    note: Mapped[str]
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))


class Trail(Base):
    """Who has done what."""

    __tablename__ = "trail"
    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]


class Passwords:
    """Who may enter."""

    async def authenticate(self, session, username, password):
        person = await session.scalar(select(Person).where(Person.username == username))
        return person if person is not None and verify_password(password, person.password) else None

    def identity_of(self, user):
        return user.username

    async def is_valid(self, session, actor_id):
        return await session.scalar(select(Person).where(Person.username == actor_id)) is not None


class Audit:
    """The trail that the panel writes."""

    async def write(self, session, actor_id, action, *, subject=None, subject_pk=None, request=None, extra=None):
        session.add(Trail(actor=str(actor_id), action=action, subject=f"{subject} {subject_pk}"))


class Cache:
    """What the panel remembers for some seconds."""

    def __init__(self):
        self._held = {}

    async def get(self, key):
        return self._held.get(key)

    async def set(self, key, value, ttl):
        self._held[key] = value

    async def delete(self, key):
        self._held.pop(key, None)


def spec(model, label, columns, *, may=frozenset({constants.LIST, constants.DETAIL})):
    """A model as the panel shows it."""
    listed = {"list_columns": columns, "detail_columns": columns, "order_by": "id", "searchable": columns[1:2]}
    return ModelSpec(model=model, slug=label, label=label.title(), group="Work", capabilities=may, **listed)


def application():
    """The panel, and nothing else."""
    cache = Cache()
    admin = Admin(
        config=AdminConfig(path="/admin", secure_cookies=False),
        specs=[
            spec(Project, "project", ("id", "title", "note"), may=constants.CAPABILITIES),
            spec(Person, "person", ("id", "username", "email")),
            spec(Trail, "trail", ("id", "actor", "action", "subject")),
        ],
        auth=Passwords(),
        audit=Audit(),
        cache=lambda request: cache,
        session_factory=async_sessionmaker(create_async_engine("sqlite+aiosqlite:///data.sqlite3")),
        csrf_secret="x" * 32,
    )
    return Litestar(
        route_handlers=[admin.router()],
        template_config=admin.template_config(),
        middleware=[admin.session_config(FileStore(Path("sessions"), create_directories=True)).middleware],
    )


def prepare():
    """The database."""
    engine = create_engine("sqlite:///data.sqlite3")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for number, user in enumerate(USERS, 1):
            session.add(Person(id=number, username=user, email=f"{user}@example.org", password=hash_password(PASSWORD)))
            session.add(Project(title=f"greenhouse {number}", note=f"planned by {user}", owner_id=number))
        session.commit()
    engine.dispose()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        uvicorn.run(application(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
