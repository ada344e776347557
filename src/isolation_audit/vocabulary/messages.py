"""Messages between users, and connections that are theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.gates import Gate
    from isolation_audit.model.users import User


ENOUGH: Final = 5
"""How often anybody is asked about one pair of users, sender and receiver: where the application keeps connections and
callbacks does not change."""


class Message:
    """What is sent: through which ``target``, as which event (None: unknown), beneath which libraries' frames."""

    __slots__ = ("event", "libraries", "payload", "target")

    def __init__(self, target: str, payload: Any, libraries: tuple[str, ...], event: str | None = None) -> None:
        self.target = target
        self.payload = payload
        self.libraries = libraries
        self.event = event


class MessagesSent:
    """What is sent, and to whom."""

    __slots__ = ()

    def one(self, sender: User | None, receiver: User | None, message: Message) -> None:
        """Something was sent to one connection, or to several of one user."""

    def by_started(self, sender: User, receiver: User, message: Message) -> None:
        """The same in a task that ``sender``'s work has started, and which may work for all: what a model has said."""

    def misdirected(self, sender: User, receiver: User, message: Message, to: str) -> None:
        """What a user's work has sent has gone to another's connection: "displaced", or "handed"."""

    def passes(self, sender: User | None, receiver: User | None, payload: Any) -> bool:
        """True where nothing can be told of what is sent to one connection: :meth:`one` needs not be asked."""
        raise NotImplementedError

    def everyone(
        self, sender: User | None, receivers: Iterable[User], message: Message, *, meant: Callable[[], bool]
    ) -> None:
        """Something was sent to all; ``meant`` tells what is meant for them from an addressee that came to be None."""

    def room(self, sender: User | None, name: str | None, receivers: list[User], message: Message) -> None:
        """Something was sent to a room; ``receivers`` are its members as far as they are known."""

    def kept_room(self, name: str | None, former: User, receiver: User, message: Message, sender: User | None) -> None:
        """Something was sent to a room with a connection in it that was ``former``'s, and is ``receiver``'s by now."""

    def to_oneself(self, sender: User, payload: Any) -> None:
        """A user's message went to that user: whoever sends it to others as well sends it round.

        It is not held against ``sender``, whoever was reached first: those who waited to be told of, or those to come.
        """


class ConnectionsBound:
    """Connections whose users have become known."""

    __slots__ = ()

    asked: Mapping[object, int]
    """How often :meth:`has_lost_its_place` was asked about the ids of a pair of users."""

    def bound(self, socket: Any, user: User, endpoint: Endpoint | None) -> None:
        """A connection that this endpoint serves has turned out to be ``user``'s."""

    def has_lost_its_place(self, sender: User, receiver: User, is_open: Any) -> bool:
        """True where the code that sends to ``receiver`` finds a connection there, and none of the sender's.

        ``is_open`` tells of a connection whether it can be sent to.
        """
        raise NotImplementedError


class CallbacksCalled:
    """Callbacks of one user in the work of another."""

    __slots__ = ()

    asked: Mapping[object, int]
    """How often :meth:`is_from` was asked about the ids of a pair of users."""

    def is_from(self, sender: User, receiver: User) -> bool:
        """True where the function that sends was given what names ``sender`` alone, and sends all that it is given."""
        raise NotImplementedError


class EventListeners:
    """Listeners of events: who registers them, and what they are told. ``topic`` is what :meth:`topic` has given."""

    __slots__ = ()

    gate: Gate
    """Opened when the first is registered."""

    def registered(self, bus: Any, topic: str | None, listener: Any) -> None:
        """A listener was registered; ``topic`` is the event, where a bus has several."""

    def topic(self, bus: Any, topic: str | None) -> Any:
        """The listeners of an event that some user has registered; None where there are none."""
        raise NotImplementedError

    def told(self, topic: Any, listeners: Iterable[Any], message: Message) -> None:
        """``listeners`` are about to be told; ``message.event`` is what the event is called."""
