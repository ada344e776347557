"""Use of an application whose classes are configured: every role of targets, where no library is involved."""

from __future__ import annotations

import asyncio
from typing import Any

from uses import as_user, async_outcome, outcome, use

__all__: list[str] = []


class Engine:
    """Serves one user."""

    def __init__(self, user_id: str) -> None:
        if not user_id:
            raise ValueError("for whom?")
        self.user_id = user_id

    @classmethod
    def make(cls, user_id: str) -> Engine:
        return cls(user_id)

    def ask(self, word: str) -> str:
        if word == "break":
            raise LookupError(word)
        return f"{self.user_id}: {word}"

    def close(self, ready: bool = True) -> None:
        if not ready:
            raise RuntimeError("not yet")


class OldEngine(Engine):
    """Is to be replaced."""


def open_engine(user_id: str) -> Engine:
    return Engine.make(user_id)


def whose(user: str) -> dict[str, str]:
    return {"username": user}


class Hub:
    """Rooms, and what is sent to them."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[str]] = {}

    def join(self, room: str, user: str) -> None:
        self.rooms.setdefault(room, []).append(user)

    def leave(self, room: str, user: str) -> None:
        self.rooms[room].remove(user)

    def emit(self, run_id: str, event: str, data: Any, to: Any) -> Any:
        if event == "broken":
            raise ConnectionError(event)
        return [event, data, to]

    async def work(self, user_id: str, run_id: str, engine: Engine) -> Any:
        sent = [self.emit(run_id, event, f"for {user_id}", user_id) for event in ("started", "thinking")]
        sent.append(self.emit(run_id, "thinking", f"by {user_id}", list(self.rooms.get("lobby", ()))))
        sent.append(outcome(self.emit, run_id, "broken", {}, user_id))
        sent.append(self.emit(run_id, "done", f"for {user_id}", user_id))
        await asyncio.sleep(0)
        if user_id == "carol":
            raise LookupError(user_id)
        return [sent, engine.ask("hello"), outcome(engine.ask, "break")]


@use("targets")
def targets() -> Any:
    class Late(Engine):
        def shout(self) -> str:
            return self.user_id.upper()

    class Broken(Engine):
        def __init_subclass__(cls) -> None:
            raise TypeError("no more of them")

    hub = Hub()

    async def visit(user: str) -> Any:
        engine = Engine.make(user)
        hub.join("lobby", user)
        got = [await async_outcome(hub.work(user, f"run-{user}", engine)), OldEngine(user).ask("hello")]
        hub.leave("lobby", user)
        return [*got, engine.close(), outcome(engine.close, ready=False)]

    got = [as_user(user, asyncio.run, visit(user)) for user in ("alice", "bob", "carol")]
    refused = [
        outcome(Engine, ""),
        outcome(Engine.make, ""),
        outcome(type, "More", (Broken,), {}),
        outcome(OldEngine, ""),
        outcome(open_engine, ""),
        whose("alice"),
        as_user("alice", open_engine, "alice").user_id,
        len({Hub().emit("r", "done", 1, "alice")[0], "done"}),
    ]
    return [got, refused, as_user("alice", Late("bob").shout), hub.rooms]


targets.config = {  # type: ignore[attr-defined]
    "engines": [
        {
            "target": f"{__name__}:Engine",
            "owner": "self.user_id",
            "constructors": ["make"],
            "cleanup": ["close"],
            "methods": ["ask", "shout"],
            "exclude": [f"{__name__}:OldEngine"],
        }
    ],
    "deprecations": [{"target": f"{__name__}:OldEngine", "replacement": f"{__name__}:Engine"}],
    "factories": [{"target": f"{__name__}:open_engine", "builds": f"{__name__}:Engine", "canonical": True}],
    "singletons": [{"target": f"{__name__}:Hub"}],
    "rooms": {
        "room": {
            "join": f"{__name__}:Hub.join",
            "leave": f"{__name__}:Hub.leave",
            "room": "args.room",
            "member": "args.user",
        }
    },
    "emitters": [
        {
            "target": f"{__name__}:Hub",
            "methods": {"emit": "args.event"},
            "addressee": "args.to",
            "payload": "args.data",
            "run": "args.run_id",
        }
    ],
    "users": [{"target": f"{__name__}:whose"}],
    "scopes": [{"target": f"{__name__}:Hub.work", "user": "args.user_id"}],
    "protocols": {"agent": {"key": "run_id", "order": "started thinking* done"}},
}
