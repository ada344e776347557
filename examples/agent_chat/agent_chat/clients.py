"""Users with real WebSockets, who notice by themselves when they see what is not theirs.

``python -m agent_chat.clients --url http://127.0.0.1:8000 --users 10 --questions 2``

Every question carries its user's private marker, and every event quotes its question. So each client can tell from
the content alone whether an event is its own, and whether there is something of somebody else's in it. The users act in
lockstep, which makes a load repeatable to the byte if the server's batch size equals the number of users: in every
round they ask one after another, each as soon as the one before has seen its run start; then all runs go on together;
the round is over when no event is missing anywhere. A server that makes mistakes on purpose says itself when a run has
been accepted and how many frames there were about it (see ``faults/assembly.py``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import websockets

from agent_chat.login import connect, log_in
from agent_chat.personas import MARKER, USER_ID, marker_of, name_of, question_of
from agent_chat.results import LoadError, LoadResult, UserResult

if TYPE_CHECKING:
    from collections.abc import Callable

INTERNAL_ERROR = 1011
EVENTS = frozenset({"agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"})


@dataclass(eq=False)
class Client:
    """One user's connection, and the count of what came over it."""

    name: str
    marker: str
    user_id: str = ""
    token: str = ""
    socket: Any = None
    ready: bool = False
    runs: list[str] = field(default_factory=list)
    received: int = 0
    foreign: int = 0
    transcript: list[str] = field(default_factory=list)

    def is_ready(self) -> bool:
        """Return whether the server has taken the connection in."""
        return self.ready

    def has_asked(self, questions: int) -> bool:
        """Return whether so many of the user's questions have led to a run that the user knows of."""
        return len(self.runs) >= questions


@dataclass
class RunCount:
    """How many frames with a run's events have arrived anywhere; its last event, or the server, tells how many come."""

    owner: Client
    arrived: int = 0
    expected: int | None = None
    told_by_server: bool = False


