"""The tables of what is written and served: report, journal, Prometheus, OTLP, exporters of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from isolation_audit.config import kinds
from isolation_audit.config.kinds import BOOLEAN, TEXT
from isolation_audit.config.options import V02, Many, One, OwnName, Pairs, Reading, Rest, needed, option, table

if TYPE_CHECKING:
    from pathlib import Path as FilePath


def in_folder(at: Reading) -> kinds.Kind[FilePath]:
    """The kind of a file whose name counts from the folder of the configuration."""
    return kinds.file_path(at.folder)


@table
class Report:
    """``[report]``: terminal and report file. ``raw_ids`` shows user ids instead of pseudonyms, everywhere."""

    directory: FilePath | None = option(
        One(in_folder), default=None, meaning="where reports are written; none without it"
    )
    terminal: bool = option(One(BOOLEAN), default=True, meaning="show findings in the terminal")
    color: Literal["auto", "always", "never"] = option(
        One(kinds.choice("a color mode", "auto", "always", "never")), default="auto", meaning="colors in the terminal"
    )
    raw_ids: bool = option(One(BOOLEAN), default=False, meaning="show user ids instead of pseudonyms, everywhere")


@table
class Prometheus:
    """``[prometheus]``: where /metrics is served; off without a port (0 lets the system choose one)."""

    port: int | None = option(
        One(kinds.PORT),
        default=None,
        meaning="where `/metrics` is served; 0 lets the system choose, and without a port nothing is served",
    )
    address: str = option(One(kinds.ADDRESS), default="127.0.0.1", meaning="the interface to listen on")


@table
class Otlp:
    """``[otlp]``: where spans and log records go; off without an endpoint. ``timeout`` (seconds) bounds the exit."""

    endpoint: str | None = option(One(kinds.URL), default=None, meaning="the collector; without it nothing is sent")
    protocol: Literal["grpc", "http/protobuf"] = option(
        One(kinds.choice("a protocol", "grpc", "http/protobuf")), default="grpc", meaning="how to speak to it"
    )
    headers: tuple[tuple[str, str], ...] = option(
        Pairs(kinds.HEADER, kinds.HEADER_VALUE),
        default=(),
        meaning="sent with every request; the values never appear in messages",
    )
    service_name: str | None = option(One(TEXT), default=None, meaning="the `service.name` of the resource")
    timeout: float = option(One(kinds.DURATION), default=2.0, meaning="for one export, and for the last one at exit")


@table
class Baggage:
    """``[baggage]``: whose work sends a request or a job, told from one audited service to another by W3C's header."""

    hosts: tuple[str, ...] = option(
        Many(kinds.GLOB),
        default=(),
        meaning=(
            'your own services, such as `"*.internal"`: requests to them gain the [pseudonym of the user]'
            "(telemetry.md#between-services) whose work sends them; no other request does"
        ),
        since=V02,
    )
    messages: bool = option(
        One(BOOLEAN),
        default=False,
        meaning=(
            "the jobs that are published to Celery, dramatiq, RQ and taskiq gain the [pseudonym of the user]"
            "(telemetry.md#between-services) whose work publishes them, in their headers"
        ),
        since=V02,
    )
    accept: bool = option(
        One(BOOLEAN),
        default=False,
        meaning=(
            "compare that pseudonym with the user of the request where it arrives ([IA211](../rules/IA211.md)), and "
            "take the one of a job for its publisher's; for services that only services of yours can reach"
        ),
        since=V02,
    )


@table
class Journal:
    """``[journal]``: an append-only JSON-lines file of findings, crossings and events, written as they happen."""

    path: FilePath | None = option(
        One(in_folder),
        default=None,
        meaning="findings, crossings and events as JSON lines, written as they happen: [the journal](journal.md)",
    )
    events: bool = option(
        One(BOOLEAN),
        default=True,
        meaning="write ended scopes and units of work with their events, too; without, findings and crossings alone",
        since=V02,
    )
    size: int = option(
        One(kinds.COUNT), default=64_000_000, meaning="bytes after which the next file is begun", since=V02
    )
    keep: int = option(
        One(kinds.COUNT), default=8, meaning="older files that are kept: `path.1` to `path.8`", since=V02
    )


@table
class Exporter:
    """One ``[exporters.NAME]``: an exporter of another package, with options that only it knows."""

    name: str = needed(OwnName())
    options: tuple[tuple[str, object], ...] = option(Rest(kinds.PLAIN), default=(), since=V02)
