"""What a language model has answered alice, where it is given to bob; and where he may be given it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest
from language_model import POLICY, language_model
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isolation_audit.auditor import Auditor
from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE, BOB = "alice.liddell", "bob.builder"
HERS, HIS = "the mole on my shoulder itches and bleeds", "the cake in my oven has fallen"
FOUND = [("IA203", "warning", BOB, ALICE)]


def said_in(body: bytes | str) -> str:
    return json.loads(body)["choices"][0]["message"]["content"]


def with_httpx(url: str, body: dict[str, Any], library: str = "httpx") -> str:
    with pytest.importorskip(library).Client() as client:
        return said_in(client.post(url, json=body).text)


def with_httpx2(url: str, body: dict[str, Any]) -> str:
    return with_httpx(url, body, "httpx2")


async def streamed(url: str, body: dict[str, Any], library: str = "httpx") -> str:
    said = ""
    async with (
        pytest.importorskip(library).AsyncClient() as client,
        client.stream("POST", url, json=body | {"stream": True}) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                said += json.loads(line[6:])["choices"][0]["delta"]["content"]
    return said


async def streamed_by_httpx2(url: str, body: dict[str, Any]) -> str:
    return await streamed(url, body, "httpx2")


def with_requests(url: str, body: dict[str, Any]) -> str:
    return said_in(pytest.importorskip("requests").post(url, json=body).text)


def with_urllib(url: str, body: dict[str, Any]) -> str:
    request = UrlRequest(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return said_in(answer.read())


async def with_aiohttp(url: str, body: dict[str, Any]) -> str:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        return said_in(await answer.read())


def of_events(lines: Any) -> str:
    found = [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]
    return "".join(one["choices"][0]["delta"]["content"] for one in found)


def streamed_by_requests(url: str, body: dict[str, Any]) -> str:
    with pytest.importorskip("requests").post(url, json=body | {"stream": True}, stream=True) as answer:
        return of_events(answer.iter_lines())


def streamed_by_urllib3(url: str, body: dict[str, Any]) -> str:
    sent = json.dumps(body | {"stream": True}).encode()
    answer = pytest.importorskip("urllib3").PoolManager().request("POST", url, body=sent, preload_content=False)
    return of_events(b"".join(answer.stream(16)).splitlines())


def streamed_by_urllib(url: str, body: dict[str, Any]) -> str:
    request = UrlRequest(url, json.dumps(body | {"stream": True}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return of_events(answer)


def read_by_urllib_as_it_comes(url: str, body: dict[str, Any]) -> str:
    request = UrlRequest(url, json.dumps(body | {"stream": True}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=60) as answer:
        return of_events(b"".join(iter(lambda: answer.read1(20), b"")).splitlines())


async def streamed_by_aiohttp(url: str, body: dict[str, Any]) -> str:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as client, client.post(url, json=body | {"stream": True}) as answer:
        return of_events([line async for line in answer.content])


async def streamed_in_parts_by_aiohttp(url: str, body: dict[str, Any]) -> str:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as client, client.post(url, json=body | {"stream": True}) as answer:
        return of_events(b"".join([part async for part in answer.content.iter_chunked(20)]).splitlines())


STREAMED = (
    *(streamed_by_requests, streamed_by_urllib3, streamed_by_urllib, read_by_urllib_as_it_comes),
    *(streamed_by_aiohttp, streamed_in_parts_by_aiohttp),
)


class Chat:
    """Keeps what the model has answered: ``key_of`` tells under what, from the user and the question."""

    def __init__(
        self,
        url: str,
        key_of: Callable[[str, str], str],
        ask: Any = with_httpx,
        prompt_of: Callable[[str], str] = "please help, {}".format,
    ) -> None:
        self.url, self.key_of, self.ask, self.prompt_of = url, key_of, ask, prompt_of
        self.answers: dict[str, str] = {}
        routes = [Route(path, self.say, methods=["POST"]) for path in ("/say", "/rooms/{room}")]
        self.app = Starlette(routes=routes)

    async def say(self, request: Any) -> JSONResponse:
        question = (await request.json())["text"]
        key = request.path_params.get("room") or self.key_of(request.headers["x-user"], question)
        if key not in self.answers:
            turns = [{"role": "system", "content": POLICY}, {"role": "user", "content": self.prompt_of(question)}]
            answer = self.ask(self.url, {"model": "m", "messages": turns})
            self.answers[key] = await answer if asyncio.iscoroutine(answer) else answer
        return JSONResponse({"answer": self.answers[key]})


def talk(app: Any, *said: tuple[str, str, Any], together: Any = None) -> list[tuple[str, str, str | None, str | None]]:
    """Errors and warnings after requests of users, each to a path and with a text, or with what a function gives."""

    async def ask(user: str, path: str, text: Any) -> None:
        headers = [(b"x-user", user.encode()), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        body = json.dumps({"text": text} if type(text) is str else text()).encode()

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(_message: Any) -> None:
            pass

        await app(scope, receive, send)

    async def ask_all() -> None:
        if together is None:
            for one in said:
                await ask(*one)
            return
        together.answered, together.seen = asyncio.Event(), asyncio.Event()
        first, *others = (asyncio.create_task(ask(*one)) for one in said)
        try:
            await asyncio.wait_for(asyncio.gather(*others), 60)
        finally:
            together.seen.set()
            await first

    with Auditor(Config(report=model.Report(terminal=False, raw_ids=True))) as auditor:
        asyncio.run(ask_all())
        found = [entry.finding for entry in auditor.recorder.entries()]
    assert auditor.runtime.barrier.counts == {}
    return [
        (one.rule, one.severity.value, one.witnesses.ambient, one.witnesses.content)
        for one in found
        if one.rule != "IA904" and one.severity.value != "note"
    ]


def of_all(_user: str, _question: str) -> str:
    return "one for all"


def of_the_user(user: str, question: str) -> str:
    return user + question


def of_the_question(_user: str, question: str) -> str:
    return question


BOTH = (ALICE, "/say", HERS), (BOB, "/say", HIS)


@pytest.mark.parametrize(
    "ask",
    [with_httpx, with_httpx2, streamed, streamed_by_httpx2, with_requests, with_urllib, with_aiohttp],
)
@pytest.mark.parametrize(("key_of", "expected"), [(of_all, FOUND), (of_the_user, [])], ids=["for all", "for each"])
def test_an_answer_that_was_made_for_alice(ask: Any, key_of: Any, expected: list[Any]) -> None:
    with language_model() as url:
        assert talk(Chat(url, key_of, ask).app, *BOTH) == expected


@pytest.mark.parametrize("in_chunks", [False, True], ids=["of known length", "in chunks"])
@pytest.mark.parametrize("ask", STREAMED)
@pytest.mark.parametrize(("key_of", "expected"), [(of_all, FOUND), (of_the_user, [])], ids=["for all", "for each"])
def test_an_answer_that_was_read_part_by_part(ask: Any, key_of: Any, expected: list[Any], *, in_chunks: bool) -> None:
    with language_model() as url:
        chat = Chat(url, key_of, lambda url, body: ask(url, body | {"in_chunks": in_chunks}))
        assert talk(chat.app, *BOTH) == expected


def test_who_asks_with_the_same_words_may_be_given_the_same_answer() -> None:
    with language_model() as url:
        asked = (ALICE, "/say", HERS), (BOB, "/say", HERS), (BOB, "/say", HERS)
        assert talk(Chat(url, of_the_question).app, *asked) == []


def test_what_is_said_in_a_room_is_for_all_who_ask_for_it() -> None:
    with language_model() as url:
        asked = (ALICE, "/rooms/garden-7", HERS), (BOB, "/rooms/garden-7", HIS)
        assert talk(Chat(url, of_the_user).app, *asked) == []


class Waiting(Chat):
    """Alice's request goes on while the answer is there, until Bob's has been answered."""

    async def say(self, request: Any) -> JSONResponse:
        if request.headers["x-user"] == BOB:
            await self.answered.wait()
        try:
            answer = await super().say(request)
        finally:
            self.answered.set()
        if request.headers["x-user"] == ALICE:
            await self.seen.wait()
        return answer


@pytest.mark.parametrize("ask", [with_httpx, streamed, streamed_by_httpx2])
@pytest.mark.parametrize(("key_of", "expected"), [(of_all, FOUND), (of_the_user, [])], ids=["for all", "for each"])
def test_an_answer_to_a_request_that_is_still_at_work(ask: Any, key_of: Any, expected: list[Any]) -> None:
    with language_model() as url:
        chat = Waiting(url, key_of, ask)
        assert talk(chat.app, *BOTH, together=chat) == expected


class Continued(Chat):
    """The service keeps the conversations; only their ids are kept here, or by the clients, who send them along."""

    async def say(self, request: Any) -> JSONResponse:
        told = await request.json()
        key = request.path_params.get("room") or self.key_of(request.headers["x-user"], told["text"])
        body = {"model": "m", "messages": [{"role": "user", "content": told["text"]}]}
        if (begun := told.get("goes_on") or self.answers.get(key)) is not None:
            body["conversation_id"] = begun
        request_ = UrlRequest(self.url, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request_, timeout=60) as answer:
            self.answers[key] = json.loads(answer.read())["id"]
        return JSONResponse({"answer": "Thank you."})


@pytest.mark.parametrize(("key_of", "expected"), [(of_all, FOUND), (of_the_user, [])], ids=["for all", "for each"])
def test_a_conversation_that_the_service_keeps(key_of: Any, expected: list[Any]) -> None:
    with language_model() as url:
        assert talk(Continued(url, key_of).app, *BOTH) == expected


def test_a_conversation_that_the_service_keeps_for_a_room() -> None:
    with language_model() as url:
        asked = (ALICE, "/rooms/garden-7", HERS), (BOB, "/rooms/garden-7", HIS)
        assert talk(Continued(url, of_the_user).app, *asked) == []


def post_with_requests(url: str, body: dict[str, Any]) -> Any:
    return pytest.importorskip("requests").post(url, json=body).json()


def post_with_urllib3(url: str, body: dict[str, Any]) -> Any:
    sent = json.dumps(body).encode()
    return json.loads(pytest.importorskip("urllib3").PoolManager().request("POST", url, body=sent).data)


def post_with_httpx(url: str, body: dict[str, Any]) -> Any:
    return pytest.importorskip("httpx").post(url, json=body).json()


def post_with_httpx2(url: str, body: dict[str, Any]) -> Any:
    return pytest.importorskip("httpx2").post(url, json=body).json()


async def post_with_aiohttp(url: str, body: dict[str, Any]) -> Any:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        return json.loads(await answer.read())


class Threads(Chat):
    """The service gives nothing but an id, and is sent each turn under a path that has it."""

    async def say(self, request: Any) -> JSONResponse:
        question = (await request.json())["text"]
        key = self.key_of(request.headers["x-user"], question)
        for path in () if key in self.answers else ("/threads",):
            begun = self.ask(self.url + path, {"messages": [{"role": "user", "content": question}]})
            self.answers[key] = (await begun if asyncio.iscoroutine(begun) else begun)["id"]
        turn = self.ask(f"{self.url}/threads/{self.answers[key]}/turns", {"role": "user", "content": question})
        if asyncio.iscoroutine(turn):
            await turn
        return JSONResponse({"answer": "Thank you."})


@pytest.mark.parametrize(
    "post", [post_with_requests, post_with_urllib3, post_with_httpx, post_with_httpx2, post_with_aiohttp]
)
@pytest.mark.parametrize(("key_of", "expected"), [(of_all, FOUND), (of_the_user, [])], ids=["for all", "for each"])
def test_a_conversation_whose_id_stands_in_the_path(post: Any, key_of: Any, expected: list[Any]) -> None:
    with language_model() as url:
        assert talk(Threads(url, key_of, post).app, *BOTH) == expected


def test_a_conversation_whose_id_a_client_sends() -> None:
    with language_model() as url:
        chat = Continued(url, of_the_user)
        asked = (ALICE, "/say", HERS), (BOB, "/say", lambda: {"text": HIS, "goes_on": chat.answers[ALICE + HERS]})
        assert talk(chat.app, *asked) == []


def test_what_the_application_itself_asks_is_for_all() -> None:
    with language_model() as url:
        assert talk(Chat(url, of_all, prompt_of=lambda _text: "tell me a joke").app, *BOTH) == []


def test_what_the_application_has_told_the_model_is_its_own() -> None:
    with language_model() as url:
        chat = Chat(url, of_all, prompt_of=lambda text: f"{text}, may I make a return")
        assert talk(chat.app, *BOTH) == []
        assert chat.answers == {"one for all": POLICY}
