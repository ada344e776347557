"""Panels as all dashboards have them: a title, a description, a unit, the variable data source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import bargauge, common, heatmap, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode, HeatmapColorScale
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="$datasource")
AT: Final = 'job=~"$job",instance=~"$instance"'
"""The matchers that every query has."""

RATE: Final = "[$__rate_interval]"
DAY: Final = "[24h]"
"""The one fixed window: what these panels are asked is "since yesterday", whatever the dashboard's range is."""
SHOWN: Final = "[$__range]"

GREEN, ORANGE, RED, BLUE = "green", "orange", "red", "blue"

ColoredBy = tuple[tuple[float | None, str], ...]
GOOD_AT_ZERO: Final[ColoredBy] = ((None, GREEN), (1, RED))
WARN_ABOVE_ZERO: Final[ColoredBy] = ((None, GREEN), (1, ORANGE))
PLAIN: Final[ColoredBy] = ((None, BLUE),)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel and how its series are called."""

    expr: str
    legend: str = ""


Queries = str | Query | tuple[Query, ...]


def metric(name: str, *matchers: str) -> str:
    """A selector of one of our metrics at the chosen jobs and instances; ``name`` is without our prefix."""
    return f"isolation_audit_{name}{{{','.join((AT, *matchers))}}}"


def risen(name: str, window: str = RATE, *, by: str = "", matchers: tuple[str, ...] = ()) -> str:
    """By how much a counter has risen within a window, added up, or by labels."""
    return f"sum{f' by ({by}) ' if by else ''}(increase({metric(name, *matchers)}{window}))"


def share(part: str, whole: str, *, of_nothing: int = 0) -> str:
    """A share; ``of_nothing`` where there is nothing of which it could be one."""
    return (
        f"({part} + {of_nothing} * ({whole} == bool 0)) / clamp_min({whole}, 1)"
        if of_nothing
        else (f"{part} / clamp_min({whole}, 1)")
    )


def _of(queries: Queries) -> tuple[Query, ...]:
    return (Query(queries),) if isinstance(queries, str) else queries if isinstance(queries, tuple) else (queries,)


def _targets(panel: Any, queries: Queries, *, instant: bool = False, form: Any = None, exemplars: bool = False) -> Any:
    panel.datasource(SOURCE)
    for place, query in enumerate(_of(queries)):
        target = prometheus.Dataquery().expr(query.expr).ref_id("ABCDEFGH"[place]).datasource(SOURCE)
        target.instant() if instant else target.range()
        if query.legend:
            target.legend_format(query.legend)
        if form is not None:
            target.format(form)
        if exemplars:
            target.exemplar(exemplar=True)
        panel.with_target(target)
    return panel


def _framed(panel: Any, title: str, description: str, unit: str, width: int, height: int) -> Any:
    return panel.title(title).description(description).unit(unit).span(width).height(height)


def _steps(steps: ColoredBy) -> Any:
    found = [models.Threshold(value=value, color=color) for value, color in steps]
    return boards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


def words(texts: Mapping[str, tuple[str, str]]) -> list[models.ValueMap]:
    """Values that are shown as a word in a color."""
    results = {value: models.ValueMappingResult(text=text, color=color) for value, (text, color) in texts.items()}
    return [models.ValueMap(options=results)]


def number(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "short",
    steps: ColoredBy = PLAIN,
    width: int = 4,
    height: int = 4,
    mappings: Any = None,
    nothing: str = "none",
    names: bool = False,
    trend: bool = True,
) -> Any:
    """One large number, or one for each series; ``names`` shows how each is called."""
    panel = _framed(stat.Panel(), title, description, unit, width, height)
    panel.thresholds(_steps(steps)).color_mode(shapes.BigValueColorMode.BACKGROUND).no_value(nothing)
    panel.color_scheme(boards.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.graph_mode(shapes.BigValueGraphMode.AREA if trend else shapes.BigValueGraphMode.NONE)
    panel.text_mode(shapes.BigValueTextMode.VALUE_AND_NAME if names else shapes.BigValueTextMode.VALUE)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    if unit == "short":
        panel.decimals(0)  # increase() estimates
    if mappings is not None:
        panel.mappings(mappings)
    return _targets(panel, queries)


def lines(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "short",
    width: int = 12,
    height: int = 8,
    stacked: bool = False,
    bars: bool = False,
    exemplars: bool = False,
    most: float | None = None,
) -> Any:
    """Series over time."""
    panel = _framed(timeseries.Panel(), title, description, unit, width, height)
    panel.color_scheme(boards.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC))
    panel.min(0).line_width(2).fill_opacity(60 if bars else 10).show_points(shapes.VisibilityMode.NEVER)
    if most is not None:
        panel.max(most)
    elif unit == "percentunit":
        panel.axis_soft_max(0.01)  # shares that are 0 are drawn on an axis to 1 %
    if bars:
        panel.draw_style(shapes.GraphDrawStyle.BARS)
    if stacked:
        panel.stacking(common.StackingConfig().mode(shapes.StackingMode.NORMAL).group("A"))
    legend = common.VizLegendOptions().show_legend(show_legend=True).placement(shapes.LegendPlacement.BOTTOM)
    panel.legend(legend.display_mode(shapes.LegendDisplayMode.LIST).calcs([]))
    panel.tooltip(common.VizTooltipOptions().mode(shapes.TooltipDisplayMode.MULTI).sort(shapes.SortOrder.DESCENDING))
    return _targets(panel, queries, exemplars=exemplars)


def bars(
    title: str,
    description: str,
    queries: Queries,
    *,
    unit: str = "short",
    width: int = 12,
    height: int = 8,
    steps: ColoredBy = PLAIN,
) -> Any:
    """One bar for each series, as it is now."""
    panel = _framed(bargauge.Panel(), title, description, unit, width, height)
    panel.orientation(shapes.VizOrientation.HORIZONTAL).display_mode(shapes.BarGaugeDisplayMode.BASIC)
    panel.thresholds(_steps(steps)).min(0).no_value("none")
    panel.color_scheme(boards.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    return _targets(panel, queries, instant=True)


def rows(
    title: str,
    description: str,
    expr: str,
    columns: Mapping[str, str],
    *,
    unit: str = "short",
    width: int = 12,
    height: int = 8,
    last: str = "Value",
) -> Any:
    """A table with a row for each series: ``columns`` are its labels by their headings, ``last`` is its value's."""
    panel = _framed(table.Panel(), title, description, "short", width, height).no_value("nothing")
    shown = [
        models.DynamicConfigValue(id_val="unit", value=unit),
        models.DynamicConfigValue(id_val="decimals", value=0),
    ]
    panel.override_by_name(last, shown)
    kept = {**columns, "Value": last}
    panel.with_transformation(
        models.DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": {"Time": True},
                "indexByName": {name: place for place, name in enumerate(kept)},
                "renameByName": kept,
            },
        )
    )
    panel.sort_by([common.TableSortByFieldState().display_name(last).desc(desc=True)])
    return _targets(panel, expr, instant=True, form=PromQueryFormat.TABLE)


def spread(title: str, description: str, histogram: str, *, width: int = 8, height: int = 8) -> Any:
    """A heatmap of how long something took."""
    panel = _framed(heatmap.Panel(), title, description, "s", width, height)
    panel.calculate(calculate=False).y_axis(heatmap.YAxisConfig().unit("s")).cell_gap(1)
    colors = (
        heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").scale(HeatmapColorScale.LINEAR)
    )
    panel.color(colors.fill("orange").exponent(0.5).steps(32).reverse(reverse=False))
    query = Query(f"sum by (le) (increase({metric(f'{histogram}_seconds_bucket')}{RATE}))", "{{le}}")
    return _targets(panel, query, form=PromQueryFormat.HEATMAP)


def words_of(title: str, description: str, content: str, *, width: int = 24, height: int = 6) -> Any:
    """Text in Markdown."""
    panel = text.Panel().title(title).description(description).span(width).height(height)
    return panel.mode(TextMode.MARKDOWN).content(content)
