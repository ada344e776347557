"""A dashboard as all of them are: its variables, its links to the others, its panels in rows, and its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grafana.source.panels import SOURCE
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TAG: Final = "isolation-audit"
RUNNING: Final = "isolation_audit_running"


def board(
    uid: str,
    title: str,
    description: str,
    content: Mapping[str, Iterable[Any]],
    *,
    of: tuple[str, ...] = (RUNNING,),
    more: tuple[Any, ...] = (),
) -> dict[str, Any]:
    """The JSON model. ``of`` are the metrics whose jobs and instances can be chosen, ``more`` further variables."""
    made = (
        boards.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .time("now-6h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    jobs = choice("job", "Job", selector(*of))
    instances = choice("instance", "Instance", selector(*of, job='=~"$job"'))
    for variable in (_source(), jobs, instances, *more):
        made.with_variable(variable)
    others = boards.DashboardLink("isolation-audit").type(models.DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(others.as_dropdown(as_dropdown=True).include_vars(include_vars=True).keep_time(keep_time=True))
    for heading, panels in content.items():
        made.with_row(boards.Row(heading))
        for panel in panels:
            made.with_panel(panel)
    model = json.loads(JSONEncoder(sort_keys=True).encode(made.build()))
    for number, panel in enumerate(model["panels"], 1):
        panel["id"] = number  # the SDK leaves it out, and links to single panels need it
    return dict(model)


def _source() -> Any:
    chosen = models.VariableOption(selected=True, text="default", value="default")
    return boards.DatasourceVariable("datasource").label("Data source").type("prometheus").current(chosen)


def selector(*names: str, **matchers: str) -> str:
    """A selector of one metric, or of any of several."""
    wanted = [f"{label}{matcher}" for label, matcher in matchers.items()]
    if len(names) == 1:
        return names[0] + (f"{{{','.join(wanted)}}}" if wanted else "")
    return "{" + ",".join([f'__name__=~"{"|".join(names)}"', *wanted]) + "}"


def choice(name: str, label: str, of: str) -> Any:
    """A variable with the values that a label has; all of them at first."""
    return (
        boards.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": f"label_values({of}, {name})", "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(models.VariableOption(selected=True, text=["All"], value=["$__all"]))
    )
