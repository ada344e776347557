"""For whom other audited services have sent the requests that arrive: what W3C's header ``baggage`` says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.tracking.observations import SentForAnother
from isolation_audit.model.baggage import HEADER, pseudonym_in
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.vocabulary.work import RequestsArrived

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User


class Senders(RequestsArrived):
    """The users that arrive here under their own pseudonym; use it with ``runtime.part``.

    Another service may know a person by another name, or ask in its own name for all: such a request never fits, and
    says nothing. Two users of whom each has come with the pseudonym of their own are known by the same names on both
    sides, and one with the other's is a crossing.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._pseudonym = runtime.pseudonym
        self._publish = runtime.publish
        self._limit = runtime.config.limits.users
        self._arrived: dict[str, User] = {}

    def arrived(self, request: Request, user: User | None, endpoint: Any) -> None:
        """A request is over, and was this user's."""
        if user is None or user.kind is not Kind.USER:
            return
        told = next((pseudonym_in(value) for name, value in request.headers() if name == HEADER), None)
        if told is None:
            return
        own = self._pseudonym(user.id)
        if told == own:
            if own not in self._arrived:
                drop_oldest(self._arrived, self._limit)
                self._arrived[own] = user
            return
        sender = self._arrived.get(told)
        if sender is not None and own in self._arrived and not same(sender, user):
            self._publish(SentForAnother(user, sender, endpoint))
