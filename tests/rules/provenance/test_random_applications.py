"""Random visits to a little application with stores, queries, caches, files, streams and hand-overs.

By construction it is known of every answer whether what it says of others has come in with its request. No error may be
told of one where it has; of those where it has not, most are told of, and the share is printed for each class.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cachelib import SimpleCache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from pathlib import Path

USERS = ("alice.liddell", "bob.builder", "carol.kane")
FIELDS = ("owner", "assigned_to", "email", "who")
EXITS = ("json", "events", "parts", "socket")
CLEAN = ("rows", "own_entry", "request", "item", "file", "own_memory", "rows_of_another", "own_words", "told_words")
LEAKS = ("memory", "everybodys_entry", "object", "laundered", "words")

Visit = tuple[str, str, str, str]
"""Who, what is read, how it leaves, and in which field."""

visits = st.lists(
    st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(("write", *CLEAN, *LEAKS)),
        st.sampled_from(EXITS),
        st.sampled_from(FIELDS),
    ),
    min_size=4,
    max_size=14,
)


class Application:
    """Its stores; each way to read gives whom the answer names, and whether that came in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE notes (who text)")
        self.words: dict[str, str] = {}
        self.last_words = ("", "")
        self.boxes_of_words = {user: asyncio.Queue[str]() for user in USERS}
        self.cache, self.last, self.by_user = SimpleCache(), {"user": ""}, {}
        self.holder = type("Holder", (), {})()
        self.boxes = {user: asyncio.Queue[str]() for user in USERS}
        self.expected: list[tuple[str, str, str]] = []
        """Who was given whose, and by which leak."""
        routes = [Route("/{exit}/{way}/{field}", self.answer), WebSocketRoute("/socket/{way}/{field}", self.socket)]
        self.app = Starlette(routes=routes)

    async def write(self, user: str, query: Any) -> str:
        self.words[user] = query["say"]
        self.last_words = (user, query["say"])
        for box in self.boxes_of_words.values():
            box.put_nowait(query["say"])
        self.db.execute("INSERT INTO notes VALUES (?)", [user])
        self.last["user"] = user
        self.by_user[user] = user
        self.holder.user = user
        self.cache.set("last", user)
        self.cache.set(f"of {user}", user)
        for box in self.boxes.values():
            box.put_nowait(user)
        (self.folder / "note.txt").write_text(user)
        return ""

    async def rows(self, _user: str, _query: Any) -> Any:
        return [who for (who,) in self.db.execute("SELECT who FROM notes").fetchall()]

    async def rows_of_another(self, _user: str, query: Any) -> Any:
        asked = "SELECT who FROM notes WHERE who = ?"
        return [who for (who,) in self.db.execute(asked, [query["to"]]).fetchall()]

    async def own_entry(self, user: str, _query: Any) -> Any:
        return self.cache.get(f"of {user}")

    async def request(self, _user: str, query: Any) -> Any:
        return query["to"]

    async def item(self, user: str, _query: Any) -> Any:
        return None if self.boxes[user].empty() else await self.boxes[user].get()

    async def file(self, _user: str, _query: Any) -> Any:
        path = self.folder / "note.txt"
        return path.read_text() if path.exists() else None

    async def own_memory(self, user: str, _query: Any) -> Any:
        return self.by_user.get(user)

    async def own_words(self, user: str, _query: Any) -> Any:
        return self.words.get(user)

    async def told_words(self, user: str, _query: Any) -> Any:
        box = self.boxes_of_words[user]
        return None if box.empty() else await box.get()

    async def words_of_anybody(self, user: str, _query: Any) -> Any:
        other, words = self.last_words
        self.leaks(user, other, "words")
        return words

    async def memory(self, user: str, _query: Any) -> Any:
        return self.leaks(user, self.last["user"], "memory")

    async def object(self, user: str, _query: Any) -> Any:
        return self.leaks(user, getattr(self.holder, "user", ""), "object")

    async def everybodys_entry(self, user: str, _query: Any) -> Any:
        return self.leaks(user, self.cache.get("last") or "", "everybodys_entry")

    async def laundered(self, user: str, _query: Any) -> Any:
        other = self.leaks(user, self.last["user"], "laundered")
        return [who for (who,) in self.db.execute("SELECT who FROM notes WHERE who = ?", [other]).fetchall()]

    def leaks(self, user: str, other: str, way: str) -> str:
        if other and other != user:
            self.expected.append((user, other, way))
        return other

    async def read(self, asked: Any) -> str:
        way, field = asked.path_params["way"], asked.path_params["field"]
        found = await getattr(self, "words_of_anybody" if way == "words" else way)(
            asked.headers["x-user"], asked.query_params
        )
        return json.dumps({"title": "plan", field: found})

    async def answer(self, request: Any) -> Response:
        text, way = await self.read(request), request.path_params["exit"]
        if way == "json":
            return JSONResponse(json.loads(text))
        parts = [f"data: {text[:11]}", f"{text[11:]}\n\n"] if way == "events" else [text[:9], text[9:]]
        return StreamingResponse(iter(parts), media_type="text/event-stream" if way == "events" else "application/json")

    async def socket(self, socket: Any) -> None:
        await socket.accept()
        await socket.send_text(await self.read(socket))
        await socket.close()


