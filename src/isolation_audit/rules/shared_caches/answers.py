"""Answers to known users that caches for everybody may keep: which of them are one user's alone.

That an answer names its reader proves little: a page may name its author, and its author reads it. So it takes what
another user is answered at the same address, or what a cache has made of it. Addresses that name the reader are keys
that tell users apart.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.cache_policy import Cacheable, kept_for_all
from isolation_audit.content.request_texts import text_of
from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import current_unit, of_test, test_variable
from isolation_audit.model.credentials import cookie_set, is_drawn, is_session_cookie, plain_cookie, says_session
from isolation_audit.model.current_inputs import inputs_at_exit
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.users import same
from isolation_audit.vocabulary.exits import CacheableAnswer, CacheableAnswers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.users import User
    from isolation_audit.rules.content.payloads import Payloads

_ADDRESSES: Final = 2_000
_USERS: Final = 8
"""Users of whom it is remembered what they were answered at one address."""

_LARGEST: Final = 64 * 1024
"""Bytes of an answer that are looked at."""

_PATIENCE: Final = 30.0
"""Seconds for which an answer that names its reader waits for another user's answer at the same address."""

_METHODS: Final = ("GET", "HEAD", None)


@dataclass(slots=True, eq=False, repr=False)
class PersonalAnswer:
    """An answer of ``user``'s that caches may keep for all; ``other`` was answered otherwise, or was given it."""

    user: User
    said: str
    why: str
    """"cookie", "named", "differs", "reader" (it names whose request it was), "given" (``other`` has got it), "session"
    (``other``, or somebody who is not known, was given the cookie of the user's session)."""
    stack: RawStack
    endpoint: Endpoint | None
    other: User | None = None


@dataclass(slots=True, eq=False, repr=False)
class _Given:
    user: User
    body: int
    number: int
    named: bool


@dataclass(slots=True, eq=False, repr=False)
class _Address:
    given: dict[str, _Given] = field(default_factory=dict)
    answers: int = 0
    public: bool = False
    """Two users were given the same: it is for everybody."""
    waiting: tuple[float, PersonalAnswer, Any] | None = None


class Answer(CacheableAnswer):
    """One answer that caches may keep, part by part."""

    __slots__ = ("_caches", "_kept", "_left", "_parts", "_request")

    def __init__(self, caches: SharedCaches, kept: Cacheable, request: AnsweredRequest) -> None:
        self._caches = caches
        self._kept = kept
        self._request = request
        self._parts: list[bytes] = []
        self._left = _LARGEST

    def part(self, data: bytes, user: User, *, last: bool) -> None:
        """The next part of its body, for ``user``; judged at its end."""
        if self._left > 0:
            self._left -= len(data)
            self._parts.append(data)
        if last:
            parts, self._parts = self._parts, []
            self._caches.answered(user, self._kept, b"".join(parts)[:_LARGEST], self._request)


class SharedCaches(CacheableAnswers):
    """The mechanism: one an audit."""

    def __init__(self, runtime: Runtime, payloads: Payloads) -> None:
        self._runtime = runtime
        self._payloads = payloads
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        runtime.settling.append(self._settle)

    def answer(self, headers: Iterable[tuple[bytes, bytes]], request: AnsweredRequest) -> Answer | None:
        """The answer behind a head, where that says that caches may keep it."""
        kept = kept_for_all(headers)
        return None if kept is None else Answer(self, kept, request)

    def answered(self, user: User, kept: Cacheable, body: bytes, request: AnsweredRequest) -> None:
        """``user`` was answered with all this."""
        endpoint = current_endpoint() or request.endpoint
        asked = request.asked
        if (endpoint is not None and endpoint.method not in _METHODS) or self._payloads.may_name_others(asked):
            return
        found = PersonalAnswer(user, kept.said, "", (), endpoint)
        if any(_is_session(header) for header in kept.cookies):
            self._tell(found, "cookie")
        elif body and not kept.encoded and user.id not in self._payloads.named(asked):
            self._compare(self._address(asked), found, body)

    def sets(self, cookies: Iterable[str], request: AnsweredRequest) -> None:
        """The answer to the running request sets these cookies: a session's may be one that another user was given."""
        running = current_unit().request
        if running is None:
            return
        for name, value in map(cookie_set, cookies):
            owner = running.owner_of(value) if says_session(name) and is_drawn(value) else None
            if owner is None or running.presents(plain_cookie(value)):
                continue
            reader = self._payloads.user()
            endpoint = current_endpoint() or request.endpoint
            asked_to_read = endpoint is None or endpoint.method in _METHODS
            # Who comes without one may be the same user on another device: what is signed within one second is equal.
            another = running.comes_with(name) if reader is None else not same(reader, owner)
            if asked_to_read and another:
                self._tell(PersonalAnswer(owner, "", "", (), endpoint), "session", reader)

    def _address(self, asked: str) -> _Address:
        address = self._addresses.get(asked)
        if address is None:
            address = self._addresses[asked] = _Address()
            if len(self._addresses) > _ADDRESSES:
                self._addresses.popitem(last=False)
        return address

    def _compare(self, address: _Address, found: PersonalAnswer, body: bytes) -> None:
        user, digest = found.user, hash(body)
        others = [one for one in address.given.values() if not same(one.user, user)]
        if address.public or any(one.body == digest for one in others):
            address.public, address.waiting = True, None
            address.given.clear()
            return
        marks = self._payloads.outside_mentions(body)
        named = bool(marks) and all(same(mark.user, user) for mark in marks)
        address.answers += 1
        earlier = address.given.get(user.id)
        if len(address.given) < _USERS or earlier is not None:
            address.given[user.id] = _Given(user, digest, address.answers, named)
        if named and (other := next((one.user for one in others if one.named), None)) is not None:
            self._tell(found, "named", other)
            address.waiting = None
        elif earlier is not None and earlier.body == digest:
            # What the answer was before another user's, it is again: it has not merely changed meanwhile.
            between = next((one.user for one in others if one.number > earlier.number), None)
            if between is not None:
                self._tell(found, "differs", between)
        elif named and address.waiting is None and self._by_request_alone(user):
            found.stack = capture(DEEP)
            found.why = "reader"
            address.waiting = (time.monotonic(), found, test_variable.get())

    def _by_request_alone(self, user: User) -> bool:
        """Whether what names a user in the running unit is the request, and nothing that was read."""
        inputs = inputs_at_exit()
        return inputs is not None and not any(
            user.id in self._payloads.named(text_of(one.texts(one.value))[0])
            for one in list(inputs.kept)
            if one.kind != REQUEST
        )

    def crossed(self, content: User, reader: User) -> None:
        """Data of ``content`` was given to ``reader``: perhaps by a cache that has kept an answer."""
        for address in list(self._addresses.values()):
            waiting = address.waiting
            if waiting is not None and same(waiting[1].user, content):
                address.waiting = None
                self._tell(waiting[1], "given", reader)

    def _settle(self, grace: float) -> None:
        before = time.monotonic() - (_PATIENCE if grace else 0.0)
        for address in list(self._addresses.values()):
            waiting = address.waiting
            if waiting is not None and waiting[0] <= before:
                address.waiting = None
                with of_test(waiting[2]):
                    self._runtime.publish(waiting[1])

    def _tell(self, found: PersonalAnswer, why: str, other: User | None = None) -> None:
        found.why, found.other = why, other
        found.stack = found.stack or capture(DEEP)
        self._runtime.publish(found)


def _is_session(header: str) -> bool:
    name, value = cookie_set(header)
    return says_session(name) and is_session_cookie(name, value, ())
