"""Django Channels on a real uvicorn: groups and channels, and who receives what is sent to them."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
import websockets
from servers import line_of, serving

from isolation_audit.config import parse_config
from isolation_audit.integrations.channels import Groups

pytest.importorskip("websockets.asyncio", reason="the clients of these tests are those of websockets 13.0 and later")
layers = pytest.importorskip("channels.layers")

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from django.conf import settings  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

current_user: contextvars.ContextVar[str | None] = contextvars.ContextVar("current_user", default=None)
USERS = [f"guest-{number:02}" for number in range(10)]


@pytest.fixture(autouse=True)
def layer(monkeypatch):
    if not settings.configured:
        settings.configure()
    made = layers.InMemoryChannelLayer()
    monkeypatch.setattr(layers.channel_layers, "backends", {"default": made})
    return made


def config(**tables: Any) -> Any:
    return parse_config({"ambient": {"contextvar": f"{__name__}:current_user"}, **tables})


def chatting(groups: Any, answer: Any) -> Any:
    """Ten users connect; each is in ``groups(user)``; the first one asks, and ``answer(consumer, user)`` runs."""

    class Chat(AsyncWebsocketConsumer):
        async def connect(self) -> None:
            self.user = self.scope["path"].strip("/")
            current_user.set(self.user)
            for group in groups(self.user):
                await self.channel_layer.group_add(group, self.channel_name)
            CHANNELS[self.user] = self.channel_name
            await self.accept()

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await answer(self, self.user)

        async def chat(self, event: Any) -> None:
            await self.send(text_data=event["text"])

        async def disconnect(self, _code: int) -> None:
            for group in groups(self.user):
                await self.channel_layer.group_discard(group, self.channel_name)

    async def run() -> dict[str, list[str]]:
        inbox: dict[str, list[str]] = {user: [] for user in USERS}
        async with serving(Chat.as_asgi()) as url:
            clients = [await websockets.connect(f"{url}/{user}") for user in USERS]
            await clients[0].send("question")
            await asyncio.sleep(0.2)
            for user, client in zip(USERS, clients, strict=True):
                await client.close()
                inbox[user] = [message async for message in client]
        return inbox

    return run


CHANNELS: dict[str, str] = {}


def message(text: str) -> dict[str, str]:
    return {"type": "chat", "text": text}


def test_somebody_else_is_in_a_users_own_group(audited) -> None:
    mine: list[str] = []  # as a class attribute would be

    def groups(user: str) -> list[str]:
        mine.append(f"private-{user}")
        return mine

    async def answer(consumer: Any, user: str) -> None:
        await consumer.channel_layer.group_send(f"private-{user}", message(f"the answer for {user}"))  # shared

    done = audited(chatting(groups, answer), config())
    assert done.result["guest-09"] == ["the answer for guest-00"]
    assert set(done.findings) == {"IA202"}
    (finding,) = done.findings["IA202"]
    label = done.auditor.pseudonyms.text
    assert (finding.witnesses.content, finding.witnesses.addressee) == (label("guest-00"), label("guest-01"))
    assert finding.site.top.file == __file__
    assert finding.site.top.line == line_of(test_somebody_else_is_in_a_users_own_group, "# shared")
    assert finding.event == "chat"


async def to_another_channel(consumer: Any, user: str) -> None:
    await consumer.channel_layer.send(CHANNELS["guest-05"], message(f"the answer for {user}"))


async def to_another_users_group(consumer: Any, user: str) -> None:
    await consumer.channel_layer.group_send("run-of-guest-05", message(f"the answer for {user}"))


@pytest.mark.parametrize("answer", [to_another_channel, to_another_users_group])
def test_to_one_other_user(audited, answer) -> None:
    done = audited(chatting(lambda user: [f"run-of-{user}"], answer), config())
    assert done.result["guest-05"] == ["the answer for guest-00"]
    assert set(done.findings) == {"IA202"}
    assert done.findings["IA202"][0].witnesses.addressee == done.auditor.pseudonyms.text("guest-05")


async def own(consumer: Any, user: str) -> None:
    await consumer.channel_layer.send(consumer.channel_name, message(f"the answer for {user}"))
    await consumer.channel_layer.group_send(f"private-{user}", message(f"the answer for {user}"))


async def group_chat(consumer: Any, user: str) -> None:
    await consumer.channel_layer.group_send("lobby", message(f"the first word is to {user}"))


async def who_speaks(consumer: Any, user: str) -> None:
    await consumer.channel_layer.send(CHANNELS["guest-05"], message(f"{user}: hello"))
    await consumer.channel_layer.group_send("private-guest-05", {**message("hello"), "from": user})


async def no_name(consumer: Any, user: str) -> None:
    await consumer.channel_layer.group_send("private-guest-05", message("maintenance at five"))


@pytest.mark.parametrize("answer", [own, group_chat, who_speaks, no_name])
def test_what_is_silent_on_purpose(audited, answer) -> None:
    done = audited(chatting(lambda user: ["lobby", f"private-{user}"], answer), config())
    assert any(done.result.values()), "it was sent"
    assert done.findings == {}


def test_what_is_known_of_groups_is_bounded_and_goes_with_them(audited) -> None:
    async def scenario() -> Any:
        made = layers.InMemoryChannelLayer()
        current_user.set("guest-00")
        for number in range(20):
            await made.group_add(f"group-{number}", "one")
            await made.group_add("group-19", f"channel-{number}")
        for number in range(20):
            await made.group_discard("group-19", f"channel-{number}")

    done = audited(scenario, config(limits={"bindings": 5}))
    assert done.auditor.snapshot()["summary"]["evicted"]["bindings"] > 10
    groups = done.auditor.runtime.part(Groups)
    assert len(groups._members) == 5
    assert list(groups._joined) == ["one"]
    groups.gone("one")
    assert (groups._members, groups._joined) == ({}, {})


def test_switched_off_it_patches_nothing(audited) -> None:
    code, codes = layers.InMemoryChannelLayer.group_send.__code__, []

    async def answer(consumer: Any, user: str) -> None:
        codes.append(layers.InMemoryChannelLayer.group_send.__code__)
        await to_another_users_group(consumer, user)

    done = audited(chatting(lambda user: [f"run-of-{user}"], answer), config(watch={"addressees": False}))
    assert codes == [code]
    assert done.findings == {}


def own_groups(user: str) -> list[str]:
    return [f"notices_{user}"]


async def notice(consumer: Any, user: str) -> None:
    await consumer.channel_layer.group_send(f"notices_{user}", message("paid to the clinic in the north"))


@pytest.mark.parametrize("leaks", [True, False])
def test_a_notice_that_names_nobody_goes_to_its_users_group(audited, leaks: bool) -> None:
    kept: list[str] = []

    def all_groups(user: str) -> list[str]:
        kept.extend(own_groups(user))
        return kept

    done = audited(chatting(all_groups if leaks else own_groups, notice), config())
    assert done.result["guest-00"]
    assert set(done.findings) == ({"IA202"} if leaks else set())
    if leaks:
        finding = done.findings["IA202"][0]
        label = done.auditor.pseudonyms.text
        assert finding.severity.value == "warning"
        assert (finding.witnesses.content, finding.witnesses.addressee) == (label("guest-00"), label("guest-01"))


def test_a_room_that_is_named_for_its_host(audited) -> None:
    async def say(consumer: Any, user: str) -> None:
        await consumer.channel_layer.group_send("live_guest-00", message("paid to the clinic in the north"))

    done = audited(chatting(lambda _user: ["live_guest-00"], say), config())
    assert done.result["guest-09"]
    assert done.findings == {}