class Load:
    """Some users, a server, and the books about which event arrived where."""

    def __init__(self, url: str, users: int, seed: int, patience: float) -> None:
        self.url = url.rstrip("/")
        self.seed = seed
        self.patience = patience
        self.clients = [Client(name_of(number), marker_of(seed, number)) for number in range(users)]
        self.runs: dict[str, RunCount] = {}
        self.open_runs: set[str] = set()
        self.elsewhere: dict[str, int] = {client.marker: 0 for client in self.clients}
        self._by_marker = {client.marker: client for client in self.clients}
        self._markers: dict[str, str] = {}
        self._stack = AsyncExitStack()
        self._changed = asyncio.Event()
        self._failure: str | None = None
        self.seconds = 0.0

    async def drive(self, questions: int) -> None:
        """Log in, connect, and ask, round by round."""
        accounts = await asyncio.to_thread(log_in, self.url, [client.name for client in self.clients])
        for client, account in zip(self.clients, accounts, strict=True):
            client.user_id, client.token = account
            self._markers[client.user_id] = client.marker
        async with self._stack:
            for client in self.clients:
                await self._connect(client)
            async with asyncio.TaskGroup() as readers:
                tasks = [readers.create_task(self._read(client)) for client in self.clients]
                for client in self.clients:
                    await self._until(client.is_ready, f"{client.name}'s connection to get ready")
                begun = time.perf_counter()
                for number in range(questions):
                    await self._round(number)
                self.seconds = time.perf_counter() - begun
                for task in tasks:
                    task.cancel()

    async def _connect(self, client: Client) -> None:
        client.socket = await self._stack.enter_async_context(connect(self.url, client.token))

    async def _round(self, number: int) -> None:
        for index, client in enumerate(self.clients):
            text = question_of(self.seed, index, number, client.marker)
            await client.socket.send(json.dumps({"type": "ask", "text": text}))
            await self._until(
                partial(client.has_asked, number + 1), f"{client.name}'s agent_started in round {number + 1}"
            )
        await self._until(lambda: not self.open_runs, f"the last events of round {number + 1}")

    async def _read(self, client: Client) -> None:
        try:
            try:
                await self._listen(client)
            except websockets.ConnectionClosedError:
                if client.ready or client.socket.close_code != INTERNAL_ERROR:
                    raise
                await self._connect(client)  # the server broke down before it was ready; it gets a second chance
                await self._listen(client)
            self._failure = f"the server closed {client.name}'s connection"
        except (OSError, websockets.WebSocketException, LoadError) as error:
            self._failure = f"at {client.name}: {error}"
        self._changed.set()

    async def _listen(self, client: Client) -> None:
        async for frame in client.socket:
            self._record(client, frame)
            self._changed.set()

    def _record(self, client: Client, frame: str) -> None:
        client.transcript.append(frame)
        message = json.loads(frame)
        match message["type"]:
            case "connection_ready":
                client.ready = True
            case "error":
                raise LoadError(f"the server reports an error: {frame}")
            case "run_accepted":
                client.runs.append(message["run_id"])
                self._run(message["run_id"], client).told_by_server = True
            case "run_over":
                self._expect(message["run_id"], message["frames"])
            case kind if kind in EVENTS:
                self._record_event(client, frame, message)

    def _record_event(self, client: Client, frame: str, message: dict[str, Any]) -> None:
        client.received += 1
        strangers = self._strangers(client, frame)
        client.foreign += bool(strangers)
        for stranger in strangers & self._by_marker.keys():
            self.elsewhere[stranger] += 1
        owner = self._owner(frame, message)
        run_id = message["run_id"]
        run = self._run(run_id, owner)
        if run.owner is not owner:
            raise LoadError(f"run {run_id} quotes both {run.owner.name} and {owner.name}")
        run.arrived += 1
        if run.told_by_server:
            self._expect(run_id, run.expected)
            return
        if message["type"] == "agent_started" and owner is client:
            client.runs.append(run_id)
        self._expect(run_id, message["seq"] if message["type"] == "agent_completed" else run.expected)

    def _run(self, run_id: str, owner: Client) -> RunCount:
        if run_id not in self.runs:
            self.runs[run_id] = RunCount(owner)
            self.open_runs.add(run_id)
        return self.runs[run_id]

    def _expect(self, run_id: str, frames: int | None) -> None:
        run = self.runs[run_id]
        run.expected = frames
        if frames is not None and run.arrived >= frames:
            self.open_runs.discard(run_id)

    def _owner(self, frame: str, message: dict[str, Any]) -> Client:
        markers = set(MARKER.findall(message["data"].get("question", "")))
        if len(markers) != 1 or not markers <= self._by_marker.keys():
            raise LoadError(f"expected one known marker in the question, found {sorted(markers) or 'none'}: {frame}")
        return self._by_marker[markers.pop()]

    def _strangers(self, client: Client, frame: str) -> set[str]:
        """Return who else is in the frame, by marker or id: as markers, or as ids for users outside of this load."""
        strangers = {self._markers.get(user_id, user_id) for user_id in USER_ID.findall(frame)} - {client.marker}
        markers = set(MARKER.findall(frame)) - {client.marker}
        if not strangers and not markers <= self._by_marker.keys():
            raise LoadError(f"can't tell whose {sorted(markers)} is; start the server afresh for this load: {frame}")
        return strangers | markers

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(self.patience):
                while not condition():
                    if self._failure is not None:
                        raise LoadError(f"{self._failure}, while waiting for {what}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            missing = [f"{run_id} ({self.runs[run_id].arrived} came)" for run_id in sorted(self.open_runs)[:5]]
            raise LoadError(
                f"waited {self.patience:g} s for {what}; unfinished runs: {', '.join(missing) or 'none'}"
            ) from None


async def drive(url: str, users: int, questions: int, seed: int, *, patience: float = 30.0) -> LoadResult:
    """Let ``users`` users ask ``questions`` questions each, and return what they saw.

    Raises:
        LoadError: if an event is still missing after ``patience`` seconds, or the server misbehaves.
    """
    load = Load(url, users, seed, patience)
    try:
        await load.drive(questions)
    except* LoadError as group:
        raise group.exceptions[0] from None
    clients = load.clients
    return LoadResult(
        users=users,
        questions=questions,
        seed=seed,
        events_total=sum(client.received for client in clients),
        foreign_events=sum(client.foreign for client in clients),
        seconds=load.seconds,
        per_user=tuple(
            UserResult(client.user_id, client.marker, client.received, client.foreign, load.elsewhere[client.marker])
            for client in clients
        ),
        transcripts={client.user_id: client.transcript for client in clients},
    )


def main() -> int:
    """Drive a load from the command line."""
    parser = argparse.ArgumentParser(prog="python -m agent_chat.clients", description="Users who ask, over WebSockets.")
    parser.add_argument("--url", required=True, help="such as http://127.0.0.1:8000")
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--questions", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for any one thing")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--transcripts", action="store_true", help="with --json: every frame of every user")
    given = parser.parse_args()
    begun = time.perf_counter()
    try:
        result = asyncio.run(drive(given.url, given.users, given.questions, given.seed, patience=given.timeout))
    except LoadError as error:
        print(f"agent_chat.clients: {error}", file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(result.to_json(transcripts=given.transcripts), indent=2))
    else:
        seconds = time.perf_counter() - begun
        print(f"{result.users} users, {result.events_total} events, {result.foreign_events} foreign, {seconds:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
