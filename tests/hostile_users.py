"""An application of very many users, some of whom are hostile; run by ``test_hostile_users.py`` under the auditor.

``main(users, events, secrets)``: the last is a JSON file of words that must not leave the process. They are put where
applications keep such things. Prints a JSON object: what was done, and by how many MB its memory has grown. A fourth
argument is how many ids of runs there are, if not one for each user. ``benchmarks/memory.py`` runs it, too.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

current_user: ContextVar[Any] = ContextVar("current_user", default=None)
SECRETS: list[str] = []
SETTLED = 2.0
"""Seconds for which a program has to stay as large as it is, before its growth is measured."""


class Context:
    def __init__(self, user_id: Any, run_id: Any) -> None:
        self.user_id = user_id
        self.run_id = run_id


class Emitter:
    def __init__(self, context: Context) -> None:
        self.context = context

    def send(self, user_id: Any, kind: Any, data: Any = None, run: Any = None) -> Any:
        return kind


class Engine:
    def __init__(self, context: Any) -> None:
        self.context = context

    def close(self) -> None:
        raise RuntimeError(SECRETS[20])


def work(context: Context, then: Callable[[], Any]) -> Any:
    token = current_user.set(context)
    try:
        return then()
    finally:
        current_user.reset(token)


def raising(method: str, error: BaseException) -> Any:
    def fail(*_given: Any) -> Any:
        raise error

    return type("Raising", (), {method: fail})()


class Lazy:
    @property
    def user_id(self) -> str:
        raise ValueError(SECRETS[16])


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError(SECRETS[17])

    def __eq__(self, other: object) -> bool:
        raise ValueError(SECRETS[18])

    __hash__ = str.__hash__


def nested(depth: int) -> Any:
    value: Any = SECRETS[9]
    for _ in range(depth):
        value = [value]
    return value


def hostile_values() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return [
        *(
            "x" * 200_000,
            "\x1b[2J\x1b]0;x\x07\nisolation-audit: no findings",
            "bob\u202eexe",
            "bob\ud800",
            "bob\0",
            "\x9b2J",
        ),
        *(10**4_000, float("nan"), float("inf"), b"\xff" * 50_000, True, None, ..., int),
        *(nested(5_000), endless, Lazy(), Text("x"), {SECRETS[7]: {1: SECRETS[8]}}),
        *(raising(name, ValueError(SECRETS[19])) for name in ("__eq__", "__hash__", "__repr__", "__iter__", "__len__")),
        *(raising("__getattr__", error) for error in (SystemExit(SECRETS[22]), MemoryError(), RecursionError())),
    ]


def tolerated(act: Callable[[], Any]) -> None:
    try:
        act()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise


def one_of_each_secret() -> None:
    """Where applications keep what is nobody's business: payloads, ids, locals, defaults, exceptions, requests."""
    context = Context(SECRETS[10], SECRETS[11])
    emitter, kept_in_a_local = Emitter(context), SECRETS[23]

    def send(with_default: str = SECRETS[24]) -> None:
        emitter.send(SECRETS[12], "answer", {"password": SECRETS[0], "who": [SECRETS[12], {"deep": SECRETS[1]}]})
        emitter.send(SECRETS[10], "answer", f"text with {SECRETS[12]} and {SECRETS[2]}")
        emitter.send(SECRETS[10], "answer", {"q": f"select * from t where x = '{SECRETS[3]}' and u = '{SECRETS[12]}'"})
        emitter.send(SECRETS[10], "answer", (SECRETS[4] + SECRETS[12]).encode())
        emitter.send(None, "answer", SECRETS[5], SECRETS[13])
        emitter.send([SECRETS[14]], "answer", SECRETS[6])
        assert kept_in_a_local
        assert with_default
        raise RuntimeError(SECRETS[21])

    work(Context(SECRETS[12], SECRETS[13]), lambda: emitter.send(SECRETS[12], "hello"))
    tolerated(lambda: work(context, send))
    engine = Engine(Context(SECRETS[15], "run-of-an-engine"))
    tolerated(engine.close)
    threading.current_thread().name = SECRETS[25]


def serve_one_request() -> None:
    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start("200 OK", [("Set-Cookie", f"session={SECRETS[26]}"), ("X-Trace", SECRETS[27])])
        yield SECRETS[28].encode() + SECRETS[12].encode()

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_given: Any) -> None:
            pass

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        headers = {"Authorization": f"Bearer {SECRETS[29]}", "Cookie": f"session={SECRETS[30]}", "X-User": "eve-01"}
        url = f"http://127.0.0.1:{server.server_port}/page?token={SECRETS[31]}"
        request = urllib.request.Request(url, SECRETS[32].encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
        serving.join()


def megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def settled_megabytes() -> float:
    """Once the program's threads, and others' in the same process, have loaded what they need: that is no growth."""
    before, now, since = 0.0, megabytes(), time.monotonic()
    while now != before or time.monotonic() - since < SETTLED:
        if now != before:
            since = time.monotonic()
        before = now
        time.sleep(0.1)
        now = megabytes()
    return now


def main(users: int, events: int, secrets: str, runs: int = 0) -> None:
    SECRETS.extend(json.loads(Path(secrets).read_text()))
    serve_one_request()
    one_of_each_secret()
    values = hostile_values()
    before = settled_megabytes()
    crossings = 0
    steps = []
    for number in range(events):
        if number % max(1, events // 10) == 0:
            steps.append(megabytes() - before)
        user = f"user-{number % users:06d}"
        context = Context(user, f"run-{number % (runs or users)}")
        emitter = Emitter(context)
        if number % 100 == 0:
            crossings += 1
            other = f"user-{(number + 1) % users:06d}"
            work(context, lambda emitter=emitter, other=other: emitter.send(other, f"kind {number % 3_000}"))
        elif number % 10 == 1:
            value = values[number // 10 % len(values)]
            part = number // 10 // len(values) % 4
            given = [user, "answer", None, None]
            given[part] = value
            tolerated(lambda emitter=emitter, given=given, context=context: work(context, lambda: emitter.send(*given)))
        else:
            data = {"n": number, "for": user}
            work(context, lambda emitter=emitter, user=user, data=data: emitter.send(user, "answer", data))
    print(
        json.dumps({"began": before, "grown": megabytes() - before, "steps": steps[1:], "crossings": crossings}),
        flush=True,
    )
    sys.stdin.readline()  # until somebody has looked at the metrics
