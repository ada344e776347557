"""FastAPI with SQLAlchemy: a list of the user's notes, who is known by a signed token."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - FastAPI reads annotations
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, Response
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session  # noqa: TC002 - the same

from benchmarks.programs.web.notes import Activity, Notes, current_user, sentry, sessions

SECRET = "a secret of thirty-two characters"

sentry()
make_session = sessions()
activity = Activity()
app = FastAPI()


class Shown(BaseModel):
    """A note as it is sent."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    owner: str
    title: str


def session() -> Iterator[Session]:
    """A session for the request."""
    with make_session() as one:
        yield one


async def user(authorization: Annotated[str, Header()]) -> str:
    """Who asks."""
    name: str = jwt.decode(authorization.removeprefix("Bearer "), SECRET, algorithms=["HS256"])["sub"]
    current_user.set(name)
    return name


@app.get("/login")
async def login(user: str, response: Response) -> str:
    """A token."""
    response.headers["x-token"] = jwt.encode({"sub": user}, SECRET, algorithm="HS256")
    return "welcome"


@app.get("/notes")
def notes(who: Annotated[str, Depends(user)], opened: Annotated[Session, Depends(session)]) -> list[Shown]:
    """The user's notes."""
    found = Notes(opened, who).latest()
    activity.emit_viewed(who, len(found))
    return [Shown.model_validate(one) for one in found]
