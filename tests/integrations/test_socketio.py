"""Socket.IO on a real uvicorn, with real clients: who receives what, and what is let pass."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from contextlib import AsyncExitStack
from typing import Any

import pytest
from servers import line_of, serving

from isolation_audit import Auditor, canary, system_scope, user_scope
from isolation_audit.config import Config, parse_config
from isolation_audit.instrument.work.session_users import SessionUsers
from isolation_audit.rules.crossing.delivery import Addressees

socketio = pytest.importorskip("socketio")

current_user: contextvars.ContextVar[str | None] = contextvars.ContextVar("current_user", default=None)
CONFIG = {"ambient": {"contextvar": f"{__name__}:current_user"}}
USERS = [f"guest-{number:02}" for number in range(10)]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")


class Chat:
    """A server whose clients log in with their name and ask; ``answer`` is what the handler does."""

    def __init__(self, answer: Any, *, session: str | None = "user", login: bool = True) -> None:
        self.server = socketio.AsyncServer(async_mode="asgi")
        self.sids: dict[str, str] = {}
        self.answer = answer

        @self.server.event
        async def connect(sid: str, _environ: Any, auth: dict[str, str]) -> None:
            self.sids[auth["user"]] = sid
            if login:
                current_user.set(auth["user"])
            if session is not None:
                await self.server.save_session(sid, {session: auth["user"], "name": "Somebody"})

        @self.server.event
        async def ask(sid: str, user: str) -> str:
            current_user.set(user)
            await answer(self, sid, user)
            return "done"

    def scenario(self, users: list[str] = USERS, asking: int = 1) -> Any:
        async def run() -> dict[str, list[Any]]:
            inbox: dict[str, list[Any]] = {user: [] for user in users}
            async with AsyncExitStack() as stack:
                url = await stack.enter_async_context(serving(socketio.ASGIApp(self.server)))
                clients = []
                for user in users:
                    client = socketio.AsyncClient()
                    client.on("*", lambda _event, data, user=user: inbox[user].append(data))
                    await client.connect(url.replace("ws", "http", 1), auth={"user": user}, transports=["websocket"])
                    stack.push_async_callback(client.disconnect)
                    clients.append(client)
                await asyncio.gather(*(clients[n].call("ask", users[n], timeout=60) for n in range(asking)))
                await asyncio.sleep(0.05)
            return inbox

        return run


async def enter(server: Any, sid: str, room: str, *, leave: bool = False) -> None:
    """Before 5.9 these were no coroutines."""
    done = (server.leave_room if leave else server.enter_room)(sid, room)
    if inspect.isawaitable(done):
        await done


def config(**tables: Any) -> Config:
    return parse_config({**CONFIG, **tables})


def labels(done: Any, finding: Any) -> dict[str, str]:
    label = done.auditor.pseudonyms.text
    names = {label(user): user for user in USERS}
    return {witness: names.get(text, text) for witness, text in finding.witnesses.as_dict().items() if text}


# One user's data reaches others


def test_an_addressee_that_is_none_means_everyone(audited) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        await chat.server.emit("answer", f"the answer for {user}: 42", to=chat.sids.get(user.upper()))  # lost

    done = audited(Chat(answer, login=False).scenario(), config())
    assert all(inbox == ["the answer for guest-00: 42"] for inbox in done.result.values())
    assert set(done.findings) == {"IA205"}
    (finding,) = done.findings["IA205"]
    assert labels(done, finding) == {"ambient": "guest-00", "content": "guest-00", "addressee": "guest-01"}
    assert finding.event == "answer"
    assert (finding.site.top.file, finding.site.top.line) == (
        __file__,
        line_of(test_an_addressee_that_is_none_means_everyone, "# lost"),
    )
    assert not any(user in str(finding) for user in USERS)


def test_each_way_to_write_the_addressee(audited) -> None:
    class Namespace(socketio.AsyncNamespace):
        async def on_connect(self, sid: str, _environ: Any, auth: Any) -> None:
            await self.save_session(sid, {"user": auth["user"]})

        async def on_ask(self, _sid: str, user: str) -> str:
            current_user.set(user)
            nobody = None
            await self.emit("answer", f"the answer for {user}: 1", room=nobody)
            await self.emit("answer", f"the answer for {user}: 2", nobody)
            await self.send(f"the answer for {user}: 3", to=nobody)
            emitting = self.server.emit("answer", {"user": user, "balance": 4}, to=nobody)
            await emitting
            return "done"

    chat = Chat(None)
    chat.server.namespace_handlers.clear()
    chat.server.handlers.clear()
    chat.server.register_namespace(Namespace("/"))
    done = audited(chat.scenario(USERS[:2]), config())
    assert len(done.result["guest-01"]) == 4
    assert set(done.findings) == {"IA205"}
    assert done.counts["IA205"] == 4


def test_the_sid_of_somebody_else(audited) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        other = USERS[(USERS.index(user) + 1) % len(USERS)]
        await chat.server.emit("answer", {"user": user, "answer": 42}, to=chat.sids[other])  # swapped

    done = audited(Chat(answer).scenario(asking=10), config())
    assert done.counts == {"IA202": 10}
    (finding, *_others) = done.findings["IA202"]
    seen = labels(done, finding)
    assert seen["ambient"] == seen["content"] != seen["addressee"]
    assert finding.site.top.line == line_of(test_the_sid_of_somebody_else, "# swapped")
    assert done.auditor.runtime.tally.crossings == 10


def test_an_emit_that_another_tool_has_wrapped(audited, monkeypatch) -> None:
    """Which has no parameters of its own by these names, and is not passed all of them."""
    emit = socketio.AsyncServer.emit

    @functools.wraps(emit)
    async def traced(*args: Any, **kwargs: Any) -> Any:
        return await emit(*args, **kwargs)

    async def answer(chat: Chat, sid: str, user: str) -> None:
        await chat.server.emit("answer")
        await chat.server.emit("answer", {"user": user, "answer": 1}, sid)
        await chat.server.emit("answer", {"user": user, "answer": 42}, to=chat.sids["guest-01"])

    monkeypatch.setattr(socketio.AsyncServer, "emit", traced)
    done = audited(Chat(answer).scenario(USERS[:2]), config())
    assert done.result["guest-01"][-1] == {"user": "guest-00", "answer": 42}
    assert done.counts == {"IA202": 1}


def test_a_room_that_can_t_be_one_is_the_application_s_mistake(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        with pytest.raises(TypeError, match="unhashable"):
            await chat.server.emit("answer", f"the answer for {user}", to=[["lobby"]])

    assert audited(Chat(answer).scenario(USERS[:2]), config()).findings == {}


def test_a_room_of_one_user_is_that_user(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        await enter(chat.server, chat.sids["guest-01"], "run-7")
        await chat.server.emit("answer", f"the answer for {user}", room="run-7")

    done = audited(Chat(answer).scenario(), config())
    assert set(done.findings) == {"IA202"}
    assert labels(done, done.findings["IA202"][0])["addressee"] == "guest-01"


def test_somebody_else_is_in_a_users_own_room(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        await enter(chat.server, sid, f"private-{user}")
        await enter(chat.server, chat.sids["guest-05"], f"private-{user}")
        await chat.server.emit("answer", f"the answer for {user}", room=f"private-{user}")

    done = audited(Chat(answer).scenario(), config())
    (finding,) = done.findings["IA202"]
    assert labels(done, finding) == {"ambient": "guest-00", "content": "guest-00", "addressee": "guest-05"}
    allowed = audited(Chat(answer).scenario(), config(addressees={"shared": ["private-*"]}))
    assert allowed.findings == {}


def test_a_secret_may_not_be_told_to_all_in_any_form(audited) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        await chat.server.emit("status", {"from": user, "note": canary(user)})

    done = audited(Chat(answer).scenario(), config())
    assert set(done.findings) == {"IA205"}


def test_a_secret_may_not_be_told_in_a_room_either(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        await enter(chat.server, sid, "lobby")
        await chat.server.emit("chat", {"from": user, "note": canary(user)}, room="lobby")
        await enter(chat.server, chat.sids["guest-05"], "lobby")
        await chat.server.emit("chat", {"from": user, "note": canary(user)}, room="lobby")

    done = audited(Chat(answer).scenario(), config(addressees={"public": ["*t"]}))
    assert done.counts == {"IA202": 1}


def test_the_user_is_told_by_the_session_alone(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        current_user.set(None)
        await chat.server.emit("answer", f"the answer for {user}", to=chat.sids["guest-01"])

    done = audited(Chat(answer, login=False).scenario(), Config())
    assert set(done.findings) == {"IA202"}
    assert labels(done, done.findings["IA202"][0])["addressee"] == "guest-01"


def test_servers_for_threads_as_well(audited) -> None:
    server = socketio.Server(async_mode="threading", async_handlers=False)
    sids: dict[str, str] = {}

    @server.event
    def connect(sid: str, _environ: Any) -> None:
        pass

    @server.event
    def hello(sid: str, user: str) -> None:
        sids[user] = sid
        with user_scope(user):
            server.enter_room(sid, "lobby")

    @server.event
    def ask(sid: str, user: str) -> None:
        with user_scope(user):
            server.emit("answer", f"the answer for {user}", to=sids.get("nobody"))
            server.emit("answer", f"the answer for {user}", to=sids.get(user))
            server.emit("note", f"{user}: hello", room="lobby")

    async def scenario() -> None:
        for user in USERS[:2]:
            server._handle_eio_connect(user, {})
            server._handle_eio_message(user, "0")
            server._handle_eio_message(user, f'2["hello","{user}"]')
        server._handle_eio_message("guest-00", '2["ask","guest-00"]')

    done = audited(scenario)
    assert done.counts == {"IA205": 1}


# Twins that are fine: the list in docs/reference/silent.md, in its order


async def no_name(chat: Chat, _sid: str, _user: str) -> None:
    await chat.server.emit("news", "maintenance at five", to=None)


async def own_answer(chat: Chat, sid: str, user: str) -> None:
    await chat.server.emit("answer", f"the answer for {user}", to=sid)
    await chat.server.emit("answer", f"the answer for {user}", to=chat.sids[user])


async def who_speaks(chat: Chat, _sid: str, user: str) -> None:
    nobody = None
    await chat.server.emit("chat", {"from": user, "text": "hello"})
    await chat.server.emit("chat", f"{user}: hello", to=nobody)
    await chat.server.emit("chat", {"from": user, "text": "hello"}, to=chat.sids["guest-09"])


async def of_whom_it_tells(chat: Chat, sid: str, user: str) -> None:
    await chat.server.emit("presence", {"user": user, "online": True})
    await chat.server.emit("presence", f"{user} joined", skip_sid=sid)


async def to_one_who_is_named(chat: Chat, _sid: str, user: str) -> None:
    await chat.server.emit("gift", f"for guest-09, courtesy of {user}", to=chat.sids["guest-09"])


async def several_users(chat: Chat, _sid: str, user: str) -> None:
    await chat.server.emit("scores", {user: 5, "guest-01": 4}, to=None)


async def group_chat(chat: Chat, sid: str, user: str) -> None:
    for member in chat.sids.values():
        await enter(chat.server, member, "lobby")
    await chat.server.emit("chat", {"user": user, "text": "hello"}, room="lobby")
    await enter(chat.server, sid, "lobby", leave=True)
    await chat.server.emit("ticket", f"the ticket of {user} is closed", room="lobby")


async def a_round(chat: Chat, _sid: str, user: str) -> None:
    for member in chat.sids.values():
        await chat.server.emit("chat", {"user": user, "text": f"{user} was here"}, to=member)
    for member in list(chat.sids.values())[1:]:
        await chat.server.emit("moved", {"user": user, "x": 5}, to=member)


async def the_systems_own(chat: Chat, _sid: str, user: str) -> None:
    with system_scope():
        await chat.server.emit("audit", f"the answer for {user}", to=None)


async def nobodys_announcement(chat: Chat, _sid: str, user: str) -> None:
    announcing = chat.server.emit("winner", f"the winner is {user}")
    await asyncio.create_task(announcing, context=contextvars.Context())


@pytest.mark.parametrize(
    "answer",
    [
        no_name,
        own_answer,
        who_speaks,
        of_whom_it_tells,
        to_one_who_is_named,
        several_users,
        group_chat,
        a_round,
        the_systems_own,
        nobodys_announcement,
    ],
)
def test_what_is_silent_on_purpose(audited, answer) -> None:
    done = audited(Chat(answer).scenario(), config())
    assert any(done.result.values()), "it was sent"
    assert done.findings == {}


def test_a_broadcast_on_purpose_that_names_its_user_is_a_note(audited) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        await chat.server.emit("answer", f"the answer for {user}")

    done = audited(Chat(answer).scenario(), config())
    assert set(done.findings) == {"IA208"}
    assert done.auditor.runtime.tally.crossings == 0
    public = audited(Chat(answer).scenario(), config(addressees={"public": ["ans*"]}))
    assert public.findings == {}


def test_sessions_that_hold_another_kind_of_name_are_not_believed(audited) -> None:
    async def answer(chat: Chat, sid: str, user: str) -> None:
        await chat.server.save_session(sid, {"username": f"the one and only {user}"})
        await chat.server.emit("answer", f"the answer for {user}", to=sid)
        await chat.server.emit("answer", f"the answer for {user}", to=chat.sids["guest-09"])

    done = audited(Chat(answer, session="username", login=False).scenario(asking=3), config())
    # Nobody has run in the handlers of guest-09, and what the session says is no user id here: unknown.
    assert done.findings == {}


def test_switched_off_it_patches_nothing(audited) -> None:
    before = socketio.AsyncServer.emit.__code__
    codes = []

    async def answer(chat: Chat, _sid: str, user: str) -> None:
        codes.append(socketio.AsyncServer.emit.__code__)
        await chat.server.emit("answer", f"the answer for {user}", to=None)

    done = audited(Chat(answer).scenario(USERS[:2]), config(watch={"addressees": False}))
    assert done.findings == {}
    assert codes == [before]


def test_what_is_known_of_a_client_goes_with_it(audited) -> None:
    async def answer(chat: Chat, _sid: str, user: str) -> None:
        await chat.server.emit("answer", "hello", to=None)

    done = audited(Chat(answer).scenario(), config())
    holders = done.auditor.runtime.part(SessionUsers)
    assert holders._users == {}
    assert holders._said == {}


@pytest.mark.parametrize("place", ["one", "everyone", "room", "_marks"])
def test_faults_in_it_change_nothing_for_the_application(monkeypatch, place) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise RuntimeError("planted")

    async def answer(chat: Chat, sid: str, user: str) -> None:
        for member in USERS:
            await chat.server.emit("answer", f"the answer for {user}", to=chat.sids[member])
        await enter(chat.server, sid, f"private-{user}")
        await enter(chat.server, chat.sids["guest-05"], f"private-{user}")
        await chat.server.emit("answer", f"the answer for {user}", room=f"private-{user}")
        await chat.server.emit("answer", f"the answer for {user}", to=None)

    bare = asyncio.run(Chat(answer).scenario(USERS, asking=10)())
    monkeypatch.setattr(Addressees, place, broken)
    with Auditor(config()) as auditor:
        audited = asyncio.run(Chat(answer).scenario(USERS, asking=10)())
    assert auditor.runtime.barrier.total >= 10
    assert {user: sorted(inbox) for user, inbox in audited.items()} == {user: sorted(box) for user, box in bare.items()}
