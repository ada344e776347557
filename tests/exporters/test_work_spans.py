"""What spans tell of the work that runs: requests around scopes, events, findings, and links to the other's work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.exporters.configured import configured_sinks
from isolation_audit.instrument.tracking import work_spans
from isolation_audit.instrument.tracking.work_spans import EVENTS
from isolation_audit.model.pseudonyms import KEY_VARIABLE, Pseudonyms
from receivers import Received, attributes, receiver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

KEY = "a key that is made for tests"
PSEUDONYMS = Pseudonyms(key=KEY)


class Emitter:
    """The application's."""

    def emit(self, event: str, to: str) -> bool:
        return bool(event and to)


class Engine:
    """Built for one user."""

    def __init__(self, user: str) -> None:
        self.user = user

    def execute(self) -> str:
        return "done"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def received() -> Iterator[Received]:
    with receiver("http/protobuf") as one:
        yield one


def audited(received: Received, work: Callable[[], None], **more: Any) -> Auditor:
    config = parse_config(
        {
            "report": {"terminal": False},
            "identity": {"headers": ["x-user"]},
            "emitters": [
                {"target": f"{__name__}:Emitter", "methods": {"emit": "args.event"}, "addressee": "args.to"},
            ],
            "engines": [{"target": f"{__name__}:Engine", "owner": "args.user"}],
            "otlp": {"endpoint": received.endpoint, "protocol": "http/protobuf", "timeout": 10},
            **more,
        }
    )
    with Auditor(config, configured_sinks) as auditor:
        work()
    assert auditor.runtime.barrier.counts == {}
    return auditor


def app(*routes: tuple[str, Callable[[Request], Any]]) -> Starlette:
    return Starlette(routes=[Route(path, view) for path, view in routes])