async def visit(app: Any, user: str, way: str, leaving: str, field: str, to: str, say: str) -> None:
    headers = [(b"x-user", user.encode()), (b"host", b"localhost")]
    path = f"/{leaving}/{way}/{field}"
    scope = {"path": path, "raw_path": path.encode(), "query_string": f"to={to}&say={say}".encode(), "headers": headers}
    scope |= {"type": "websocket" if leaving == "socket" else "http", "method": "GET", "root_path": ""}
    waiting = [{"type": "websocket.connect"}] if leaving == "socket" else [{"type": "http.request", "body": b""}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop()

    async def send(_message: Any) -> None:
        pass

    await app(scope, receive, send)


def run(folder: Path, visited: list[Visit]) -> tuple[list[tuple[str, str, str]], set[tuple[str, str]]]:
    """What leaks by construction, and which pairs of users were told of as errors or warnings."""
    site = Application(folder)
    (folder / "note.txt").unlink(missing_ok=True)

    async def main() -> None:
        for user in USERS:
            await asyncio.create_task(
                visit(site.app, user, "write", "json", "owner", user, f"first+plan+of+{USERS.index(user)}")
            )
        for place, (user, way, leaving, field) in enumerate(visited):
            to = USERS[place % len(USERS)] if way in {"request", "rows_of_another"} else ""
            say = f"plan+{place}+for+the+garden" if way == "write" else ""
            await asyncio.create_task(visit(site.app, user, way, leaving, field, to, say))

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        asyncio.run(main())
        found = [entry.finding for entry in auditor.recorder.entries()]
        pairs = {pair for entry in auditor.recorder.entries() if _is_alarm(entry.finding) for pair in entry.pairs}
    site.db.close()
    assert auditor.runtime.barrier.counts == {}
    assert {one.rule for one in found if _is_alarm(one)} <= {"IA203", "IA404"}
    return site.expected, pairs


def _is_alarm(finding: Any) -> bool:
    return finding.severity.value != "note" and not finding.rule.startswith("IA9")


def explore(folder: Path, examples: int) -> tuple[Counter[str], Counter[str]]:
    """So many random applications: leaks, and those that were told of, by class."""
    leaked: Counter[str] = Counter()
    told: Counter[str] = Counter()

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(visits)
    def each(visited: list[Visit]) -> None:
        expected, pairs = run(folder, visited)
        false = pairs - {(reader, other) for reader, other, _way in expected}
        assert not false, "what has come in is no leak"
        for reader, other, way in set(expected):
            leaked[way] += 1
            told[way] += (reader, other) in pairs

    each()
    return leaked, told


def _show(leaked: Counter[str], told: Counter[str]) -> None:
    for way in LEAKS:
        if leaked[way]:
            print(f"{way:18}{told[way]:6,} of {leaked[way]:6,} told of: {told[way] / leaked[way]:.0%}")


@pytest.mark.filterwarnings("ignore")
def test_random_applications(tmp_path) -> None:
    leaked, told = explore(tmp_path, 25)
    _show(leaked, told)
    assert told.total() > leaked.total() / 2


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore")
def test_ten_thousand_random_applications(tmp_path) -> None:
    leaked, told = explore(tmp_path, 10_000)
    _show(leaked, told)
    assert told.total() > leaked.total() / 2
