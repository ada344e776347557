"""What a clean call costs: nanoseconds added to an empty method by each kind of instrumentation.

Run it as ``python benchmarks/hotpath.py [ROUNDS]``. The variants are timed in turn, round after round, and each keeps
its best round, so that a slow moment of the machine does not fall on one variant alone.
"""

from __future__ import annotations

import gc
import platform
import sys
import time
import tomllib
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING

from isolation_audit import Auditor, user_scope
from isolation_audit.config import parse_config
from isolation_audit.instrument.shims import CodePatch

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000

SOURCE = """
import functools

class Plain:
    def __init__(self, user_id=None): self.user_id = user_id
    def method(self, data): pass

class Dead(Plain):
    def method(self, data): pass

class Engine:
    def __init__(self, user_id=None): self.user_id = user_id
    def method(self, data): pass

class Ownerless:
    def method(self, data): pass

class Emitter:
    def __init__(self, user_id=None): self.user_id = user_id
    def emit_event(self, data): pass

class Sink:
    def send(self, to, data): pass

class Worker:
    def work(self, user_id): pass

def callee(self, data): pass

class Proxied:
    plain = functools.partial(callee, None)
    send = functools.partial(callee, None)
"""

CONFIG = """
[ambient]
contextvar = "bench_app:current_user"

[[engines]]
target = "bench_app:Engine"
owner = ["self.user_id", "args.user_id"]

[[engines]]
target = "bench_app:Ownerless"

[[emitters]]
target = "bench_app:Emitter"
owner = ["self.user_id"]
methods = { "emit_*" = "*" }

[[emitters]]
target = "bench_app:Sink"
addressee = ["args.to"]
layer = "sink"
methods = { send = "sent" }

[[emitters]]
target = "bench_app:Proxied"
methods = { send = "sent" }

[[scopes]]
target = "bench_app:Worker.work"
user = ["args.user_id"]
"""


def application() -> ModuleType:
    """A small application that exists in memory only."""
    module = ModuleType("bench_app")
    sys.modules["bench_app"] = module
    exec(compile(SOURCE, "bench_app.py", "exec"), vars(module))
    module.current_user = ContextVar("current_user", default=None)
    return module


def variants(app: ModuleType) -> dict[str, tuple[str, Callable[[], None]]]:
    """Name -> (the variant that it is compared with, one round of calls)."""
    plain, dead, engine, emitter = app.Plain("alice"), app.Dead("alice"), app.Engine("alice"), app.Emitter("alice")
    ownerless, sink, worker, proxied = app.Ownerless(), app.Sink(), app.Worker(), app.Proxied()
    return {
        "empty method": ("", lambda: rounds(plain.method, None)),
        "shim, nobody asked": ("empty method", lambda: rounds(dead.method, None)),
        "use, owner by path": ("empty method", lambda: rounds(engine.method, None)),
        "use, owner by record": ("empty method", lambda: rounds(ownerless.method, None)),
        "emission, owner by path": ("empty method", lambda: rounds(emitter.emit_event, None)),
        "emission, addressee": ("empty method", lambda: rounds(sink.send, "alice", None)),
        "scope": ("empty method", lambda: rounds(worker.work, "alice")),
        "bare construction": ("", lambda: rounds(app.Plain, "alice")),
        "construction": ("bare construction", lambda: rounds(app.Engine, "alice")),
        "bare partial": ("", lambda: rounds(proxied.plain, None)),
        "emission, wrapt proxy": ("bare partial", lambda: rounds(proxied.send, None)),
    }


def rounds(function: Callable[..., object], *arguments: object) -> None:
    """Call it, with nothing else in the loop."""
    for _ in range(CALLS):
        function(*arguments)


def measure(timed: dict[str, tuple[str, Callable[[], None]]], times: int) -> dict[str, float]:
    """Best nanoseconds a call of each variant."""
    best = dict.fromkeys(timed, float("inf"))
    gc.disable()
    for _ in range(times):
        for name, (_reference, run) in timed.items():
            start = time.perf_counter_ns()
            run()
            best[name] = min(best[name], (time.perf_counter_ns() - start) / CALLS)
        gc.collect()
    gc.enable()
    return best


def main() -> None:
    """Measure and print."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    app = application()
    patch = CodePatch(app.Dead.method)
    auditor = Auditor(parse_config(tomllib.loads(CONFIG)))
    with auditor:
        app.current_user.set("alice")
        with user_scope("alice"):
            app.current_user.set("alice")
            timed = variants(app)
            best = measure(timed, times)
    found, faults = dict(auditor.recorder.counts), dict(auditor.runtime.barrier.counts)
    patch.undo()
    print(f"CPython {platform.python_version()}, best of {times} rounds of {CALLS:,} calls")
    print(f"{'':26}{'ns a call':>10}{'added':>10}{'ratio':>8}")
    for name, (reference, _run) in timed.items():
        if reference:
            base = best[reference]
            print(f"{name:26}{best[name]:10.0f}{best[name] - base:+10.0f}{best[name] / base:7.1f}x")
        else:
            print(f"{name:26}{best[name]:10.0f}")
    if found or faults:
        print(f"not clean: findings {found}, faults {faults}")


if __name__ == "__main__":
    main()
