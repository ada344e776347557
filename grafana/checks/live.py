"""Checks beside real servers: the example chat with and without a leak, Prometheus, Alertmanager, a webhook."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from grafana.checks.files import alerts, boards, panels, rules
from grafana.stack import servers
from grafana.stack.chat import blind, chat, configuration, scanned
from grafana.stack.rules import routes, short_rules
from grafana.stack.servers import get, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from grafana.stack.chat import Chat

USERS: Final = 6
_SECONDS: Final = 10.0
"""From the crossing to the webhook."""
_SECRET: Final = "planted-signing-secret-8Zq"  # noqa: S105 - planted, to be looked for
_WINDOW: Final = "15s"
_WAIT: Final = "2s"
_LABELS_OF_PEOPLE: Final = re.compile(r"user|session|run|thread|pid|process|worker")


class Live:
    """The servers, and what the checks have seen of them. The checks are run in the order in which they are written."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        otlp, self._sent = stack.enter_context(servers.sink())
        self._private = {_SECRET}
        more = f'[otlp]\nendpoint = "{otlp}"\nprotocol = "http/protobuf"\n[journal]\npath = "journal.jsonl"\n'
        config = configuration(folder, more)
        self._journal = config.parent / "journal.jsonl"
        self._stack = stack
        self.clean_stack = stack.enter_context(ExitStack())
        self.clean: Chat = self.clean_stack.enter_context(chat(folder, "user", None))
        self.leaking: Chat = stack.enter_context(chat(folder, "legacy", config, workers=2, secret=_SECRET))
        self.blind: Chat = stack.enter_context(blind(folder))
        source = stack.enter_context(servers.files(scanned(folder)))
        self.hook = stack.enter_context(servers.webhook())
        manager = stack.enter_context(servers.alertmanager(folder, routes(self.hook.url)))
        jobs = {"chat": [self.clean.metrics, self.leaking.metrics], "blind": [self.blind.metrics], "source": [source]}
        short = short_rules(folder, _WINDOW, _WAIT)
        self.prometheus = stack.enter_context(servers.prometheus(folder, jobs, short, manager, "1s"))
        wait_for(lambda: self._value("count(isolation_audit_running == 1)") == 3, "three audited instances")
        self._before = self._series(self.leaking)
        self._foreign = self._events = 0

    def _value(self, promql: str) -> float | None:
        return self.prometheus.value(promql)

    def _series(self, of: Chat) -> set[frozenset[tuple[str, str]]]:
        text = f'{{__name__=~"isolation_audit_.+",instance="{of.metrics}"}}'
        return {frozenset(one["metric"].items()) for one in self.prometheus.query(text)}

    def _at(self, of: Chat, name: str, more: str = "") -> str:
        return f'isolation_audit_{name}{{instance="{of.metrics}"{more}}}'

    def metrics_are_accepted(self) -> Iterator[str]:
        """1. `curl /metrics | promtool check metrics` finds nothing."""
        for of in (self.clean, self.leaking, self.blind):
            text = get(f"http://{of.metrics}/metrics")
            command = [servers.program("promtool"), "check", "metrics"]
            done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
            if done.returncode or done.stdout or done.stderr:
                yield f"{done.stdout}{done.stderr}".strip()

    def everything_is_zero_at_first(self) -> Iterator[str]:
        """5. Every series is there, at 0, before the first event."""
        for name in ("findings_total", "crossings_total", "events_total", "export_failures_total", "faults_total"):
            found = self.prometheus.query(self._at(self.leaking, name))
            if not found or any(float(one["value"][1]) for one in found):
                yield f"isolation_audit_{name} is not there, or not 0"

    def a_crossing_reaches_the_webhook(self) -> Iterator[str]:
        """4. Crossing -> /metrics -> Prometheus -> Alertmanager -> webhook in under 10 s, then resolved."""
        load = self.clean.load(USERS, 2)
        if load.foreign_events:
            yield f"the user engine leaks: {load.foreign_events}"
        if self.hook.of("IsolationAuditCrossing", "firing"):
            yield "an alert before anything has crossed"
        begun = time.monotonic()
        self._leak()
        (told, *_) = wait_for(lambda: self.hook.of("IsolationAuditCrossing", "firing"), "the alert on the crossing")
        took = told.at - begun
        print(f"   from the first question to the webhook: {took:.1f} s, with scrapes and evaluations every second")
        if took >= _SECONDS:
            yield f"it took {took:.1f} s"
        if (told.labels["rule"], told.labels["severity"]) != ("IA202", "critical"):
            yield f"its labels are {told.labels}"

    def _leak(self) -> None:
        """Let users chat with the legacy engine until one has seen what is another's: of two workers, luck decides."""
        for _ in range(5):
            result = self.leaking.load(USERS, 2)
            self._keep_private(result)
            self._foreign += result.foreign_events
            self._events += result.events_total
            if result.foreign_events:
                return
        raise servers.StackError("the legacy engine does not leak")

    def two_workers_add_up(self) -> Iterator[str]:
        """17. Two workers: totals equal the sum, no label of a process, nothing falls when a worker is replaced."""
        yield from self._add_up("with two workers")
        report = self.leaking.report / "processes"
        parts = [json.loads(part.read_text()) for part in report.glob("*.json")]
        workers = [part["run"]["processes"][0]["pid"] for part in parts if part["summary"]["requests"]]
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: len(list(report.glob("*.json"))) > len(parts), "the worker that takes its place")
        self._leak()
        yield from self._add_up("after one was killed and replaced")
        for name in ("events_total", "crossings_total", "findings_total"):
            if self._value(f"sum(resets({self._at(self.leaking, name)}[10m]))"):
                yield f"isolation_audit_{name} has fallen"

    def _is(self, promql: str, expected: float) -> bool:
        return self._value(promql) == expected

    def _add_up(self, when: str) -> Iterator[str]:
        for name, expected in (("crossing_events_total", self._foreign), ("events_total", self._events)):
            sums = f"sum({self._at(self.leaking, name)})"
            try:
                wait_for(partial(self._is, sums, expected), sums, 20.0)
            except servers.StackError:
                yield f"{when} isolation_audit_{name} is {self._value(sums)}, the clients count {expected}"

    def series_do_not_depend_on_users(self) -> Iterator[str]:
        """6. No label of a user, session or run; as many series after 10,000 users as after 10."""
        after = self._series(self.leaking)
        if after != self._before:
            new = sorted(dict(one)["__name__"] for one in after ^ self._before)
            yield f"series that were not there before the load, or are not any more: {new}"
        labels = {name for one in after for name, _ in one} - {"__name__"}
        yield from (f"label {name}" for name in sorted(labels) if _LABELS_OF_PEOPLE.search(name))
        few, many, seconds = _series_of_many_users()
        if few != many:
            yield f"{few} series after 10 users, {many} after 10,000"
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"   {many} series of one process without a configuration, {len(after)} of the example")
        print(
            f"   with 10,000 users a scrape takes {seconds * 1000:.0f} ms, and the process has {memory:.0f} MB at most"
        )

    def _keep_private(self, result: Any) -> None:
        """What must be found nowhere: the users' ids, what only they know, and what they have asked and were told."""
        for user in result.per_user:
            self._private |= {user.user_id, user.marker}
        for frame in (json.loads(frame) for frames in result.transcripts.values() for frame in frames):
            self._private |= {frame[key] for key in ("run_id", "thread_id", "connection_id") if frame.get(key)}
            self._private |= {text for text in map(str, frame.get("data", {}).values()) if len(text) > 12}

    def nothing_private_leaves(self) -> Iterator[str]:
        """7. No secret, id or text of a user in OTLP, /metrics, report, HTML, SARIF, Markdown, JUnit or journal."""
        shown = self.leaking.report / "shown"
        shown.mkdir()
        command = [sys.executable, "-m", "isolation_audit", "show", str(self.leaking.report)]
        for kind in ("html", "sarif", "markdown", "junit"):
            command += [f"--{kind}", str(shown / kind)]
        subprocess.run(command, check=True, capture_output=True)
        wait_for(lambda: self._sent, "something over OTLP")
        ways_out = {
            "OTLP": b"".join(self._sent),
            "/metrics": get(f"http://{self.leaking.metrics}/metrics").encode(),
            "the journal": self._journal.read_bytes(),
            "the report": b"".join(part.read_bytes() for part in (self.leaking.report / "processes").glob("*.json")),
            **{file.name: file.read_bytes() for file in shown.iterdir()},
        }
        for name, content in ways_out.items():
            if b"IA202" not in content:
                yield f"{name} says nothing of IA202"
            yield from (f"{name} has {secret!r}" for secret in sorted(self._private) if secret.encode() in content)
        print(f"   {len(self._private)} texts looked for in {', '.join(ways_out)}")

    def every_panel_has_data(self) -> Iterator[str]:
        """9. Every panel's query gives a series on the live Prometheus while the chat is used."""
        self.clean.load(USERS, 2)
        self._leak()
        count = 0
        for model in boards().values():
            for panel in panels(model):
                for target in panel["targets"]:
                    count += 1
                    promql = filled_in(target["expr"])
                    try:
                        wait_for(partial(self.prometheus.query, promql), promql, 5.0)
                    except servers.StackError as error:
                        yield f"{model['title']}: {panel['title']}: {error}"
        for rule in rules():
            self.prometheus.query(rule["expr"])  # raises where it is no PromQL
        print(f"   {count} queries of {sum(1 for model in boards().values() for _ in panels(model))} panels")

    def it_resolves(self) -> Iterator[str]:
        """4. ... then resolved."""
        try:
            wait_for(lambda: self.hook.of("IsolationAuditCrossing", "resolved"), "the alert's end", 60.0)
        except servers.StackError as error:
            yield str(error)

    def blind_and_down_fire(self) -> Iterator[str]:
        """16. "Auditor blind" and "auditor down" fire; none that comes at once is about the clean chat."""
        for _ in range(25):
            get(f"{self.blind.url}/")
        # Not those that wait: here they wait for seconds, and before its first user an auditor may well be blind.
        at_once = {name for name, rule in alerts().items() if rule["for"] == "0s"}
        told = [one for one in self.hook.told if one.labels["alertname"] in at_once]
        about = [one for one in told if one.labels.get("instance") == self.clean.metrics]
        yield from (f"{one.labels['alertname']} about the clean instance" for one in about)
        self.clean_stack.close()
        for name, of in (("IsolationAuditBlind", self.blind), ("IsolationAuditDown", self.clean)):
            try:
                firing = partial(self.hook.of, name, "firing", instance=of.metrics)
                wait_for(firing, f"{name} about {of.metrics}", 45.0)
            except servers.StackError as error:
                yield str(error)


def filled_in(promql: str, window: str = "1m") -> str:
    """A panel's query with its variables as they are at first: all jobs, all instances."""
    promql = promql.replace("$__rate_interval", window).replace("$__range", "5m")
    return re.sub(r'=~"\$\w+"', '=~".+"', promql)


def _series_of_many_users() -> tuple[int, int, float]:
    """The number of series after 10 and after 10,000 users, and how long the last scrape took."""
    from prometheus_client import CollectorRegistry, generate_latest

    from isolation_audit import Auditor, user_scope
    from isolation_audit.config import Config
    from isolation_audit.exporters.prometheus import register

    with Auditor(Config()) as auditor:
        registry = CollectorRegistry()
        register(lambda: auditor, registry)

        def visit(first: int, last: int) -> tuple[int, float]:
            for number in range(first, last):
                with user_scope(f"user-{number}", run_id=f"run-{number}", session=f"session-{number}"):
                    pass
            begun = time.perf_counter()
            text = generate_latest(registry).decode()
            seconds = time.perf_counter() - begun
            return sum(not line.startswith("#") for line in text.splitlines()), seconds

        few, _ = visit(0, 10)
        return few, *visit(10, 10_000)
