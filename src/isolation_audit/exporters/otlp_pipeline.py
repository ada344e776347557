"""The OpenTelemetry side of OTLP export: the only module that imports the SDK. Never touches the global providers."""

from __future__ import annotations

import inspect
import os
import secrets
import sys
import time
import uuid
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import opentelemetry.sdk._logs as sdk_logs
from opentelemetry import context as otel_context
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace.status import Status, StatusCode

from isolation_audit._version import __version__
from isolation_audit.exporters.telemetry import (
    EVENT_NAME,
    INSTRUMENTATION_SCOPE,
    SCHEMA_URL,
    SEVERITIES,
    Privacy,
    record_attributes,
    span_attributes,
    span_name,
)
from isolation_audit.model.scopes import UnitSpan
from isolation_audit.model.span_places import SpanPlace
from isolation_audit.model.spans import identity, parent_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from isolation_audit.config.outputs import Otlp
    from isolation_audit.exporters.otlp_delivery import Exporter
    from isolation_audit.model.findings import Finding
    from isolation_audit.model.scopes import Scope
    from isolation_audit.recording.recorder import Entry

_PACKAGES = {
    "grpc": "opentelemetry.exporter.otlp.proto.grpc",
    "http/protobuf": "opentelemetry.exporter.otlp.proto.http",
}

# What the exporters import when they are made, connect, or fail. Were that on the courier's thread, a fork in the
# middle of it would leave the child with a module's lock taken by nobody, and whoever imports the module there would
# wait for ever. So it is done before; but not where there is gevent, which has to exchange ``ssl`` before ``requests``
# takes names out of it, and does so after the auditor's start. A name that some version lacks is passed over.
_IMPORTED_LATE = {
    "grpc": ("grpc._channel", "grpc.experimental"),
    "http/protobuf": ("requests", "netrc", "encodings.idna", "isolation_audit.exporters.otlp_session"),
}
# For the same reason: before 1.26 it imports what keeps contexts when it is first asked.
otel_context.get_current()


class _Hand:
    """An exporter in name only: hands over what the SDK made of a span or record."""

    def __init__(self, post: Callable[[Any], None]) -> None:
        self._post = post

    def export(self, batch: Sequence[Any], /) -> None:
        """Hand over."""
        for record in batch:
            self._post(record)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 0) -> bool:
        """Nothing is held."""
        return timeout_millis >= 0


class _GivenIds(IdGenerator):
    """Ids that the pipeline chose. The SDK's own draw from ``random``, whose sequence belongs to the application."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        """The chosen trace id."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """The chosen span id."""
        return self.span_id


_resources: dict[str | None, tuple[int, Resource]] = {}
"""By service name: the process that made it, and the resource."""


def resource_of(service_name: str | None) -> Resource:
    """Who sends. A forked child takes its parent's over and makes it its own.

    ``Resource.create`` starts threads, which a child can't do while it is being forked (the lock of concurrent.futures
    is still held then), nor later, while its interpreter ends.
    """
    maker, known = _resources.get(service_name, (0, None))
    if known is not None and maker != os.getpid():
        own: dict[str, Any] = {"process.pid": os.getpid()}
        if "service.instance.id" in known.attributes:
            own["service.instance.id"] = str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
        return known.merge(Resource(own))
    named = {"service.name": service_name} if service_name else {}
    made = Resource.create({**named, "process.pid": os.getpid()})
    _resources[service_name] = (os.getpid(), made)
    return made


class Pipeline:
    """Makes SDK spans and log records out of scopes and findings: one thread makes spans, one makes records."""

    def __init__(self, resource: Resource, privacy: Privacy, post_record: Callable[[Any], None]) -> None:
        self._privacy = privacy
        self._made: list[Any] = []
        self._ids = _GivenIds()
        tracers = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False, id_generator=self._ids)
        hand_span: Any = _Hand(self._made.append)
        tracers.add_span_processor(SimpleSpanProcessor(hand_span))
        self._tracer = tracers.get_tracer(INSTRUMENTATION_SCOPE, __version__, SCHEMA_URL)
        loggers = sdk_logs.LoggerProvider(resource=resource, shutdown_on_exit=False)
        hand_record: Any = _Hand(post_record)
        loggers.add_log_record_processor(SimpleLogRecordProcessor(hand_record))
        self._logger: Any = loggers.get_logger(INSTRUMENTATION_SCOPE, __version__, SCHEMA_URL)
        self._make_record = _record_maker(resource)

    def spans(self, scopes: Sequence[Scope]) -> list[Any]:
        """One for each ended scope."""
        for scope in scopes:
            self._span(scope)
        made = self._made[:]
        self._made.clear()
        return made

    def _span(self, scope: Scope) -> None:
        """One ended scope as a span: below the scope around it, else below the application's own span, else a root."""
        parent = parent_of(scope)
        self._ids.trace_id, self._ids.span_id, _ = identity(scope)
        span = self._tracer.start_span(
            span_name(scope),
            context=_within(parent),
            kind=SpanKind.SERVER if isinstance(scope, UnitSpan) else SpanKind.INTERNAL,
            attributes=span_attributes(scope, self._privacy),
            links=[Link(_context(place)) for place in scope.links or ()],
            start_time=scope.started,
        )
        for happening in scope.happened or ():
            span.add_event(happening.name, happening.attributes, happening.at)
        if scope.failed:
            span.set_status(Status(StatusCode.ERROR))
        span.end(scope.ended)

    def record(self, entry: Entry) -> None:
        """One new finding as a log record, in the application's trace where that is known."""
        finding = entry.finding
        number, text = SEVERITIES[finding.severity]
        self._logger.emit(
            self._make_record(
                timestamp=int(entry.first_seen * 1e9),
                observed_timestamp=time.time_ns(),
                severity_number=SeverityNumber(number),
                severity_text=text,
                body=finding.message,
                attributes=record_attributes(finding),
                place=_place_of(finding),
            )
        )


