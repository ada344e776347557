"""Spans and log records as an OTLP receiver gets them over real sockets, on both protocols."""

from __future__ import annotations

import gc
import logging
import os
import random
import subprocess
import sys
import time
import weakref
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from isolation_audit import Auditor, system_scope, user_scope
from isolation_audit._version import __version__
from isolation_audit.config import parse_config
from isolation_audit.config.outputs import Otlp
from isolation_audit.exporters.base import Batch
from isolation_audit.exporters.configured import configured_sinks
from isolation_audit.exporters.metrics import families
from isolation_audit.exporters.otel import OtlpSink
from isolation_audit.model.findings import Finding, Frame, Site, Witnesses
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.rules import Severity
from isolation_audit.model.scopes import Scope
from isolation_audit.model.span_places import SpanPlace
from isolation_audit.recording.recorder import Entry
from receivers import Received, attributes, free_port, receiver, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PSEUDONYMS = Pseudonyms(key="a key that is made for tests")
OLD_EXPORTER = tuple(map(int, metadata.version("opentelemetry-sdk").split(".")[:2])) < (1, 35)
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(params=["grpc", "http/protobuf"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def received(protocol: str) -> Iterator[Received]:
    with receiver(protocol) as one:
        yield one


def send(
    protocol: str, received: Received, *, entries: Any = (), scopes: Any = (), raw_ids: bool = False, **more: Any
) -> OtlpSink:
    config = Otlp(endpoint=received.endpoint, protocol=protocol, **more)  # type: ignore[arg-type]
    sink = OtlpSink(config, PSEUDONYMS, raw_ids=raw_ids)
    sink.drain(Batch(list(entries), list(scopes), dict, last=False))
    sink.close()
    assert sink.exports == {"failures": 0, "lost": 0}
    return sink


def ended(user: str = "alice", **options: Any) -> Scope:
    scope = Scope(user, **options)
    scope.started, scope.ended = 1_000_000_000, 3_000_000_000
    return scope


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "rule": "IA202",
        "severity": Severity.ERROR,
        "message": "event answer of user-1 sent to user-2",
        "help": "address it by context",
        "target": "app:Emitter",
        "event": "answer",
        "witnesses": Witnesses(ambient="user-1", addressee="user-2"),
        "site": Site((Frame("/app/ws.py", 12, "Emitter.emit"), Frame("/app/run.py", 7, "run"))),
        "origin": Site((Frame("/app/make.py", 3, "make"),)),
        "origin_label": "built for user-1 here",
        "trace_id": TRACE,
    }
    return Finding(**fields | changes)


def test_an_ended_scope_is_a_span(protocol: str, received: Received) -> None:
    scope = ended(name="app:Engine.execute", ids={"thread_id": "t-1", "connection_id": "c-1", "run_id": "r-1"})
    scope.events, scope.crossings = 5, 2
    send(protocol, received, scopes=[scope])
    (span,) = received.spans()
    assert span.name == "app:Engine.execute"
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_000_000_000, 3_000_000_000)
    assert span.parent_span_id == b""
    assert any(span.trace_id)
    assert any(span.span_id)
    assert span.status.code == 0
    assert attributes(span) == {
        "isolation_audit.scope.name": "app:Engine.execute",
        "isolation_audit.scope.events": 5,
        "isolation_audit.scope.crossings": 2,
        "user.hash": PSEUDONYMS.hash("alice"),
        "gen_ai.conversation.id": PSEUDONYMS.hash("t-1"),
        "session.id": PSEUDONYMS.hash("c-1"),
        "isolation_audit.id.run_id": PSEUDONYMS.hash("r-1"),
    }


def test_what_waits_for_a_receiver_keeps_nothing_of_the_application(protocol: str) -> None:
    """A scope holds the application's own context and what came in through the request; a receiver may be down."""
    if protocol == "grpc" and OLD_EXPORTER:
        pytest.skip("gRPC exporters before 1.35 take a minute to give an attempt up")

    class Context:
        pass

    context = Context()
    gone = weakref.ref(context)
    scope = ended()
    scope.adopted, scope.inputs = context, [context]
    endpoint = f"http://127.0.0.1:{free_port()}"
    sink = OtlpSink(Otlp(endpoint=endpoint, protocol=protocol, timeout=0.1), PSEUDONYMS)  # type: ignore[arg-type]
    try:
        sink.drain(Batch([], [scope], dict, last=False))
        wait_for(lambda: sink.exports["failures"], "an attempt")
        del scope, context
        gc.collect()
        assert gone() is None
        assert sink.exports["lost"] == 0
    finally:
        sink.close()
    assert sink.exports["lost"] == 1


