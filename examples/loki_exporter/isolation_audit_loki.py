"""Findings as log lines in Loki, through its push API (POST /loki/api/v1/push, JSON).

Labels are the service, the rule and the severity: few values each, as Loki wants it. The line is the finding as
report.json has it, so that users are in it as pseudonyms, and payloads are not.
"""

from __future__ import annotations

import json
import urllib.request
from collections import deque
from typing import TYPE_CHECKING, Any

from isolation_audit import UsageError

if TYPE_CHECKING:
    from isolation_audit.extending import Batch, Entry, Settings

QUEUE = 1_000
"""Findings that wait for Loki at most; beyond it the oldest are given up and counted."""


class LokiSink:
    """Pushes what is new; what Loki does not take is offered again with what comes next."""

    name = "loki"
    takes_scopes = False

    def __init__(self, url: str, service: str, tenant: str | None, timeout: float) -> None:
        self._url = url.rstrip("/") + "/loki/api/v1/push"
        self._service = service
        self._headers = {"Content-Type": "application/json"} | ({"X-Scope-OrgID": tenant} if tenant else {})
        self._timeout = timeout
        self._waiting: deque[Entry] = deque()
        self.exports = {"failures": 0, "lost": 0}
        """Pushes that failed, and findings that were given up."""

    def drain(self, batch: Batch) -> None:
        """Push what waits. This is the sink's own thread; nobody else waits for Loki."""
        self._waiting.extend(batch.entries)
        while len(self._waiting) > QUEUE:
            self._waiting.popleft()
            self.exports["lost"] += 1
        self._offer()

    def close(self) -> None:
        """Offer what is left once more; what Loki has not taken by then is lost."""
        self._offer()
        self.exports["lost"] += len(self._waiting)
        self._waiting.clear()

    def _offer(self) -> None:
        if not self._waiting:
            return
        try:
            self._push({"streams": [self._stream(entry) for entry in self._waiting]})
        except OSError:
            self.exports["failures"] += 1
        else:
            self._waiting.clear()

    def _stream(self, entry: Entry) -> dict[str, Any]:
        finding = entry.as_dict()
        labels = {"service_name": self._service, "rule": finding["rule"], "severity": finding["severity"]}
        return {"stream": labels, "values": [[str(int(entry.first_seen * 1e9)), json.dumps(finding)]]}

    def _push(self, body: dict[str, Any]) -> None:
        request = urllib.request.Request(self._url, json.dumps(body).encode(), self._headers)  # noqa: S310 - checked
        with urllib.request.urlopen(request, timeout=self._timeout):  # noqa: S310 - below
            pass  # 204; what is no success is raised, as a kind of OSError


def exporter(settings: Settings) -> LokiSink:
    """What ``[exporters.loki]`` asks for: ``url``, and perhaps ``service``, ``tenant`` and ``timeout`` (seconds)."""
    options = dict(settings.options)
    url = options.pop("url", "")
    if not str(url).startswith(("http://", "https://")):
        raise UsageError('exporters.loki.url: names no server; write it like "http://localhost:3100"')
    service, tenant = str(options.pop("service", "isolation-audit")), options.pop("tenant", None)
    timeout = float(options.pop("timeout", 2.0))
    if options:
        raise UsageError(f"exporters.loki: unknown key {min(options)!r}; there are url, service, tenant and timeout")
    return LokiSink(str(url), service, None if tenant is None else str(tenant), timeout)
