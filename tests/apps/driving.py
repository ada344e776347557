"""Users at work on one application, on all servers of a run at once: each step on one server after the other.

A step is taken on every server before the next one begins, in an order that changes from step to step: so the servers
see the same requests, and their times were taken beside each other.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
from forms import form_with

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

PATIENCE = 120.0


@dataclass
class Answer:
    """What one server has answered in a step."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Step:
    """One step and its answers and seconds, in the order of the servers."""

    name: str
    user: str
    answers: list[Answer] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    warm: bool = False


class Side:
    """One server, with a client for each user."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.base = f"http://127.0.0.1:{port}"
        self.kept: dict[str, Any] = {}
        """What a driver has to remember of this server: ids that it gives, tokens."""
        self._clients: dict[str, httpx.Client] = {}

    def client(self, user: str) -> httpx.Client:
        """The browser of ``user``."""
        if user not in self._clients:
            headers = {"user-agent": "Mozilla/5.0"}
            self._clients[user] = httpx.Client(base_url=self.base, timeout=PATIENCE, headers=headers, trust_env=False)
        return self._clients[user]

    def close(self) -> None:
        """Close all browsers."""
        for client in self._clients.values():
            client.close()


class Web:
    """The servers of one run, as a driver sees them."""

    def __init__(self, ports: list[int]) -> None:
        self.sides = [Side(port) for port in ports]
        self.steps: list[Step] = []
        self.authenticated: Counter[str] = Counter()
        self.warm = False
        self._signed_in: set[str] = set()

    def __enter__(self) -> Web:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for side in self.sides:
            side.close()

    def signed_in(self, user: str) -> None:
        """From here on what ``user`` asks is an authenticated request."""
        self._signed_in.add(user)

    def get(self, user: str, path: str, **options: Any) -> Answer:
        """Ask for ``path``; ``{name}`` in it is what the server's side has kept under ``name``."""
        return self.call(user, "GET", path, **options)

    def post(self, user: str, path: str, **options: Any) -> Answer:
        """Post to ``path``."""
        return self.call(user, "POST", path, **options)

    def call(self, user: str, method: str, path: str, **options: Any) -> Answer:
        """One request on every server; the first one's answer."""

        def request(side: Side) -> Answer:
            return answer(side.client(user).request(method, path.format_map(side.kept), **options))

        return self.do(user, f"{method} {path}", request)

    def submit(self, user: str, path: str, **fields: str | list[str]) -> Answer:
        """Ask for a page, fill in its form that has the first of ``fields``, and send it."""
        name = next(iter(fields))
        pages: dict[int, str] = {}

        def look(side: Side) -> Answer:
            page = answer(side.client(user).get(path.format_map(side.kept)))
            pages[side.port] = page.body
            return page

        def send(side: Side) -> Answer:
            form = form_with(pages[side.port], name)
            place = urljoin(side.base + path.format_map(side.kept), form.action)
            return answer(side.client(user).post(place, data=form.filled(fields), headers={"referer": place}))

        self.do(user, f"GET {path}", look)
        return self.do(user, f"POST {path}", send)

    def do(self, user: str, name: str, action: Callable[[Side], Answer], *, requests: int = 1) -> Answer:
        """Any step, on every server; ``requests`` is how many requests of HTTP it makes."""
        step = Step(name, user, warm=self.warm)
        step.answers = [Answer(0, {}, "")] * len(self.sides)
        step.seconds = [0.0] * len(self.sides)
        order = list(enumerate(self.sides))
        for number, side in order if len(self.steps) % 2 else reversed(order):
            started = time.perf_counter()
            step.answers[number] = action(side)
            step.seconds[number] = time.perf_counter() - started
        self.steps.append(step)
        if user in self._signed_in:
            self.authenticated[user] += requests
        return step.answers[0]


def answer(response: httpx.Response) -> Answer:
    """An answer of httpx as it is compared."""
    kept = {name: response.headers[name] for name in ("content-type", "location", "vary") if name in response.headers}
    cookies = sorted(value.partition("=")[0] for value in response.headers.get_list("set-cookie"))
    text = response.text if "text" in kept.get("content-type", "text") or "json" in kept["content-type"] else ""
    body = text or f"{len(response.content)} bytes"
    return Answer(response.status_code, {**kept, "set-cookie": " ".join(cookies)}, body)
