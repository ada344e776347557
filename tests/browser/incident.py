"""The pictures of docs/howto/incident.md: the example chat leaks, an alert fires, and everything leads to the line.

All of it is real: Prometheus, Alertmanager, the chat with its deprecated engine, its journal, what it sends by OTLP.
"""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import spans_page
from grafana.stack import servers
from grafana.stack.chat import chat, configuration
from grafana.stack.rules import routes, short_rules

if TYPE_CHECKING:
    from chromium import Tab

USERS: Final = 5
TOOL: Final = (sys.executable, "-m", "isolation_audit")
_ALERTS: Final = """
const row = [...document.querySelectorAll('tr')].find(one => one.textContent.includes('IsolationAuditCrossing'));
row.click();
document.querySelector('.show-annotations').click();
setTimeout(() => row.scrollIntoView(), 600);
"""


def incident(tab: Tab, folder: Path, pictures: Path) -> None:
    """Let it happen, and take the pictures."""
    with ExitStack() as stack:
        otlp, sent = stack.enter_context(servers.sink())
        more = f'[otlp]\nendpoint = "{otlp}"\nprotocol = "http/protobuf"\n[journal]\npath = "isolation.jsonl"\n'
        config = configuration(folder, more)
        leaking = stack.enter_context(chat(folder, "legacy", config))
        hook = stack.enter_context(servers.webhook())
        manager = stack.enter_context(servers.alertmanager(folder, routes(hook.url)))
        rules = short_rules(folder, "5m")
        prometheus = stack.enter_context(servers.prometheus(folder, {"chat": [leaking.metrics]}, rules, manager, "1s"))
        servers.wait_for(lambda: prometheus.query("isolation_audit_crossings_total"), "the first scrape")
        leaking.load(USERS, 2)
        servers.wait_for(lambda: hook.of("IsolationAuditCrossing", "firing"), "the alert")
        _alert(tab, prometheus.url, pictures / "incident-alert.webp")
        journal, report = config.parent / "isolation.jsonl", leaking.report
        servers.wait_for(lambda: any(map(_has_run, spans_page.spans_of(list(sent)).items())), "the spans of a run")
        time.sleep(2.0)  # the batches after it
        _trace(tab, folder, list(sent), pictures / "incident-trace.webp")
        commands = (
            ("show", str(report), "--html", str(folder / "incident.html"), "--journal", str(journal)),
            ("investigate", str(journal), "--svg", str(pictures / "incident-timeline.svg")),
        )
        for words in commands:
            done = subprocess.run([*TOOL, *words], cwd=ROOT, check=True, capture_output=True, text=True)
            print(done.stdout)
    page = folder / "incident.html"
    for name, height, before in (
        ("finding", 760, "document.getElementById('findings').scrollIntoView()"),
        ("runs", 640, "document.getElementById('runs').scrollIntoView()"),
    ):
        tab.look(width=1100, height=height, dark=False)
        tab.open(page)
        tab.run(before)
        tab.picture(pictures / f"incident-{name}.webp")


def _has_run(trace_and_spans: tuple[str, list[object]]) -> bool:
    return len(trace_and_spans[1]) > 1


def _alert(tab: Tab, url: str, picture: Path) -> None:
    tab.look(width=1100, height=620, dark=False)
    tab.ask("Page.navigate", url=f"{url}/classic/alerts")
    servers.wait_for(lambda: tab.run("document.body?.textContent.includes('IsolationAuditCrossing')"), "the page")
    tab.run(_ALERTS)
    time.sleep(1.5)  # it folds open
    tab.picture(picture)


def _trace(tab: Tab, folder: Path, sent: list[bytes], picture: Path) -> None:
    spans = spans_page.spans_of(sent)
    longest = max(spans, key=lambda one: len(spans[one]))
    page = folder / "trace.html"
    page.write_text(spans_page.page(longest, spans[longest]), encoding="utf-8")
    tab.look(width=1100, height=520, dark=False)
    tab.open(page)
    tab.picture(picture, whole=True)
