"""Libraries that serve users and are not watched. They are hooked only to be seen at work, and reported as not watched.

Each names what it calls once for a request, a job or a message. One that gets an integration of its own, of the same
name, is sighted no more.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.foundation.plugins import plugins
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.jobs import CountedWork
from isolation_audit.instrument.work.sightings import Sighting, Sightings
from isolation_audit.integrations import GROUP, Point

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_SCOPES: Final = (
    "say for whom it works: name the functions that serve one user under [[scopes]], or wrap them in user_scope()"
)
_SERVE: Final = "serve the application with uvicorn, hypercorn, daphne, granian, gunicorn, waitress or werkzeug"
LOANS: Final = "loans"
"""The unit of pools of connections: that somebody is known to borrow one says nothing of what is left on it."""
_POOL: Final = "what one user leaves on a pooled connection is not seen: reset connections when they are returned"


@dataclass(frozen=True, slots=True)
class Known:
    """One library, by the ``name`` that people call it; ``unit`` is empty where a call only shows that it has begun."""

    key: str
    name: str
    targets: tuple[str, ...]
    unit: str = "requests"
    remedy: str = _SCOPES


def _server(key: str, name: str, *targets: str, unit: str = "requests") -> Known:
    return Known(key, name, targets, unit, _SERVE)


LIBRARIES: Final = (
    _server(
        "gunicorn_asgi",
        "gunicorn's own ASGI worker",
        "gunicorn.asgi.protocol:ASGIProtocol._handle_http_request",
        "gunicorn.asgi.protocol:ASGIProtocol._handle_http2_request",
    ),
    _server(
        "granian_rsgi",
        "granian with an RSGI application",
        *(f"granian.server.{kind}._spawn_rsgi_worker" for kind in ("mp:MPServer", "mt:MTServer", "embed:Server")),
        unit="",
    ),
    _server("eventlet", "eventlet's WSGI server", "eventlet.wsgi:HttpProtocol.handle_one_response"),
    Known("aio_pika", "aio-pika", ("aio_pika.queue:consumer",), "messages"),
    Known("aiokafka", "aiokafka", ("aiokafka.consumer.consumer:AIOKafkaConsumer.getone",), "messages"),
    Known("kafka", "kafka-python", ("kafka.consumer.group:KafkaConsumer.__next__",), "messages"),
    Known("nats", "nats-py", ("nats.aio.client:Client._process_msg",), "messages"),
    Known("pika", "pika", ("pika.adapters.blocking_connection:BlockingChannel._dispatch_events",), "messages"),
    Known("paho", "paho-mqtt", ("paho.mqtt.client:Client._handle_on_message",), "messages"),
    Known(
        "mysql_pool",
        "mysql-connector's pool",
        ("mysql.connector.pooling:MySQLConnectionPool.get_connection",),
        LOANS,
        _POOL,
    ),
)

HOSTS: Final = {"uwsgi": "uWSGI", "mod_wsgi": "mod_wsgi"}
"""Modules that exist only inside of the server that they are named for."""


class Sighted:
    """The integration."""

    distribution = ""
    since = ""
    sighting = True

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What each of them calls once for a unit of work."""
        sightings = runtime.part(Sightings)
        watched = {plugin.name for plugin in plugins(GROUP)}
        for module, name in HOSTS.items():
            if module in sys.modules:
                sightings.host(name, _SERVE)
        for known in LIBRARIES:
            if known.key not in watched:
                for target in known.targets:
                    yield Point(target, partial(SightingPoint, known, target, sightings))


class SightingPoint(Interceptor):
    """Around one unit of work of a library that is not watched."""

    def __init__(self, known: Known, place: str, sightings: Sightings, _layout: Layout) -> None:
        self.place = place
        self._known = known
        self._is_pool = known.unit == LOANS
        self._sighting = partial(Sighting, known.unit, known.remedy, place.partition(".")[0].partition(":")[0])
        self._sightings = sightings

    def before(self, _values: Values) -> Any:
        """It is at work."""
        return self if self._is_pool else CountedWork()

    def after(self, work: Any, _result: Any) -> None:
        """Count it, and whether the application has said for whom it was."""
        if self._is_pool:
            self._sightings.lent(self._known.name, self._sighting)
        else:
            self._sightings.end(self._known.name, work, self._sighting)

    def failed(self, work: Any, _error: BaseException) -> None:
        """The same."""
        self.after(work, None)


integration = Sighted()