def visit(application: Any, path: str, user: str) -> None:
    headers = [(b"x-user", user.encode()), (b"host", b"localhost")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(_message: Any) -> None:
        pass

    asyncio.run(application(scope, receive, send))


def hashed(user: str) -> str:
    return PSEUDONYMS.hash(user)


def by_user(spans: list[Any]) -> dict[str, Any]:
    return {attributes(span)["user.hash"]: span for span in spans}


def test_a_run_tells_its_events_in_their_order(received: Received) -> None:
    def work() -> None:
        with user_scope("alice", run_id="r-1"):
            for event in ("started", "thinking", "completed"):
                Emitter().emit(event, "alice")

    audited(received, work)
    (span,) = received.spans()
    told = [(one.name, attributes(one)["isolation_audit.event"]) for one in span.events]
    assert told == [("isolation_audit.event", one) for one in ("started", "thinking", "completed")]
    times = [one.time_unix_nano for one in span.events]
    assert times == sorted(times)
    assert span.start_time_unix_nano <= times[0]
    assert times[-1] <= span.end_time_unix_nano
    assert attributes(span)["isolation_audit.scope.events"] == 3


def test_a_configured_scope_gives_its_span_its_name(received: Received) -> None:
    scopes = [{"target": f"{__name__}:Engine.execute", "user": "self.user"}]
    audited(received, lambda: Engine("alice").execute() and None, scopes=scopes)
    (span,) = received.spans()
    assert span.name == "Engine.execute"


def test_events_of_one_span_are_bounded_and_counted(received: Received) -> None:
    def work() -> None:
        with user_scope("alice"):
            for _ in range(EVENTS + 50):
                Emitter().emit("thinking", "alice")

    audited(received, work)
    (span,) = received.spans()
    assert len(span.events) == EVENTS
    assert attributes(span)["isolation_audit.scope.events"] == EVENTS + 50


def test_the_request_is_the_parent_of_the_work_in_it(received: Received) -> None:
    def view(request: Request) -> PlainTextResponse:
        with user_scope(request.headers["x-user"]):
            return PlainTextResponse("ok")

    audited(received, lambda: visit(app(("/items/{id}", view)), "/items/7", "alice"))
    inner, request = received.spans()
    assert (request.name, attributes(request)["http.route"]) == ("GET /items/{id}", "/items/{id}")
    assert request.kind == 2  # a server's
    assert attributes(request)["user.hash"] == hashed("alice")
    assert request.parent_span_id == b""
    assert (inner.parent_span_id, inner.trace_id) == (request.span_id, request.trace_id)


def test_a_request_in_which_nothing_happened_is_not_sent(received: Received) -> None:
    audited(received, lambda: visit(app(("/", lambda _: PlainTextResponse("ok"))), "/", "alice"))
    assert received.spans() == []


def test_a_request_that_failed_says_so(received: Received) -> None:
    def view(_request: Request) -> PlainTextResponse:
        Emitter().emit("answer", "bob")
        raise LookupError("no such item")

    def work() -> None:
        with pytest.raises(LookupError):
            visit(app(("/", view)), "/", "alice")

    audited(received, work)
    (span,) = received.spans()
    assert span.status.code == 2


def test_a_crossing_is_told_in_both_requests(received: Received) -> None:
    engines: list[Engine] = []

    def view(request: Request) -> PlainTextResponse:
        if not engines:
            engines.append(Engine(request.headers["x-user"]))
        return PlainTextResponse(engines[0].execute())

    def work() -> None:
        for user in ("alice", "bob"):
            visit(app(("/run", view)), "/run", user)

    audited(received, work)
    (record,) = (one for one in received.records() if attributes(one)["isolation_audit.rule"] == "IA201")
    spans = by_user(received.spans())
    alice, bob = spans[hashed("alice")], spans[hashed("bob")]
    # The finding was made in bob's request, which says with whose work it has to do.
    assert (record.trace_id, record.span_id) == (bob.trace_id, bob.span_id)
    assert [(one.trace_id, one.span_id) for one in bob.links] == [(alice.trace_id, alice.span_id)]
    (told,) = bob.events
    assert told.name == "isolation_audit.finding"
    assert attributes(told)["isolation_audit.rule"] == "IA201"
    assert attributes(told)["isolation_audit.fingerprint"] == attributes(record)["isolation_audit.fingerprint"]
    assert alice.links == bob.events[1:] == []


def test_each_repetition_is_told_in_the_request_that_it_happened_in(received: Received) -> None:
    engine: list[Engine] = []

    def view(request: Request) -> PlainTextResponse:
        engine[:] = engine or [Engine(request.headers["x-user"])]
        return PlainTextResponse(engine[0].execute())

    def work() -> None:
        for user in ("alice", "bob", "carol"):
            visit(app(("/run", view)), "/run", user)

    auditor = audited(received, work)
    spans = by_user(received.spans())
    assert auditor.recorder.counts["IA201"] == 2
    assert [[one.name for one in spans[hashed(user)].events] for user in ("bob", "carol")] == [
        ["isolation_audit.finding"],
        ["isolation_audit.finding"],
    ]


def test_a_finding_in_the_applications_own_span_names_that_one(received: Received) -> None:
    tracer = TracerProvider().get_tracer("the application")
    seen: list[Any] = []

    def work() -> None:
        with user_scope("alice"), tracer.start_as_current_span("model") as span:
            seen.append(span.get_span_context())
            Emitter().emit("answer", "bob")

    auditor = audited(received, work)
    (record,) = (one for one in received.records() if attributes(one)["isolation_audit.rule"] == "IA202")
    assert int.from_bytes(record.trace_id) == seen[0].trace_id
    assert int.from_bytes(record.span_id) == seen[0].span_id
    (found,) = (entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA202")
    assert found.as_dict(count=1, first_seen=0, last_seen=0)["span_id"] == format(seen[0].span_id, "016x")


def test_without_a_receiver_nothing_is_kept_for_spans() -> None:
    config = parse_config({"report": {"terminal": False}, "identity": {"headers": ["x-user"]}})
    units: list[Any] = []

    def view(_request: Request) -> PlainTextResponse:
        from isolation_audit.model.contexts import current_scope, current_unit

        with user_scope("alice"):
            units.append((current_unit().request.unit, current_scope().happened))
        return PlainTextResponse("ok")

    with Auditor(config):
        visit(app(("/", view)), "/", "alice")
    assert units == [(None, None)]


def test_no_raw_id_leaves(received: Received) -> None:
    def view(request: Request) -> PlainTextResponse:
        with user_scope(request.headers["x-user"], run_id="run-of-a-secret-name"):
            Emitter().emit("answer", "bob-with-a-secret-name")
        return PlainTextResponse("ok")

    audited(received, lambda: visit(app(("/", view)), "/", "alice-with-a-secret-name"))
    assert received.spans()
    assert b"secret-name" not in received.bytes()


def test_the_latest_work_of_so_many_users_is_remembered(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_spans, "LATEST", 2)

    def work() -> None:
        for user in ("alice", "carol", "dave"):
            with user_scope(user):
                Emitter().emit("own", user)
        with user_scope("bob"):
            Emitter().emit("answer", "alice")  # too long ago to be linked to
            Emitter().emit("answer", "dave")

    audited(received, work)
    spans = by_user(received.spans())
    assert [link.span_id for link in spans[hashed("bob")].links] == [spans[hashed("dave")].span_id]


def test_names_without_end_are_told_and_not_kept(received: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_spans, "TOLD", 2)
    names = [f"kind {number}" for number in range(5)]

    def work() -> None:
        with user_scope("alice"):
            for name in [*names, *names]:
                Emitter().emit(name, "alice")

    auditor = audited(received, work)
    (span,) = received.spans()
    assert [attributes(one)["isolation_audit.event"] for one in span.events] == [*names, *names]
    assert auditor.runtime.spans is not None
    assert len(auditor.runtime.spans._told) == 2
