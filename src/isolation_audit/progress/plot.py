"""The history as a picture."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.exceptions import MissingExtraError
from isolation_audit.progress.matrix import value

try:
    import pygal
    from pygal.style import Style
except ImportError as error:
    raise MissingExtraError("the plot of the history", "migrate") from error
# pygal looks for plugins of its own by a finder of a kind that Python 3.11 warns of at each further import. Only that
# one goes: others that came along may be needed to find installed packages from now on.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__.partition(".")[0] != "pygal"]

if TYPE_CHECKING:
    from isolation_audit.progress.history import HistoryEntry

_STYLE: Final = Style(
    background="#ffffff",
    plot_background="#ffffff",
    font_family="sans-serif",
    colors=("#1f4e79", "#c0392b", "#2e8b57", "#e67e22", "#8e44ad", "#7f8c8d", "#16a085", "#b7950b"),
    label_font_size=13,
    legend_font_size=14,
    title_font_size=16,
    stroke_width=2.5,
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#bbbbbb",
)

_BRIEF: Final = dt.timedelta(days=3)
"""Of a shorter history, the axis shows hours."""


def as_svg(entries: list[HistoryEntry]) -> str:
    """A line each for all references, those of each phase, and, on an axis of its own, the deprecated engines built.

    The picture fetches nothing and runs nothing.
    """
    moment = "%Y-%m-%d %H:%M" if entries[-1].time - entries[0].time < _BRIEF else "%Y-%m-%d"
    chart = pygal.XY(
        title="References in the source",
        style=_STYLE,
        width=960,
        height=480,
        js=(),
        no_prefix=True,
        include_x_axis=True,
        order_min=0,  # no halves of a reference on the axis
        legend_at_bottom=True,
        truncate_legend=-1,
        allow_interruptions=True,
        x_label_rotation=30,
        x_value_formatter=lambda seconds: f"{dt.datetime.fromtimestamp(seconds, dt.UTC):{moment}}",
    )
    names = {"source.references": "all"}
    names |= {
        key: f"phase {key.removeprefix('source.phase.')}"
        for key in sorted({key for entry in entries for key in entry.figures})
        if key.startswith("source.phase.") and not key.endswith(".-")
    }
    for key, name in names.items():
        chart.add(name, _points(entries, key))
    built = _points(entries, "migration.deprecated")
    if any(count is not None for _, count in built):
        chart.add("deprecated engines built (right)", built, secondary=True, stroke_style={"dasharray": "6, 4"})
    chart.add_xml_filter(_without_scripts)
    return str(chart.render(is_unicode=True))


def _without_scripts(picture: Any) -> Any:
    for parent in picture.iter():
        for script in parent.findall("script"):
            parent.remove(script)
    return picture


def _points(entries: list[HistoryEntry], key: str) -> list[tuple[float, float | None]]:
    # Seconds, and not pygal's own chart of dates: that one uses a function of which Python 3.12 warns.
    return [(entry.time.timestamp(), value(entry.figures, key)) for entry in entries]
