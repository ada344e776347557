"""What integrations of event buses share: the points around registering a listener and around telling all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.vocabulary.messages import EventListeners, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

    Reader = Callable[[Values], Any]


class RegisterPoint(Interceptor):
    """Around a method that registers a listener; ``for_all`` tells those that get every event of the bus or topic."""

    def __init__(
        self,
        place: str,
        layout: Layout,
        runtime: Runtime,
        *,
        listener: Reader,
        topic: Reader = lambda _values: None,
        for_all: Callable[[Values], bool] = lambda _values: True,
    ) -> None:
        self.place = place
        self._bus = layout.receiver_reader()
        self._listener = listener
        self._topic = topic
        self._for_all = for_all
        self._listeners = runtime.listener(EventListeners)

    def before(self, values: Values) -> None:
        """Note who registers it. One that is limited to a sender has asked for just that one's events."""
        topic = self._topic(values)
        if (topic is None or type(topic) is str) and self._for_all(values):
            self._listeners.registered(self._bus(values), topic, self._listener(values))


class TellPoint(Interceptor):
    """Around a method that tells the listeners of an event.

    ``listeners`` gives them from the bus and the topic, ``payload`` reads what they are told, ``name`` gives what the
    event is called.
    """

    def __init__(
        self,
        place: str,
        layout: Layout,
        runtime: Runtime,
        *,
        library: str,
        listeners: Callable[[Any, Any], Iterable[Any]],
        payload: Reader,
        name: Callable[[Any, Any], Any],
        topic: Reader = lambda _values: None,
    ) -> None:
        self.place = place
        self._bus = layout.receiver_reader()
        self._topic = topic
        self._library = library
        self._of = listeners
        self._payload = payload
        self._name = name
        self._listeners = runtime.listener(EventListeners)
        self.gate = self._listeners.gate

    def before(self, values: Values) -> None:
        """Weigh what is told, where any user has registered a listener."""
        bus, event = self._bus(values), self._topic(values)
        if event is not None and type(event) is not str:
            return
        topic = self._listeners.topic(bus, event)
        if topic is not None:
            name = self._name(bus, event)
            message = Message(self.place, self._payload(values), (self._library,), name if type(name) is str else None)
            self._listeners.told(topic, self._of(bus, event), message)
