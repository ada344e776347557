"""One trace as a page: its spans from left to right with their events, out of what an OTLP receiver was sent.

It stands for the view of a trace in Tempo, Jaeger and the like, which no test machine has.
"""

from __future__ import annotations

import gzip
from html import escape
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

_FINDING: Final = "isolation_audit.finding"
_PAGE: Final = """<!doctype html><meta charset="utf-8"><style>
body {{ font: 14px sans-serif; margin: 16px; width: 1060px; color: #1a1a2e }}
h1 {{ font-size: 17px; margin: 14px 0 }} .lane {{ position: relative; height: 26px; border-top: 1px solid #e3e3ee }}
.name {{ position: absolute; top: 4px; width: 250px; overflow: hidden; white-space: nowrap }}
.room {{ position: absolute; left: 260px; width: 790px; height: 26px }}
.bar {{ position: absolute; top: 4px; height: 18px; background: #7b9acc; border-radius: 2px }}
.dot {{ position: absolute; top: 9px; width: 8px; height: 8px; margin-left: -4px; border-radius: 4px }}
.dot {{ background: #174 }}
.error {{ background: #d11; top: 6px; height: 14px; border-radius: 0 }}
table {{ border-collapse: collapse; }} td {{ padding: 2px 14px 2px 0; white-space: nowrap }}
.red {{ color: #b00 }}
</style><h1>Trace {trace}: {count} spans, {took:.0f} ms</h1>{lanes}
<h1>The events of {chosen}</h1><table>{events}</table>"""


def spans_of(sent: Iterable[bytes]) -> dict[str, list[Any]]:
    """The spans that a receiver was sent, by trace, those that began first at the front."""
    found: dict[str, list[Any]] = {}
    for body in sent:
        request = ExportTraceServiceRequest()
        try:
            request.ParseFromString(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        except DecodeError:  # log records
            continue
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    if span.name:
                        found.setdefault(span.trace_id.hex(), []).append(span)
    return {trace: sorted(spans, key=lambda span: int(span.start_time_unix_nano)) for trace, spans in found.items()}


def page(trace: str, spans: list[Any]) -> str:
    """The page of one trace; below it the events of the first span in which there is an error."""
    begin = min(span.start_time_unix_nano for span in spans)
    end = max(span.end_time_unix_nano for span in spans)

    def at(moment: int) -> float:
        return (moment - begin) / (end - begin) * 100

    lanes = []
    for span in spans:
        left, width = at(span.start_time_unix_nano), at(span.end_time_unix_nano) - at(span.start_time_unix_nano)
        dots = "".join(
            f'<i class="dot{" error" if _is_error(one) else ""}" style="left: {at(one.time_unix_nano):.2f}%"></i>'
            for one in sorted(span.events, key=_is_error)
        )
        bar = f'<div class="bar" style="left: {left:.2f}%; width: {width:.2f}%"></div>'
        lanes.append(
            f'<div class="lane"><div class="name">{escape(span.name.strip())}</div>'
            f'<div class="room">{bar}{dots}</div></div>'
        )
    chosen = next((span for span in spans if any(map(_is_error, span.events))), spans[0])
    events = "".join(_row(one, chosen.start_time_unix_nano) for one in chosen.events)
    return _PAGE.format(
        trace=trace[:12], count=len(spans), took=(end - begin) / 1e6,
        lanes="".join(lanes), chosen=escape(chosen.name.strip()), events=events,
    )  # fmt: skip


def _attributes(event: Any) -> dict[str, str]:
    return {one.key.removeprefix("isolation_audit."): one.value.string_value for one in event.attributes}


def _is_error(event: Any) -> bool:
    return bool(event.name == _FINDING and _attributes(event).get("severity") == "error")


def _row(event: Any, begun: int) -> str:
    told = _attributes(event)
    words = f"{told.get('rule', '')} {told.get('event', '')}".strip()
    kind = ' class="red"' if _is_error(event) else ""
    after = (event.time_unix_nano - begun) / 1e6
    return f"<tr{kind}><td>{after:.1f} ms<td>{escape(event.name)}<td>{escape(words)}</tr>"
