"""The crossings as a picture: time from left to right, a lane for each two users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from isolation_audit.analysis.texts import shown
from isolation_audit.exporters.lanes import lanes
from isolation_audit.exporters.values import moment

if TYPE_CHECKING:
    from isolation_audit.exporters.lanes import Lane, Lanes
    from isolation_audit.investigate.answers import Answers

_HEAD: Final = 330
_NAME: Final = 38
"""Characters of the name of a lane."""

_STYLE: Final = """
svg { background: #ffffff; } text { fill: #1b222b; font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; }
.faint { fill: #55606e; } line { stroke: #d5dbe3; } rect { fill: #1f5f8b; }
.error { fill: #b3261e; } .warning { fill: #8a5300; }
@media (prefers-color-scheme: dark) { svg { background: #14181d; } text { fill: #e6eaef; } .faint { fill: #a3afbd; }
line { stroke: #343d48; } .error { fill: #ff9e94; } .warning { fill: #f5c26b; } }
"""


def as_svg(answers: Answers) -> str | None:
    """The whole picture, which fetches nothing and runs nothing; None where nobody met."""
    marks = [
        (
            f"{shown(one.sender, _NAME)} > {shown(one.receiver, _NAME)}",
            one.at,
            one.at,
            one.severity if one.severity in ("error", "warning") else "note",
            f"{one.rule} {moment(one.at)}",
        )
        for one in answers.marks
    ]
    drawn = lanes("Who could have seen whose data", "", marks, head=_HEAD)
    return None if drawn is None else ET.tostring(_picture(drawn), encoding="unicode") + "\n"


def _picture(drawn: Lanes) -> ET.Element:
    size = {"viewBox": f"0 0 {drawn.width} {drawn.height}", "width": str(drawn.width), "height": str(drawn.height)}
    picture = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    ET.SubElement(picture, "title").text = drawn.title
    ET.SubElement(picture, "style").text = _STYLE
    for lane in drawn.lanes:
        _add(picture, drawn, lane)
    low = str(drawn.height - 8)
    ET.SubElement(picture, "text", {"class": "faint", "x": str(drawn.head), "y": low}).text = drawn.first
    end = {"class": "faint", "x": str(drawn.width - 4), "y": low, "text-anchor": "end"}
    ET.SubElement(picture, "text", end).text = drawn.last
    if drawn.left_out:
        told = f"{drawn.left_out:,} more"
        ET.SubElement(picture, "text", {"class": "faint", "x": "4", "y": low}).text = told
    return picture


def _add(picture: ET.Element, drawn: Lanes, lane: Lane) -> None:
    line = {"x1": str(drawn.head), "x2": str(drawn.width), "y1": str(lane.middle), "y2": str(lane.middle)}
    ET.SubElement(picture, "line", line)
    name = {"x": str(drawn.head - 8), "y": str(lane.middle + 5), "text-anchor": "end"}
    ET.SubElement(picture, "text", name).text = lane.name
    for mark in lane.marks:
        place = {"x": str(mark.x - 4), "y": str(lane.middle - 6), "width": "8", "height": "12", "rx": "4"}
        ET.SubElement(ET.SubElement(picture, "rect", {"class": mark.kind, **place}), "title").text = mark.title
