"""A Redis stream: every process appends what it has learned, and reads what the others append. Needs redis-py.

One stream is the snapshot for whoever comes later, the way of news, and the order that all agree on; whoever was cut
off reads on where it stopped. Two daemon threads a process, one to append and one to read: the application only puts
news into a bounded queue, and looks ids up in its own memory. What Redis does not take or give is counted.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - see below
import re
import secrets
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from inspect import signature
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Protocol

from redis import ConnectionPool, Redis, ResponseError
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from isolation_audit.analysis.texts import without_secrets
from isolation_audit.exporters.background import NEWS, Backlog, Worker
from isolation_audit.model.shared_bindings import News

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Config
    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.model.pseudonyms import Pseudonyms

# Connecting looks up a host (encodings.idna) and redis-py's own version (all that reads metadata), and imports what
# that takes. Were that on our thread, a fork in the middle of it would leave the child with a module's lock taken by
# nobody, and whoever imports the module there, the application too, would wait for ever. So it is done here.
with suppress(PackageNotFoundError):
    version("redis")

QUEUE: Final = 2_000
"""Bindings that wait at most; beyond it the oldest are given up and counted."""

BATCH: Final = 200
BLOCK: Final = 1.0
"""Seconds that one read waits for news at the server."""

SHORTEST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0

_DIGEST: Final = re.compile("[0-9a-f]{32}")
_LONGEST_ID: Final = 1_024


class Hear(Protocol):
    """Takes what was told at ``seen`` (``time.monotonic()``); ``own`` marks what this process told itself."""

    def __call__(self, news: News, seen: float, *, own: bool) -> None: ...


class RedisStream:
    """The store of one process."""

    def __init__(
        self,
        config: Config,
        pseudonyms: Pseudonyms,
        hear: Hear,
        barrier: Barrier,
        notice: Callable[[str], None],
    ) -> None:
        self._settings = config.bindings
        # Processes with another key would not understand each other: they have a stream of their own.
        audience = pseudonyms.hash("bindings") + (":raw" if pseudonyms.raw else "")
        self._stream = f"{config.bindings.prefix}:bindings:{audience}"
        self._limit = config.limits.bindings
        self._raw = pseudonyms.raw
        self._hear = hear
        self._barrier = barrier
        self._notice = notice
        self._me = secrets.token_hex(8)
        self._waiting: Backlog[News] = Backlog(QUEUE)
        self._in_hand: list[News] = []
        self._last: tuple[int, int] | None = None
        self._ahead: float | None = None
        self._noticed = False
        self.failures = 0
        self.rejected = 0
        self._out = self._line(self._append_all, self._client(0.0), every=NEWS)
        self._in = self._line(self._read_once, self._client(BLOCK), every=0.0)

    def _line(self, work: Callable[[Redis], None], client: Redis, *, every: float) -> Worker:
        """A worker with a connection of its own."""

        def let_go() -> None:
            with suppress(Exception):  # let go of either way
                client.connection_pool.disconnect()

        return Worker(
            lambda: work(client),
            every=every,
            failed=self._failed,
            break_off=let_go,
            pauses=(SHORTEST_PAUSE, LONGEST_PAUSE),
        )

    @property
    def counts(self) -> dict[str, int]:
        """Requests that failed, bindings that were given up, and entries of the stream that are none of ours."""
        return {"failures": self.failures, "lost": self._waiting.lost, "rejected": self.rejected}

    def start(self) -> None:
        """Start both threads; they connect by themselves."""
        self._out.start()
        self._in.start()

    def tell(self, news: News) -> None:
        """Queue one binding; never waits, and takes no lock."""
        self._waiting.put(news)
        self._out.wake()

    def close(self) -> None:
        """Append what is left, for as long as one request may take, and end."""
        self._in.retire()
        self._out.end(self._settings.timeout)
        self._in.end(0.0)
        self._waiting.lost += len(self._in_hand)
        self._waiting.give_up()

    def _client(self, patience: float) -> Redis:
        ours = {
            "socket_connect_timeout": self._settings.timeout,
            "socket_timeout": self._settings.timeout + patience,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_timeout": False,
            "decode_responses": False,
        }
        if "protocol" in signature(Redis).parameters:  # redis-py before 5 speaks no other than this one
            ours["protocol"] = 2
        given = parse_url(self._settings.store)  # type: ignore[no-untyped-call]
        return Redis(connection_pool=ConnectionPool(**{**given, **ours}))

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._ahead = None
        if not self._noticed:
            self._noticed = True
            # The server's own words may repeat what it was sent: all but the code of its answer stays out.
            code = str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""
            reason = type(error).__name__ + (f" {code}" if code.isupper() else "")
            self._notice(
                f"bindings can't be shared through {without_secrets(self._settings.store or '')} ({reason}); "
                "the application goes on, attempts too"
            )

    def _append_all(self, client: Redis) -> None:
        while self._in_hand or self._waiting:
            self._in_hand += self._waiting.take(BATCH - len(self._in_hand))
            pipe = client.pipeline(transaction=False)
            for news in self._in_hand:
                entry: dict[Any, Any] = {
                    "id": news.name,
                    "user": news.user.encode("utf-8", "surrogatepass"),
                    "conflict": int(news.conflict),
                    "from": self._me,
                }
                pipe.xadd(self._stream, entry, maxlen=self._limit, approximate=True)
            pipe.expire(self._stream, ceil(self._settings.age))
            refused = next((one for one in pipe.execute(raise_on_error=False) if isinstance(one, Exception)), None)
            if refused is not None:
                raise refused
            self._in_hand = []

    def _read_once(self, client: Redis) -> None:
        if self._ahead is None:
            self._meet(client)
        assert self._last is not None  # noqa: S101 - _meet() says so
        last = "{}-{}".format(*self._last)
        answer: Any = client.xread({self._stream: last}, count=BATCH, block=int(BLOCK * 1000))
        for _stream, entries in answer or ():
            for identifier, fields in entries:
                milliseconds, _, number = bytes(identifier).partition(b"-")
                self._last = (int(milliseconds), int(number))
                self._take(int(milliseconds) / 1000, fields or {})

    def _meet(self, client: Redis) -> None:
        """Learn the server's time, and read on from where we were, or from what is not too old."""
        seconds, microseconds = client.time()
        now = seconds + microseconds / 1e6
        self._ahead = now - time.monotonic()
        if self._last is None:
            self._last = (max(0, int((now - self._settings.age) * 1000)), 0)
        # A server that was replaced may be behind what the one before it counted.
        self._last = min(self._last, (int(now * 1000), 0))

    def _take(self, told: float, fields: dict[bytes, bytes]) -> None:
        news = self._news(fields)
        if news is None:
            self.rejected += 1
            return
        try:
            self._hear(news, told - (self._ahead or 0.0), own=fields.get(b"from") == self._me.encode())
        except Exception as error:
            self._barrier.fault("bindings store", error)

    def _news(self, fields: dict[bytes, bytes]) -> News | None:
        """One entry of the stream; None where it is not one that we could have written."""
        try:
            name, user = fields[b"id"].decode(), fields[b"user"].decode("utf-8", "surrogatepass")
            conflict = fields[b"conflict"] == b"1"
        except (KeyError, UnicodeDecodeError):
            return None
        known = 0 < len(user) <= _LONGEST_ID if self._raw else _DIGEST.fullmatch(user)
        return News(name, user, conflict) if known and _DIGEST.fullmatch(name) else None
