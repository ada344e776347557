"""``make stack``: everything but Grafana on loopback, with the example chat under load, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grafana.stack import servers
from grafana.stack.chat import ROOT, chat, configuration, scanned
from grafana.stack.rules import routes, short_rules

if TYPE_CHECKING:
    from grafana.stack.chat import Chat

_WINDOW: Final = "30s"
_BETWEEN: Final = 2.0
"""Seconds between two rounds of load."""


def main() -> int:
    """Start the stack, inject a crossing, and wait for Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="isolation-audit-stack-") as name, ExitStack() as stack:
            _run(Path(name), stack)
    except servers.StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nended", flush=True)
    return 0


def _run(folder: Path, stack: ExitStack) -> None:
    config = configuration(folder)
    print("starting ...", flush=True)
    clean = stack.enter_context(chat(folder, "user", config))
    leaking = stack.enter_context(chat(folder, "legacy", config))
    source = stack.enter_context(servers.files(scanned(folder)))
    hook = stack.enter_context(servers.webhook())
    hook.listener = _tell
    manager = stack.enter_context(servers.alertmanager(folder, routes(hook.url)))
    rules = short_rules(folder, _WINDOW)
    jobs = {"chat": [clean.metrics, leaking.metrics], "source": [source]}
    prometheus = stack.enter_context(servers.prometheus(folder, jobs, rules, manager, "1s"))
    for what, address in (
        ("the chat, user engine", f"{clean.url}  metrics http://{clean.metrics}/metrics"),
        ("the chat, legacy engine", f"{leaking.url}  metrics http://{leaking.metrics}/metrics"),
        ("Prometheus", f"{prometheus.url}/alerts"),
        ("Alertmanager", f"http://{manager}"),
        ("webhook", hook.url),
        ("dashboards", str(ROOT / "grafana" / "dashboards")),
        ("findings", f"isolation-audit show {leaking.report}"),
    ):
        print(f"{what:24} {address}")
    print(f"The alerts of 5 minutes look back {_WINDOW} here, so that they resolve while you watch.", flush=True)
    ending = threading.Event()
    load = threading.Thread(target=_keep_chatting, args=(clean, ending), daemon=True)
    stack.callback(load.join, 10.0)
    stack.callback(ending.set)
    load.start()
    _inject(prometheus, leaking)
    servers.wait_for(lambda: hook.of("IsolationAuditCrossing", "firing"), "the alert")
    servers.wait_for(lambda: hook.of("IsolationAuditCrossing", "resolved"), "its end", 120.0)
    print("The load goes on. Ctrl-C ends everything.", flush=True)
    while True:
        ending.wait(3600)


def _keep_chatting(clean: Chat, ending: threading.Event) -> None:
    while not ending.is_set():
        try:
            clean.load(8, 2)
        except Exception as error:
            if not ending.is_set():
                print(f"the load has ended: {error!r}", file=sys.stderr)
            return
        ending.wait(_BETWEEN)


def _inject(prometheus: servers.Prometheus, leaking: Chat) -> None:
    zeros = f'isolation_audit_crossings_total{{instance="{leaking.metrics}"}}'
    servers.wait_for(lambda: prometheus.query(zeros), "the first scrape")
    print("two users chat with the legacy engine at once ...", flush=True)
    result = leaking.load(2, 2)
    print(f"their clients count {result.foreign_events} events of the other one", flush=True)


def _tell(told: servers.Told) -> None:
    words: dict[str, Any] = {"alert": told.labels["alertname"], **told.annotations}
    print(f"webhook: {told.status} {words['alert']}: {words['summary']}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
