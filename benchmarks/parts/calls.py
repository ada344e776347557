"""What a clean call costs, by the kind of callable and by what is watched, beside what others put around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.programs import wrappers
from benchmarks.programs.calls import application, configuration
from benchmarks.rows import Effort, Measured, NotMeasured, Row, at_least, at_most, measures
from benchmarks.timing import interleaved
from isolation_audit import Auditor
from isolation_audit.instrument.patching.shims import CodePatch

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from types import ModuleType

CALLS = 2_000
FEWER = 200
"""Of what takes many microseconds."""
ROUNDS = 40

KINDS = ("sync", "async", "generator", "classmethod", "ctor")
_GOALS = {"sync": 1.6, "async": 1.25, "ctor": 1.5}
_WHAT = {
    "sync": "owner check on an empty method",
    "async": "owner check on an empty async method",
    "generator": "owner check on an empty generator",
    "classmethod": "whole check of an event on an empty class method",
    "ctor": "tagging an object at its construction",
}
_ROWS = [
    *(Row(f"{kind}_vs_bare", what, at_most(_GOALS[kind]) if kind in _GOALS else None) for kind, what in _WHAT.items()),
    Row(
        "use_added_vs_wrapt_passthrough", "added by the owner check / by a wrapt wrapper that only calls", at_most(0.1)
    ),
    Row("event_added_vs_wrapt_passthrough", "added by the whole check of an event / by wrapt", at_most(0.5)),
    Row("scope_added_vs_otel_span", "added by a scope / by a span of OpenTelemetry's SDK, in batches", at_most(0.1)),
    Row("after_uninstrument_vs_bare", "the method after the audit / before it", at_most(1.03)),
    Row("after_uninstrument_same_code", "1 where function and code are the very same objects", at_least(1)),
]
_PEER_ROWS = [Row(f"{kind}_{peer}_vs_bare", f"{peer} around the same") for kind in KINDS for peer in wrappers.MODULES]
_DETAIL = {
    "empty method": "",
    "shim alone": "empty method",
    "use, owner by path": "empty method",
    "use, owner by record": "empty method",
    "event, owner by path": "empty method",
    "event, addressee": "empty method",
    "event, wrapt proxy": "bare partial",
    "bare partial": "",
    "scope": "empty method",
    "construction": "bare construction",
    "bare construction": "",
}
"""What is timed, and what it is compared with."""
_NS_ROWS = [
    Row(f"call_ns[{name}]", f"nanoseconds {'added' if beside else 'of a call'}", unit="ns")
    for name, beside in _DETAIL.items()
]


_BODIES = {
    "sync": "    one.method(None)",
    "async": "    await one.waiting(None)",
    "generator": "    for _step in one.steps(None): pass",
    "classmethod": "    made.of_class('alice', None)",
    "ctor": "    made('alice')",
    "event": "    one.emit_event(None)",
    "addressee": "    one.send('alice', None)",
    "scope": "    one.work('alice')",
    "send": "    one.send(None)",
    "plain": "    one.plain(None)",
}
"""One call, as people write it: the method is looked up each time."""


def loop(body: str, made: Any, *arguments: str, calls: int = CALLS) -> Callable[[], None]:
    """What calls so often, with nothing else in the loop."""
    source = f"async def loop(made, one, calls):\n  for _ in range(calls):\n{_BODIES[body]}\n"
    names: dict[str, Any] = {}
    exec(source if body == "async" else source.removeprefix("async "), names)
    one = made(*arguments)
    if body == "async":
        return lambda: _to_its_end(names["loop"](made, one, calls))
    return lambda: names["loop"](made, one, calls)


def _to_its_end(running: Coroutine[Any, Any, None]) -> None:
    try:
        running.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")


def runs_of(made: type, calls: int = CALLS) -> dict[str, Callable[[], None]]:
    """One round of each kind of call of a class."""
    return {kind: loop(kind, made, "alice", calls=calls) for kind in KINDS}


def wrapped(app: ModuleType, wrap: Callable[[Callable[..., Any]], Any], name: str) -> type:
    """A class like ``Plain`` with each of its functions wrapped."""
    functions = {one: wrap(vars(app.Plain)[one]) for one in ("__init__", "method", "waiting", "steps")}
    functions["of_class"] = classmethod(wrap(vars(app.Plain)["of_class"].__func__))
    return type(name, (), functions)


@measures("calls", [*_ROWS, *_PEER_ROWS, *_NS_ROWS])
def calls(effort: Effort) -> Measured:
    """All in one process, in turn."""
    app = application()
    peers = {
        name: runs_of(wrapped(app, wrap, name), CALLS if name in wrappers.FAST else FEWER)
        for name, wrap in wrappers.available().items()
    }
    dead = type("Dead", (), {"method": _copy(app.Plain.method)})
    patch = CodePatch(dead.method)
    before = app.Engine.method, app.Engine.method.__code__, app.Engine.__init__, app.Engine.__init__.__code__
    auditor = Auditor(configuration())
    with auditor:
        app.current_user.set("alice")
        timed = _timed(app, dead, peers)
        for run in timed.values():
            run()
        auditor.settle(60.0)  # as in each run with a way out, twice a second: what is learned once has been learned
        made = {name: FEWER if name.endswith(wrappers.SLOW) else CALLS for name in timed}
        best = interleaved(timed, effort.times(ROUNDS), made)
    seen, found = auditor.runtime.tally.events.copy(), dict(auditor.recorder.counts)
    patch.undo()
    if found.keys() - {"IA904"} or auditor.runtime.barrier.counts or not sum(seen.values()):
        raise NotMeasured(f"not clean: findings {found}, faults {auditor.runtime.barrier.counts}, events {seen}")
    after = app.Engine.method, app.Engine.method.__code__, app.Engine.__init__, app.Engine.__init__.__code__
    restored = {"after": loop("sync", app.Engine, "alice"), "bare": loop("sync", app.Plain, "alice")}
    again = interleaved(restored, effort.times(3 * ROUNDS), dict.fromkeys(restored, CALLS))
    return _told(
        best, peers, again["after"] / again["bare"], same=all(a is b for a, b in zip(before, after, strict=True))
    )


def _copy(function: Any) -> Any:
    return type(function)(function.__code__.replace(), function.__globals__, function.__name__)


def _timed(
    app: ModuleType, dead: type, peers: dict[str, dict[str, Callable[[], None]]]
) -> dict[str, Callable[[], None]]:
    bare, ours = runs_of(app.Plain), runs_of(app.Engine)
    ours["classmethod"] = loop("classmethod", app.Sink)
    timed = {}
    for kind in KINDS:
        timed[f"{kind}: bare"], timed[f"{kind}: ours"] = bare[kind], ours[kind]
        for name, runs in peers.items():
            timed[f"{kind}: {name}"] = runs[kind]
    timed |= {
        "shim alone": loop("sync", dead),
        "use, owner by record": loop("sync", app.Ownerless),
        "event, owner by path": loop("event", app.Emitter, "alice"),
        "event, addressee": loop("addressee", app.Sink),
        "bare partial": loop("plain", app.Proxied),
        "event, wrapt proxy": loop("send", app.Proxied),
        "scope": loop("scope", app.Worker),
    }
    return timed


def _told(best: dict[str, float], peers: dict[str, Any], after: float, *, same: bool) -> Measured:
    best |= {"empty method": best["sync: bare"], "use, owner by path": best["sync: ours"]}
    best |= {"bare construction": best["ctor: bare"], "construction": best["ctor: ours"]}
    figures = {f"{kind}_vs_bare": best[f"{kind}: ours"] / best[f"{kind}: bare"] for kind in KINDS}
    for peer in peers:
        figures |= {f"{kind}_{peer}_vs_bare": best[f"{kind}: {peer}"] / best[f"{kind}: bare"] for kind in KINDS}
    bare = best["empty method"]
    passthrough = best["sync: wrapt"] - bare
    figures |= {
        "use_added_vs_wrapt_passthrough": (best["use, owner by path"] - bare) / passthrough,
        "event_added_vs_wrapt_passthrough": (best["event, owner by path"] - bare) / passthrough,
        "after_uninstrument_vs_bare": after,
        "after_uninstrument_same_code": float(same),
    }
    missing = {
        f"{kind}_{peer}_vs_bare": f"{peer} is not installed"
        for kind in KINDS
        for peer in wrappers.MODULES.keys() - peers.keys()
    }
    if "opentelemetry" in peers:
        figures["scope_added_vs_otel_span"] = (best["scope"] - bare) / (best["sync: opentelemetry"] - bare)
    else:
        missing["scope_added_vs_otel_span"] = "opentelemetry-sdk is not installed"
    for name, beside in _DETAIL.items():
        figures[f"call_ns[{name}]"] = best[name] - (best[beside] if beside else 0)
    return Measured(figures, missing)