def test_raw_ids_only_when_asked_for(protocol: str, received: Received) -> None:
    send(protocol, received, scopes=[ended(ids={"run_id": "r-1"})], raw_ids=True)
    (span,) = received.spans()
    found = attributes(span)
    assert (found["user.id"], found["isolation_audit.id.run_id"]) == ("alice", "r-1")
    assert "user.hash" not in found


def test_a_failed_scope_and_one_of_the_system(protocol: str, received: Received) -> None:
    failed = ended()
    failed.failed = True
    send(protocol, received, scopes=[failed, ended("\0system")])
    bad, system = received.spans()
    assert (bad.status.code, bad.status.message) == (2, "")
    assert attributes(system)["isolation_audit.system"] is True
    assert "user.hash" not in attributes(system)


def test_a_new_finding_is_a_log_record(protocol: str, received: Received) -> None:
    before = time.time_ns()
    send(protocol, received, entries=[Entry(finding(), 1, 12.5, 12.5)])
    (record,) = received.records()
    found = attributes(record)
    # Older releases of the SDK know no event names; the attribute is what came before.
    assert (getattr(record, "event_name", "") or found.pop("event.name")) == "isolation_audit.finding"
    assert record.body.string_value == "event answer of user-1 sent to user-2"
    assert (record.severity_number, record.severity_text) == (17, "ERROR")
    assert record.time_unix_nano == 12_500_000_000
    # Exporters before 1.26 do not send when it was observed.
    assert before <= record.observed_time_unix_nano <= time.time_ns() or (
        OLD_EXPORTER and record.observed_time_unix_nano == 0
    )
    assert record.trace_id.hex() == TRACE
    assert not any(record.span_id)
    assert record.flags & 0xFF == 0  # whether that trace is sampled is not known
    assert found == {
        "isolation_audit.rule": "IA202",
        "isolation_audit.severity": "error",
        "isolation_audit.fingerprint": finding().fingerprint,
        "isolation_audit.target": "app:Emitter",
        "isolation_audit.event": "answer",
        "isolation_audit.witness.ambient": "user-1",
        "isolation_audit.witness.addressee": "user-2",
        "code.function.name": "Emitter.emit",
        "code.file.path": "/app/ws.py",
        "code.line.number": 12,
        "code.stacktrace": "/app/ws.py:12 in Emitter.emit\n/app/run.py:7 in run",
        "isolation_audit.origin.label": "built for user-1 here",
        "isolation_audit.origin.code.function.name": "make",
        "isolation_audit.origin.code.file.path": "/app/make.py",
        "isolation_audit.origin.code.line.number": 3,
    }


@pytest.mark.parametrize(
    ("severity", "number", "text"),
    [(Severity.ERROR, 17, "ERROR"), (Severity.WARNING, 13, "WARN"), (Severity.NOTE, 9, "INFO")],
)
def test_severities(severity: Severity, number: int, text: str) -> None:
    with receiver("http/protobuf") as received:
        send("http/protobuf", received, entries=[Entry(finding(severity=severity), 1, 1.0, 1.0)])
        (record,) = received.records()
    assert (record.severity_number, record.severity_text) == (number, text)


def test_what_is_unknown_is_left_out(protocol: str, received: Received) -> None:
    bare = finding(target=None, event=None, witnesses=Witnesses(), site=None, origin=None, trace_id=None)
    send(protocol, received, entries=[Entry(bare, 1, 1.0, 1.0)])
    (record,) = received.records()
    assert attributes(record).keys() - {"event.name"} == {
        "isolation_audit.rule",
        "isolation_audit.severity",
        "isolation_audit.fingerprint",
    }
    assert not any(record.trace_id)


