"""What leaves for a user: responses, pushes, and bytes of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

    class BeginsResponse(Protocol):
        """Makes what a response is told to, at ``target``, with its head and the request that it answers.

        ``outermost``: seen where it leaves the application, with its whole body, which comes by again in the server.
        """

        def __call__(
            self,
            target: str,
            headers: Iterable[tuple[bytes, bytes]],
            request: AnsweredRequest,
            *,
            outermost: bool = False,
        ) -> LeavingResponse:
            """One response."""

    class BeginsPushes(Protocol):
        """Makes what pushes are told to, at ``target``; ``personal`` ones are between their user and a program."""

        def __call__(self, target: str, *, personal: bool = False) -> LeavingPushes:
            """One stream or connection."""


PUSHED: Final = "what is pushed"
"""What findings call messages on a stream or a connection that stays open."""


class CacheableAnswer:
    """An answer that caches for everybody may keep, part by part."""

    __slots__ = ()

    def part(self, data: bytes, user: User, *, last: bool) -> None:
        """The next part, sent to ``user``."""


class CacheableAnswers:
    """All of them, and the cookies that answers set."""

    __slots__ = ()

    def answer(self, headers: Iterable[tuple[bytes, bytes]], request: AnsweredRequest) -> CacheableAnswer | None:
        """The answer behind a head, where that says that caches may keep it."""
        raise NotImplementedError

    def sets(self, cookies: Iterable[str], request: AnsweredRequest) -> None:
        """The answer to the running request sets these cookies."""


class LeavingResponse:
    """One response on its way out."""

    __slots__ = ("kept",)

    kept: CacheableAnswer | None
    """What caches for everybody may keep of it; set by who knows its head as it leaves the process."""

    def chunk(self, data: bytes, *, last: bool) -> None:
        """The next part of the body."""

    def chunk_for(self, user: User | None, data: bytes, *, last: bool) -> None:
        """The same, where it was asked already whose work is running."""


class LeavingPushes:
    """What is pushed to one user, on one stream or connection."""

    __slots__ = ()

    def sent(self, payload: str | bytes, user: User, own: Inputs | None = None) -> None:
        """One message; ``own`` are the inputs of the unit of work, where they are at hand."""

    def told(self, payload: Any, user: User, together: Callable[[str], bool] | None = None) -> None:
        """The same of plain data, which a library is about to write down.

        ``together`` tells of another's id whether both are in one room.
        """


class Exits:
    """Everything that leaves in the work of a user."""

    __slots__ = ()

    # Attributes, not methods: they are called for each request, and what makes the one makes the other in one call.
    response: BeginsResponse
    pushes: BeginsPushes
    shared_caches: CacheableAnswers

    def user(self) -> User | None:
        """The user whose work is running; None for nobody, for a placeholder and for the system."""
        raise NotImplementedError

    def reader(self) -> User | None:
        """The same; or ``VISITOR``, where the login says that there is none, and nothing came that could be one's."""
        raise NotImplementedError

    def secrets(self, payload: Any, target: str, what: str) -> None:
        """Something leaves that may well name others, but may hold nobody's secrets; ``what`` it is, for findings."""

    def words(self, target: str, what: str, user: User, payload: str | bytes) -> None:
        """Something leaves for ``user`` that may well name others, and may have none of their words and figures."""
        raise NotImplementedError

    def was_searched_here(self, payload: bytes) -> bool:
        """True, once, where a framework has told of these bytes as a response, and its server sends them."""
        raise NotImplementedError


def exits_of(runtime: Runtime) -> Exits | None:
    """Whoever listens to what leaves; None where no payload is watched."""
    if runtime.content is None or not runtime.config.watch.payloads:
        return None
    return runtime.listener(Exits)
