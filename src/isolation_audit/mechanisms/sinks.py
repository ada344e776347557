"""Sinks: what leaves for a user whom only the ambient context names is searched for other users' data.

The integrations say where bytes pass and what they are a part of; who may be named in them is decided here. Nothing is
searched while nobody is known to be running: that is unknown, not clean, and no reason to guess.
"""

from __future__ import annotations

import re
from asyncio import events, tasks
from dataclasses import dataclass
from fnmatch import translate
from types import MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import secrets
from isolation_audit.content.naming import ATTRIBUTIONS
from isolation_audit.content.witness import foreign
from isolation_audit.identity.scopes import sink_variable
from isolation_audit.identity.users import Kind
from isolation_audit.instrument.probe import Interceptor
from isolation_audit.instrument.resolve import function_of, mro_of
from isolation_audit.instrument.stacks import application_frames, beneath, capture
from isolation_audit.mechanisms.labels import drop_oldest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType

    from isolation_audit.content.index import Mark
    from isolation_audit.identity.users import User
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack

LARGEST: Final = 256 * 1024
"""Bytes of one payload that are searched."""

_PASSED_ON: Final = 256
"""Payloads that are remembered between a framework and its server."""

_DECORATORS: Final = 32
_SERVERS: Final = (
    "asyncio", "uvicorn", "hypercorn", "starlette", "fastapi", "aiohttp", "socketserver.py", "wsgiref", "http",
    "gunicorn", "waitress",
)  # fmt: skip


@dataclass(slots=True)
class Surfaced:
    """What passed a sink during one user's work holds another user's data; ``what`` it was, with its article."""

    target: str
    what: str
    ambient: User
    content: User
    stack: RawStack


class Passing:
    """Something on its way through a sink: what it is written to below is no sink of its own until it is ``over``."""

    __slots__ = ("over",)

    def __init__(self) -> None:
        self.over = False
        sink_variable.set(self)

    def end(self) -> None:
        """It has passed. Tasks that were started meanwhile inherit it, and are told by this."""
        self.over = True
        if sink_variable.get() is self:
            sink_variable.set(None)


class PassingPoint(Interceptor):
    """A point whose ``before`` may return a :class:`Passing`, which is over when the call is."""

    def after(self, state: Passing, _result: Any) -> None:
        """It was sent."""
        state.end()

    def failed(self, state: Passing, _error: BaseException) -> None:
        """It was not."""
        state.end()


def passing() -> bool:
    """True below a sink that has searched already."""
    outer: Passing | None = sink_variable.get()
    return outer is not None and not outer.over


def in_task() -> bool:
    """True in a task of asyncio. The context of a callback is that of whoever opened the connection, long ago."""
    return events._get_running_loop() is not None and tasks.current_task() is not None  # noqa: SLF001 - raises nothing


class Sinks:
    """One audit's judge of payloads at sinks."""

    def __init__(self, runtime: Runtime) -> None:
        if runtime.content is None:
            raise LookupError("no payload is watched")
        self._runtime = runtime
        self._content = runtime.content
        self._passed_on: dict[tuple[int, int, str], None] = {}
        responses = runtime.config.responses
        self._mentions = ATTRIBUTIONS.union(responses.mentions)
        self._open_to_all = re.compile("|".join(map(translate, responses.paths))).match if responses.paths else None

    def user(self) -> User | None:
        """The user whose work is running; None for nobody, for a placeholder and for the system."""
        user = self._runtime.ambient.current()
        return user if user is not None and user.kind is Kind.USER else None

    def marks(self, payload: Any) -> list[Mark]:
        """The marks in a text or in bytes, as far as they are searched."""
        part = payload if len(payload) <= LARGEST else payload[:LARGEST]
        marks, complete = self._content.marks_of_text(part if type(part) is str else str(part, "utf-8", "replace"))
        if not complete or part is not payload:
            self._runtime.tally.payloads_truncated += 1
        return marks

    def unread(self) -> None:
        """Count a payload that can't be searched, because it is compressed."""
        self._runtime.tally.payloads_truncated += 1

    def named(self, text: str) -> set[str]:
        """The ids of the users whom a text names."""
        return {mark.user.id for mark in self._content.marks_of_text(text)[0]}

    def outside_mentions(self, payload: bytes) -> list[Mark]:
        """The marks in a body, but for those in fields that may name others."""
        return self._content.marks_outside(str(payload, "utf-8", "replace"), self._mentions)

    def may_name_others(self, asked: str) -> bool:
        """True where the configuration says so of the path that was asked for."""
        return self._open_to_all is not None and self._open_to_all(asked.partition("?")[0]) is not None

    def secrets(self, payload: Any, target: str, what: str) -> None:
        """Look for other users' secrets alone: in what may well name others, as a message from one to another does."""
        if not secrets.version() or type(payload) not in (bytes, bytearray, memoryview, str):
            return
        user = self.user()
        if user is None:
            return
        mark = secret_of_another(self.marks(payload), user)
        if mark is not None:
            self.publish(target, what, user, mark)

    def publish(self, target: str, what: str, user: User, mark: Mark, made_by: CodeType | None = None) -> None:
        """Tell of another user's mark, in what ``made_by`` has made: often it has returned by now."""
        stack = _within_the_loop(capture(self._runtime.config.limits.stack))
        place = application_frames(stack) or beneath(stack, _SERVERS)
        if made_by is not None and all(code is not made_by for code, _lasti in stack):
            place = ((made_by, 0), *place)
        self._runtime.publish(Surfaced(target, what, user, mark.user, place))

    # A framework's response is searched where it leaves the application, and comes by again in the server below.

    def pass_on(self, payload: bytes, user: User) -> None:
        """Remember that these bytes were searched on behalf of ``user``."""
        self._passed_on[hash(payload), len(payload), user.id] = None
        drop_oldest(self._passed_on, _PASSED_ON)

    def was_searched(self, payload: bytes, user: User) -> bool:
        """True, once, where they come by again."""
        return bool(self._passed_on) and self._passed_on.pop((hash(payload), len(payload), user.id), self) is None


def sinks_of(runtime: Runtime) -> Sinks | None:
    """The audit's sinks; None where no payload is watched."""
    if runtime.content is None or not runtime.config.watch.payloads:
        return None
    return runtime.part(Sinks)


def code_of(made_by: Any) -> CodeType | None:
    """The code of a function, a method, or an object that can be called; None where that is not plain Python.

    What a decorator wraps (``functools.wraps``) counts, not its wrapper.
    """
    function = function_of(made_by.__func__ if type(made_by) is MethodType else made_by)
    if function is None:
        calls = (vars(cls)["__call__"] for cls in mro_of(type(made_by)) if "__call__" in vars(cls))
        function = next(map(function_of, calls), None)
    for _ in range(_DECORATORS):
        below = None if function is None else function_of(vars(function).get("__wrapped__"))
        if below is None:
            break
        function = below
    return None if function is None else function.__code__


def secret_of_another(marks: Iterable[Mark], user: User) -> Mark | None:
    """The first mark that may not even be mentioned to ``user``."""
    return foreign([mark for mark in marks if mark.secret], [user])


def _within_the_loop(stack: RawStack) -> RawStack:
    """Without what runs the event loop: that is the same for everybody's work."""
    for place, (code, _lasti) in enumerate(stack):
        if place and code.co_qualname == "Handle._run":
            return stack[:place]
    return stack
