"""The tables of what is written and served: report, journal, Prometheus, OTLP, exporters of other packages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path as FilePath


@dataclass(frozen=True, slots=True)
class Report:
    """``[report]``: terminal and report file. ``raw_ids`` shows user ids instead of pseudonyms, everywhere."""

    directory: FilePath | None = None
    terminal: bool = True
    color: Literal["auto", "always", "never"] = "auto"
    raw_ids: bool = False


@dataclass(frozen=True, slots=True)
class Prometheus:
    """``[prometheus]``: where /metrics is served; off without a port (0 lets the system choose one)."""

    port: int | None = None
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Otlp:
    """``[otlp]``: where spans and log records go; off without an endpoint. ``timeout`` (seconds) bounds the exit."""

    endpoint: str | None = None
    protocol: Literal["grpc", "http/protobuf"] = "grpc"
    headers: tuple[tuple[str, str], ...] = ()
    service_name: str | None = None
    timeout: float = 2.0


@dataclass(frozen=True, slots=True)
class Journal:
    """``[journal]``: an append-only JSON-lines file of findings, written as they happen."""

    path: FilePath | None = None


@dataclass(frozen=True, slots=True)
class Exporter:
    """One ``[exporters.NAME]``: an exporter of another package, with options that only it knows."""

    name: str
    options: tuple[tuple[str, object], ...] = ()
