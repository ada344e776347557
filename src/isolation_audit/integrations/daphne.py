"""Daphne: where the requests and WebSockets of any ASGI application begin and end, and what it sends.

The application's coroutine becomes a task of its own, which has a copy of the context in which it was made. So the
request begins in that context, which is put right again, and is over when the task is done.
"""

from __future__ import annotations

from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.barrier import raised_by_signal
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.asgi_servers import sending
from isolation_audit.integrations.building_blocks.http_request import AsgiPoint
from isolation_audit.model.contexts import change_unit, current_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_CREATE: Final = "daphne.server:Server.create_application"
_SEND: Final = "daphne.server:Server.handle_reply"


class Daphne:
    """The integration."""

    distribution = "daphne"
    since = "4.0"
    packages = ("daphne", "twisted", "autobahn")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What calls the application, and the method that it is given to send with."""
        yield Point(_CREATE, partial(CreatePoint, runtime))
        yield from sending(runtime, (_SEND,), connection="protocol")


class CreatePoint(AsgiPoint):
    """Around the call of the application, which runs afterwards."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_CREATE, runtime, layout.argument("scope"), served=True)
        runtime.part(Sightings).serves(_CREATE, through=("twisted",))
        self._barrier = runtime.barrier
        self._server, self._protocol = layout.receiver_reader(), layout.argument("protocol")

    def before(self, values: Values) -> Any:
        """Begin a request in the context that the application's task will have a copy of."""
        unit = current_unit().given_by
        begun = super().before(values)
        return None if begun is None else (begun, unit, self._server(values), self._protocol(values))

    def after(self, state: Any, _result: Any) -> None:
        """Leave the context as it was; the request goes on."""
        begun, unit, server, protocol = state
        its_own = copy_context()
        self._leave(begun, unit)
        task = server.connections.get(protocol, {}).get("application_instance")
        if task is None:
            its_own.run(super().after, begun, None)
        else:
            task.add_done_callback(partial(self._done, begun), context=its_own)

    def failed(self, state: Any, error: BaseException) -> None:
        """The application could not be called."""
        begun, unit, *_ = state
        _failed(begun, error)
        super().after(begun, None)
        self._leave(begun, unit)

    def _done(self, begun: Any, task: Any) -> None:
        # An event loop calls it: there is no probe to hold back what goes wrong. Asking for the exception would count
        # as having dealt with it.
        try:
            _failed(begun, getattr(task, "_exception", None))
            super().after(begun, None)
        except Exception as error:
            if raised_by_signal(error):
                raise
            self._barrier.fault(self.place, error)

    @staticmethod
    def _leave(begun: Any, unit: Any) -> None:
        change_unit(request=begun[1], given_by=unit)


def _failed(begun: Any, error: BaseException | None) -> None:
    request, _outer = begun
    if error is not None and request.unit is not None:
        request.unit.failed = True


integration = Daphne()
