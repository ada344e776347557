"""The rules of Grafana's dashboard linter, as far as they are about what people see and choose."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from grafana.checks.promql import is_counter, selectors

if TYPE_CHECKING:
    from collections.abc import Iterator

Model = dict[str, Any]

WINDOWS: Final = {
    "$__rate_interval": "the rule itself",
    "24h": 'the panel asks "since yesterday", whatever range is shown',
    "$__range": "the panel counts what has happened in the range that is shown",
}
"""Windows that a counter's function may have, each with the reason."""

_WITHOUT_QUERY: Final = ("row", "text")
_CHOSEN: Final = {"job": "Job", "instance": "Instance"}


def violations(model: Model) -> Iterator[str]:
    """What is wrong with one dashboard."""
    yield from _frame(model)
    yield from _variables(model)
    for panel in model["panels"]:
        if panel["type"] != "row":
            name = panel.get("title") or f"panel {panel.get('id')}"
            yield from (f"{name}: {what}" for what in _panel(panel))


def _frame(model: Model) -> Iterator[str]:
    if model.get("editable") is not False:
        yield "uneditable: it can be edited where it was provisioned, and the next start takes that back"
    if not model.get("uid") or not model.get("title"):
        yield "it has no uid or no title"
    numbers = Counter(panel.get("id") for panel in model["panels"])
    if None in numbers or max(numbers.values()) > 1:
        yield "panels without an id, or two with one"


def _variables(model: Model) -> Iterator[str]:
    variables = {one["name"]: one for one in model.get("templating", {}).get("list", ())}
    source = variables.get("datasource", {})
    if (source.get("type"), source.get("query"), source.get("label")) != ("datasource", "prometheus", "Data source"):
        yield "template-datasource: there is no variable `datasource` of Prometheus, labelled `Data source`"
    for name, label in _CHOSEN.items():
        found = variables.get(name, {})
        if found.get("type") != "query" or found.get("label") != label:
            yield f"template-{name}: there is no query variable `{name}`, labelled `{label}`"
            continue
        if found.get("datasource", {}).get("uid") != "$datasource":
            yield f"template-{name}: it does not ask $datasource"
        if not (found.get("multi") and found.get("includeAll") and found.get("allValue") == ".+"):
            yield f"template-{name}: several, or all, can't be chosen"
    for name, found in variables.items():
        if found["type"] == "query":
            if found.get("refresh") != 2:
                yield f"template-on-time-change-reload: `{name}` is not asked again when the range changes"
            if f", {name})" not in found["query"]["query"]:
                yield f"template-{name}: its values are not those of the label"


def _panel(panel: Model) -> Iterator[str]:
    if not panel.get("title") or not panel.get("description"):
        yield "panel-title-description: no title, or no description"
    if panel["type"] in _WITHOUT_QUERY:
        return
    if panel.get("datasource", {}).get("uid") != "$datasource":
        yield "panel-datasource: it does not ask $datasource"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if not defaults.get("unit") and not defaults.get("mappings"):
        yield "panel-units: no unit"
    targets = panel.get("targets", ())
    if not targets:
        yield "panel-no-targets: no query"
    for target in targets:
        if target.get("datasource", {}).get("uid") != "$datasource":
            yield "target-datasource: a query does not ask $datasource"
        yield from _query(target["expr"])


def _query(expr: str) -> Iterator[str]:
    found = list(selectors(expr))
    if not found:
        yield f"target-promql: no metric of ours in {expr}"
    for one in found:
        for name in _CHOSEN:
            if one.matchers.get(name) != f'=~"${name}"':
                yield f"target-{name}: {one.name} is not limited to the chosen {name}s"
        if is_counter(one.name) and not one.counted:
            yield f"target-counter-agg: {one.name} is shown as it is, without rate or increase"
        if one.counted and one.window not in WINDOWS:
            yield f"target-rate-interval: {one.name} over {one.window}"
