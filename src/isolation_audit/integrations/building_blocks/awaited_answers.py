"""What integrations of kept connections to other services share: the point around what waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.calls.interceptors import Interceptor

if TYPE_CHECKING:
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.vocabulary.pools import QuestionsAndAnswers


class AwaitingPoint(Interceptor):
    """Around a method of a connection that waits for what comes."""

    def __init__(self, place: str, pools: QuestionsAndAnswers, layout: Layout) -> None:
        self.place = place
        self._pools = pools
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Begin to wait; None where nothing has been asked, as on a server's side."""
        return self._pools.wait(self._self_of(values))

    def after(self, exchange: Any, answer: Any) -> None:
        """Something has come, or the connection is at its end."""
        self._pools.answer(exchange, answer)

    def failed(self, exchange: Any, error: BaseException) -> None:
        """Nothing has come."""
        self._pools.fail(exchange, error)
