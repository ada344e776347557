"""OpenTelemetry: ended scopes as spans and new findings as log records, sent over OTLP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.analysis.texts import without_credentials, without_secrets
from isolation_audit.exceptions import MissingExtraError
from isolation_audit.exporters.notices import notice
from isolation_audit.exporters.otlp_delivery import Delivery
from isolation_audit.exporters.quiet import ThreadFilter
from isolation_audit.exporters.telemetry import Privacy
from isolation_audit.foundation.forks import forks
from isolation_audit.instrument.tracking.work_spans import FINDING
from isolation_audit.model.spans import at_rest

if TYPE_CHECKING:
    from isolation_audit.config.outputs import Otlp
    from isolation_audit.exporters.base import Batch
    from isolation_audit.exporters.otlp_delivery import Exporter
    from isolation_audit.model.pseudonyms import Pseudonyms
    from isolation_audit.model.scopes import Scope


class OtlpSink:
    """Sends to one receiver, through providers of its own; one that is down or hangs is counted, never waited for."""

    name = "otlp"

    def __init__(self, config: Otlp, pseudonyms: Pseudonyms, *, raw_ids: bool = False) -> None:
        try:
            from isolation_audit.exporters import otlp_pipeline

            otlp_pipeline.exporter_types(config.protocol)
        except ImportError as error:
            raise MissingExtraError("OTLP export", "otel") from error
        self._config = config
        self._receiver = without_secrets(str(config.endpoint))
        self._otel = otlp_pipeline
        self._mute = ThreadFilter()
        # Findings go first: of what little time there may be left at the end, they are worth more than spans.
        self._courier = Delivery(("logs", "spans"), self._connect, self._trouble)
        self._resource = otlp_pipeline.resource_of(config.service_name)
        self._privacy = Privacy(pseudonyms, raw=raw_ids)
        self._pipeline: otlp_pipeline.Pipeline | None = None

    @property
    def exports(self) -> dict[str, int]:
        """Failed attempts to send, and records given up, so far."""
        return {"failures": self._courier.failures, "lost": self._courier.lost}

    def drain(self, batch: Batch) -> None:
        """Queue what is new; nothing is sent on this thread."""
        if not (batch.entries or batch.scopes):
            return
        if self._pipeline is None:
            # Not in the constructor, which also runs inside os.fork(): the SDK takes locks that other modules hold
            # during a fork, and free after us. By the first record that is over.
            self._pipeline = self._otel.Pipeline(
                self._resource, self._privacy, lambda record: self._courier.post("logs", record)
            )
        for entry in batch.entries:
            self._pipeline.record(entry)
        for scope in batch.scopes:
            if _wanted(scope):
                self._courier.post("spans", at_rest(scope))

    def close(self) -> None:
        """Send what is left within the configured time, and end."""
        self._courier.close(self._config.timeout)
        self._mute.remove()
        if self._courier.lost:
            notice(f"{self._courier.lost} span(s) and log record(s) did not reach {self._receiver}")

    def _connect(self) -> dict[str, Exporter]:
        with forks.wait():  # the first time it imports
            exporters = self._otel.connect(self._config)
        self._mute.mute_this_thread()
        if self._pipeline is not None:  # it is: something waits to be sent
            exporters["spans"] = self._otel.SpanExporter(exporters["spans"], self._pipeline)
        return exporters

    def _trouble(self) -> None:
        reason = without_credentials(" ".join(self._mute.last.split()))[:200]
        notice(
            f"{self._receiver} does not take spans and log records; the application goes on, attempts too"
            + (f" ({reason})" if reason else "")
        )


def _wanted(scope: Scope) -> bool:
    """The application's sampling decision counts for what happened within its traces, except for findings."""
    found = any(one.name == FINDING for one in scope.happened or ())
    return scope.trace is None or scope.trace.sampled or scope.crossings > 0 or found