class SpanExporter:
    """Takes ended scopes, and makes their spans when they are sent: one that waits would need eight times the room."""

    def __init__(self, exporter: Exporter, pipeline: Pipeline) -> None:
        self._exporter = exporter
        self._pipeline = pipeline
        self.shutdown = exporter.shutdown

    def export(self, batch: Sequence[Scope], /) -> Any:
        """Send the spans of a batch."""
        return self._exporter.export(self._pipeline.spans(batch))


def _place_of(finding: Finding) -> SpanPlace | None:
    if finding.trace_id is None:
        return None
    return SpanPlace(int(finding.trace_id, 16), int(finding.span_id or "0", 16))


def _context(place: SpanPlace, flags: int = TraceFlags.SAMPLED) -> SpanContext:
    return SpanContext(place.trace_id, place.span_id, is_remote=False, trace_flags=TraceFlags(flags))


def _within(place: SpanPlace | None, flags: int = TraceFlags.SAMPLED) -> Context:
    """A context that names a span, or none; never the one that happens to be current here."""
    span = INVALID_SPAN if place is None else NonRecordingSpan(_context(place, flags))
    return set_span_in_context(span, Context())


def _record_maker(resource: Resource) -> Callable[..., Any]:
    """The constructor of log records of the installed SDK; the logs API changed with 1.35 and with 1.39."""
    of_sdk = getattr(sdk_logs, "LogRecord", None)
    maker: Any = of_sdk or import_module("opentelemetry._logs").LogRecord
    knows = inspect.signature(maker.__init__).parameters

    def make(*, place: SpanPlace | None, attributes: dict[str, Any], **fields: Any) -> Any:
        if of_sdk is not None:
            fields["resource"] = resource
        if "context" in knows:
            # Whether that trace is sampled is not known.
            fields["context"] = _within(place, TraceFlags.DEFAULT)
        else:
            trace_id, span_id, _ = place or (0, 0, False)
            fields |= {"trace_id": trace_id, "span_id": span_id, "trace_flags": TraceFlags(TraceFlags.DEFAULT)}
        if "event_name" in knows:
            fields["event_name"] = EVENT_NAME
        else:
            attributes = {"event.name": EVENT_NAME, **attributes}
        return maker(attributes=attributes, **fields)

    return make


def exporter_types(protocol: str) -> tuple[type[Any], type[Any]]:
    """The exporters of log records and of spans for one protocol; what they import late is imported, if it may be.

    Raises:
        ImportError: their package is not installed.
    """
    package = _PACKAGES[protocol]
    if protocol == "grpc" or find_spec("gevent") is None:
        _import_late(protocol)
    logs = import_module(f"{package}._log_exporter").OTLPLogExporter
    spans = import_module(f"{package}.trace_exporter").OTLPSpanExporter
    return logs, spans


def _import_late(protocol: str) -> None:
    for name in _IMPORTED_LATE[protocol]:
        with suppress(ImportError):
            import_module(name)


def connect(config: Otlp) -> dict[str, Exporter]:
    """The exporters of both lanes. Called on the thread that exports, which is then exempt from instrumentation, while
    no fork can be: what they import late is imported here at the latest.

    Raises:
        RuntimeError: gevent may be about to exchange what is yet to be imported.
    """
    if config.protocol != "grpc" and "gevent.monkey" in sys.modules and "requests" not in sys.modules:
        raise RuntimeError("requests can't be imported beside gevent")
    # Else an application that instruments its HTTP or gRPC client would trace the export of traces.
    keys = (otel_context._SUPPRESS_INSTRUMENTATION_KEY, otel_context._SUPPRESS_HTTP_INSTRUMENTATION_KEY)  # noqa: SLF001
    for key in keys:
        otel_context.attach(otel_context.set_value(key, value=True))
    _import_late(config.protocol)
    logs, spans = exporter_types(config.protocol)
    endpoint = str(config.endpoint)
    if config.protocol == "grpc":
        metadata = tuple([(key.lower(), value) for key, value in config.headers])
        options = {"insecure": not endpoint.startswith("https:"), "headers": metadata, "timeout": config.timeout}
        return {"logs": logs(endpoint=endpoint, **options), "spans": spans(endpoint=endpoint, **options)}
    base = endpoint.rstrip("/")
    from isolation_audit.exporters.otlp_session import Session  # requests is there from here on

    options = {"headers": dict(config.headers), "timeout": config.timeout}
    return {
        "logs": logs(endpoint=f"{base}/v1/logs", session=Session(), **options),
        "spans": spans(endpoint=f"{base}/v1/traces", session=Session(), **options),
    }
