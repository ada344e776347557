"""Prometheus: the report as metrics, and the endpoint that serves them.

One collector reads a report (schema 1) whenever it is scraped, so the same class serves the report of one process and
the merged report of many. Every series exists from the first scrape on, at 0; none names a user, a session or a run.
"""

from __future__ import annotations

import os
import weakref
from functools import partial
from typing import TYPE_CHECKING, Protocol

from isolation_audit.config.model import Config
from isolation_audit.exceptions import MissingExtraError, UsageError
from isolation_audit.exporters.metrics import PREFIX, Family, absence, families
from isolation_audit.exporters.metrics_server import MetricsServer
from isolation_audit.exporters.notices import notice
from isolation_audit.foundation.own_threads import OwnThread

try:
    from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
    from prometheus_client.samples import Exemplar
except ImportError as error:
    raise MissingExtraError("the /metrics endpoint", "prometheus") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from prometheus_client.metrics_core import Metric

    from isolation_audit.exporters.base import Batch
    from isolation_audit.exporters.report import Report


class Audit(Protocol):
    """What a collector needs of an auditor."""

    @property
    def config(self) -> Config:
        """The configuration: it names the targets and the severities of rules."""

    def snapshot(self) -> Report:
        """The report so far."""


def _metric(family: Family) -> Metric:
    name = PREFIX + family.name
    if family.kind == "histogram":
        return HistogramMetricFamily(name, family.text, list(family.buckets), family.total)
    if family.kind == "gauge":
        gauge = GaugeMetricFamily(name, family.text, labels=family.labels)
        for labels, value in family.values.items():
            gauge.add_metric(list(labels), value)
        return gauge
    counter = CounterMetricFamily(name, family.text, labels=family.labels)
    for labels, value in family.values.items():
        leads = family.exemplars.get(labels)
        # Not add_metric(), which took no exemplars for a long time.
        named = dict(zip(family.labels, labels, strict=True))
        counter.add_sample(
            f"{counter.name}_total", named, value, exemplar=None if leads is None else Exemplar(dict(leads), 1.0)
        )
    return counter


class AuditCollector:
    """Reads a report at each scrape. ``source`` gives configuration and report, or None while no auditor runs."""

    def __init__(self, source: Callable[[], tuple[Config, Report] | None]) -> None:
        self.source = source

    def describe(self) -> Iterator[Metric]:
        """The names of all metrics, known before anything runs, so that a registry can refuse a second collector."""
        yield from map(_metric, families(Config(), {"run": {}, "targets": [], "summary": {}, "findings": []}))

    def collect(self) -> Iterator[Metric]:
        """All metrics; only that the auditor is not running where there is no report to be had."""
        try:
            found = self.source()
            # Complete before the first line goes out: the registry may be the application's own, and must not fail.
            metrics = list(map(_metric, absence() if found is None else families(*found)))
        except Exception:
            metrics = list(map(_metric, absence()))
        yield from metrics


_registered: weakref.WeakKeyDictionary[CollectorRegistry, AuditCollector] = weakref.WeakKeyDictionary()


def register(current: Callable[[], Audit | None], registry: CollectorRegistry = REGISTRY) -> AuditCollector:
    """Add the metrics to a registry that the application serves itself.

    ``current`` is a function that gives the running auditor, so it may be called before one is started::

        from isolation_audit.exporters.prometheus import register

        register(isolation_audit.current)

    Idempotent: a second call for the same registry replaces the first one's ``current``.
    """

    def source() -> tuple[Config, Report] | None:
        audit = current()
        return None if audit is None else (audit.config, audit.snapshot())

    known = _registered.get(registry)
    if known is not None:
        known.source = source
        return known
    collector = AuditCollector(source)
    registry.register(collector)
    _registered[registry] = collector
    return collector


_endpoints: weakref.WeakSet[MetricsEndpoint] = weakref.WeakSet()


class MetricsEndpoint:
    """A served /metrics: an HTTP server on a daemon thread. Usable as a context manager."""

    def __init__(self, address: str, port: int, collector: AuditCollector) -> None:
        registry = CollectorRegistry()
        registry.register(collector)
        self._server = MetricsServer(address, port, make_wsgi_app(registry))
        self.address = address
        self.port = self._server.server_port
        self._thread = OwnThread(partial(self._server.serve_forever, 0.1))
        self._thread.start()
        _endpoints.add(self)

    @property
    def url(self) -> str:
        """Where it is."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop serving and free the port."""
        _endpoints.discard(self)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1.0)

    def forget(self) -> None:
        """In a forked child: let go of the parent's socket, which nobody here answers."""
        self._server.socket.close()

    def __enter__(self) -> MetricsEndpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(config: Config, snapshot: Callable[[], Report]) -> MetricsEndpoint:
    """Serve the report that ``snapshot`` gives on the address and port of ``config.prometheus``.

    Raises:
        UsageError: the address or port can't be had.
    """
    address, port = config.prometheus.address, config.prometheus.port or 0
    try:
        return MetricsEndpoint(address, port, AuditCollector(lambda: (config, snapshot())))
    except OSError as error:
        raise UsageError(f"no /metrics on {address} port {port}: {error.strerror or error}") from None


class PrometheusSink:
    """Serves /metrics as long as the auditor runs; a port that is taken costs the metrics, never the application.

    It begins with the first batch, on the sink's own thread: the address may be a name, and a resolver may hang.
    """

    name = "prometheus"
    takes_scopes = False

    def __init__(self, config: Config, snapshot: Callable[[], Report]) -> None:
        self._config = config
        self._snapshot = snapshot
        self._begun = False
        self._endpoint: MetricsEndpoint | None = None

    @property
    def port(self) -> int | None:
        """The port in use; None where none could be had."""
        return None if self._endpoint is None else self._endpoint.port

    @property
    def url(self) -> str | None:
        """Where the metrics are; None where they could not be served."""
        return None if self._endpoint is None else self._endpoint.url

    def drain(self, _batch: Batch) -> None:
        """Begin to serve; there is nothing to take: a scrape reads the report."""
        if self._begun:
            return
        self._begun = True
        try:
            self._endpoint = serve(self._config, self._snapshot)
        except UsageError as error:
            notice(f"{error}; the application goes on")
            return
        if self._config.prometheus.port == 0:
            notice(f"metrics on {self._endpoint.url}")

    def close(self) -> None:
        """Stop serving and free the port."""
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None


def _after_fork() -> None:
    for endpoint in list(_endpoints):
        endpoint.forget()
    _endpoints.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