def test_a_finding_never_takes_the_trace_that_happens_to_be_current(protocol: str, received: Received) -> None:
    tracer = TracerProvider().get_tracer("the application")
    with tracer.start_as_current_span("unrelated"):
        entry = Entry(finding(trace_id=None), 1, 1.0, 1.0)
        send(protocol, received, entries=[entry], scopes=[ended()])
    assert not any(received.records()[0].trace_id)
    assert received.spans()[0].parent_span_id == b""


def test_instrumentation_scope_resource_and_headers(
    protocol: str, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
    everything = {"entries": [Entry(finding(), 1, 1.0, 1.0)], "scopes": [ended()]}
    send(protocol, received, service_name="chat", headers=(("X-Key", "k"),), **everything)
    ((name, version, schema),) = received.scopes()
    assert (name, version) == ("isolation_audit", __version__)
    assert schema.startswith("https://opentelemetry.io/schemas/1.") or schema == ""  # not sent by the oldest SDKs
    for resource in received.resources():
        assert resource["service.name"] == "chat"
        assert resource["deployment.environment.name"] == "staging"
    assert [headers["x-key"] for headers in received.headers] == ["k", "k"]


def test_service_name_of_the_environment(protocol: str, received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "named-outside")
    send(protocol, received, scopes=[ended()])
    assert received.resources()[0]["service.name"] == "named-outside"


def test_nested_scopes_are_nested_spans(protocol: str, received: Received) -> None:
    outer = ended(name="outer")
    inner = ended(name="inner", parent=outer)
    innermost = ended(name="innermost", parent=inner)
    send(protocol, received, scopes=[innermost, inner, outer])  # in the order in which they end
    spans = {attributes(span)["isolation_audit.scope.name"]: span for span in received.spans()}
    assert spans["innermost"].parent_span_id == spans["inner"].span_id
    assert spans["inner"].parent_span_id == spans["outer"].span_id
    assert spans["outer"].parent_span_id == b""
    assert len({span.trace_id for span in spans.values()}) == 1
    assert len({span.span_id for span in spans.values()}) == 3


def test_scopes_hang_below_the_applications_own_spans(protocol: str, received: Received) -> None:
    tracer = TracerProvider().get_tracer("the application")
    config = parse_config({"report": {"terminal": False}})

    def sinks(*_: Any, **__: Any) -> list[Any]:
        return [OtlpSink(Otlp(endpoint=received.endpoint, protocol=protocol), PSEUDONYMS)]  # type: ignore[arg-type]

    with Auditor(config, sinks):
        with tracer.start_as_current_span("request") as request, user_scope("alice"):
            with tracer.start_as_current_span("model") as model, user_scope("bob"):
                pass
            with user_scope("carol"):
                pass
        with user_scope("dave"):
            pass
        with system_scope():
            pass
    by_user = {attributes(span).get("user.hash", "system"): span for span in received.spans()}
    alice, bob, carol, dave = (by_user[PSEUDONYMS.hash(name)] for name in ("alice", "bob", "carol", "dave"))
    span_id, trace_id = (request.get_span_context().span_id, request.get_span_context().trace_id)
    assert int.from_bytes(alice.parent_span_id) == span_id
    assert int.from_bytes(bob.parent_span_id) == model.get_span_context().span_id
    assert carol.parent_span_id == alice.span_id
    assert {int.from_bytes(span.trace_id) for span in (alice, bob, carol)} == {trace_id}
    assert dave.parent_span_id == b""
    assert int.from_bytes(dave.trace_id) != trace_id
    assert "system" in by_user
    # Where the work began is where a reader wants to look.
    assert attributes(alice)["code.file.path"] == __file__
    assert "test_scopes_hang_below" in attributes(alice)["code.function.name"]


def test_the_applications_sampling_counts_except_for_crossings(protocol: str, received: Received) -> None:
    unsampled, crossed = ended("alice"), ended("bob")
    unsampled.trace = crossed.trace = SpanPlace(int(TRACE, 16), 1, sampled=False)
    crossed.crossings = 1
    send(protocol, received, scopes=[unsampled, crossed])
    (span,) = received.spans()
    assert attributes(span)["user.hash"] == PSEUDONYMS.hash("bob")


def test_both_protocols_send_the_same() -> None:
    made: dict[str, list[bytes]] = {}
    entry = Entry(finding(), 1, 1.0, 1.0)
    for protocol in ("grpc", "http/protobuf"):
        scope = ended(ids={"run_id": "r"})
        scope.span = SpanPlace(7, 8)  # ids are drawn at random otherwise
        with receiver(protocol) as received:
            send(protocol, received, entries=[entry], scopes=[scope])
            for record in received.records():
                record.ClearField("observed_time_unix_nano")
            things = received.spans() + received.records()
            made[protocol] = [thing.SerializeToString(deterministic=True) for thing in things]
    assert made["grpc"] == made["http/protobuf"]
    assert len(made["grpc"]) == 2


def test_the_applications_telemetry_is_left_alone(protocol: str, received: Received) -> None:
    provider, root = trace_api.get_tracer_provider(), dict(otel_context.get_current())
    random.seed(5)
    expected = [random.random() for _ in range(3)]
    random.seed(5)
    sink = send(protocol, received, scopes=[ended() for _ in range(10)])
    sink.close()
    if protocol == "grpc":  # the HTTP exporter draws its back-off before it knows whether it needs one
        assert [random.random() for _ in range(3)] == expected
    assert trace_api.get_tracer_provider() is provider
    assert dict(otel_context.get_current()) == root


def test_environment_of_the_applications_sampler_does_not_count(
    protocol: str, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ALWAYS_OFF.get_description() == "AlwaysOffSampler"
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    send(protocol, received, scopes=[ended()])
    assert len(received.spans()) == 1


def test_the_export_itself_is_not_instrumented(
    protocol: str, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isolation_audit.exporters import otlp_pipeline

    seen: list[Any] = []
    logs, _spans = otlp_pipeline.exporter_types(protocol)
    export = logs.export

    def spy(self: Any, batch: Any) -> Any:
        seen.append(otel_context.get_value("suppress_instrumentation") or otel_context.get_value(_key()))
        return export(self, batch)

    def _key() -> str:
        return str(otel_context._SUPPRESS_INSTRUMENTATION_KEY)

    monkeypatch.setattr(logs, "export", spy)
    send(protocol, received, entries=[Entry(finding(), 1, 1.0, 1.0)])
    assert seen == [True]


def test_other_threads_keep_their_exporters_log_messages(
    protocol: str, received: Received, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.grpc.exporter")
    sink = OtlpSink(Otlp(endpoint=received.endpoint, protocol=protocol), PSEUDONYMS)  # type: ignore[arg-type]
    sink.drain(Batch([], [ended()], dict))
    for _ in range(100):
        if received.requests:
            break
        time.sleep(0.02)
    logger.error(f"from the application's own exporter over {protocol}")  # noqa: G004 - a repeated message is filtered
    sink.close()
    assert "from the application's own exporter" in caplog.text
    assert not logger.filters or not any("ThreadFilter" in str(one) for one in logger.filters)


def test_ten_thousand_scopes_arrive(protocol: str, received: Received) -> None:
    config = Otlp(endpoint=received.endpoint, protocol=protocol, timeout=10.0)  # type: ignore[arg-type]
    sink = OtlpSink(config, PSEUDONYMS)
    for _ in range(10):
        sink.drain(Batch([], [ended(f"user-{number}") for number in range(1_000)], dict))
        time.sleep(0.05)
    sink.close()
    assert len(received.spans()) + sink.exports["lost"] == 10_000
    assert sink.exports["failures"] == 0


def test_without_the_package_the_extra_is_named() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry.sdk'] = None\n"
        "from isolation_audit import MissingExtraError\n"
        "from isolation_audit.config.outputs import Otlp\n"
        "from isolation_audit.exporters.otel import OtlpSink\n"
        "try:\n"
        "    OtlpSink(Otlp(endpoint='http://127.0.0.1:1'), None)\n"
        "except MissingExtraError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.stdout == "OTLP export needs an optional part: pip install 'isolation-audit[otel]'\n", done.stderr


def test_otel_is_not_imported_on_the_applications_behalf() -> None:
    code = (
        "import sys\n"
        "import isolation_audit\n"
        "with isolation_audit.user_scope('alice'):\n"
        "    pass\n"
        "print(any(name.startswith('opentelemetry') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=280)
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_failed_exports_are_counted_where_an_alert_can_see_them(
    protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if protocol == "grpc" and OLD_EXPORTER:
        pytest.skip("gRPC exporters before 1.35 take a minute to give an attempt up")
    endpoint = f"http://127.0.0.1:{free_port()}"
    config = parse_config(
        {"report": {"terminal": False}, "otlp": {"endpoint": endpoint, "protocol": protocol, "timeout": 0.2}}
    )
    with Auditor(config, configured_sinks) as auditor:
        assert auditor.snapshot()["summary"]["exports"] == {"otlp": {"failures": 0, "lost": 0}}
        with user_scope("alice"):
            pass
        wait_for(lambda: auditor.snapshot()["summary"]["exports"]["otlp"]["failures"], "a failure to be counted")
        metrics = {family.name: family.values for family in families(config, auditor.snapshot())}
        assert metrics["export_failures"]["otlp",] >= 1
        assert auditor.snapshot()["summary"]["faults"] == 0
    assert auditor.snapshot()["summary"]["exports"]["otlp"]["lost"] == 1
    trouble, loss = capsys.readouterr().err.splitlines()
    assert trouble.startswith(
        f"isolation-audit: {endpoint} does not take spans and log records; the application goes on"
    )
    assert loss == f"isolation-audit: 1 span(s) and log record(s) did not reach {endpoint}"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_children_send_their_own(protocol: str, received: Received) -> None:
    """The parent's connection is up when it forks; a child makes one of its own, and leaves the parent's alone."""
    code = (
        "import os, sys, time\n"
        "import isolation_audit\n"
        "from isolation_audit.config import parse_config\n"
        f"otlp = {{'endpoint': {received.endpoint!r}, 'protocol': {protocol!r}, 'timeout': 5}}\n"
        "isolation_audit.instrument(parse_config({'otlp': otlp, 'report': {'terminal': False}}))\n"
        "with isolation_audit.user_scope('parent'):\n"
        "    pass\n"
        "time.sleep(1)\n"
        "children = []\n"
        "for number in range(3):\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        with isolation_audit.user_scope(f'child-{number}'):\n"
        "            pass\n"
        "        sys.exit()\n"
        "    children.append(child)\n"
        "print([os.waitpid(child, 0)[1] for child in children])\n"
    )
    # From 3.12 on Python warns of every fork of a process with threads, which an audited one is; docs say so.
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert (done.stdout, done.stderr) == ("[0, 0, 0]\n", "")
    assert len(received.spans()) == 4
    assert len({attributes(span)["user.hash"] for span in received.spans()}) == 4
    assert len({resource["process.pid"] for resource in received.resources()}) == 4
    assert (
        len({resource.get("service.instance.id", number) for number, resource in enumerate(received.resources())}) == 4
    )


_SENDING = """
import sys
sys.modules["gevent"] = None  # as if it were not installed: tests/process/test_greenlets.py is about where it is
from isolation_audit.config.outputs import Otlp
from isolation_audit.exporters.otel import OtlpSink
from isolation_audit.exporters.base import Batch
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.scopes import Scope

receiver = Otlp(endpoint=sys.argv[1], protocol=sys.argv[2], timeout=2.0)
sink = OtlpSink(receiver, Pseudonyms(key="a key that is made for tests"))
before = set(sys.modules)
scope = Scope("alice")
scope.started, scope.ended = 1_000_000_000, 3_000_000_000
sink.drain(Batch([], [scope], dict, last=False))
sink.close()
print(sink.exports["lost"], *sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize("there", [True, False])
def test_the_threads_import_nothing(protocol: str, received: Received, there: bool) -> None:
    """A fork in the middle of an import leaves the child with a module that nobody can import."""
    endpoint = received.endpoint if there else f"http://localhost:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-c", _SENDING, endpoint, protocol], capture_output=True, text=True, timeout=280, check=True
    )
    assert done.stdout.split() == [str(int(not there))]
    assert len(received.spans()) == there
