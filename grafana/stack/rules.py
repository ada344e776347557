"""The committed rules and routes as a trial needs them: nobody watches for five minutes until an alert resolves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml
from grafana.stack.chat import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RULES = ROOT / "grafana" / "alerts" / "isolation-audit.rules.yml"
ROUTES = ROOT / "grafana" / "alertmanager" / "alertmanager.yml"


def short_rules(folder: Path, window: str, wait: str | None = None) -> Path:
    """A copy of the alerts in which 5 minutes are ``window``; ``wait`` takes the place of `for`, where there is one."""
    document = yaml.safe_load(RULES.read_text())
    for group in document["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                rule["expr"] = re.sub(r"(?<=\[)5m(?=\])|(?<=offset )5m\b", window, rule["expr"])
                if wait is not None and rule["for"] != "0s":
                    rule["for"] = wait
    file = folder / "isolation-audit.rules.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def routes(url: str) -> str:
    """The example of a route with one webhook for all, which is told at once."""
    document = yaml.safe_load(ROUTES.read_text())
    for receiver in document["receivers"]:
        for hook in receiver["webhook_configs"]:
            hook["url"] = f"{url}/{receiver['name']}"
    for route in (document["route"], *document["route"]["routes"]):
        route["group_wait"], route["group_interval"] = "0s", "1s"
    return yaml.safe_dump(document, sort_keys=False)
