"""The path to shared state, drawn: one box a step, from the text for Mermaid that a finding has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Final

_box: Final = re.compile(r'n\d+\["([^"]*)"\]')
_code: Final = re.compile(r"#(35|quot|lt|gt);")
_CODES: Final = {"35": "#", "quot": '"', "lt": "<", "gt": ">"}

_STEPS: Final = 40
_CHARACTER: Final = 8
"""Width of a character of the font of code, in the units of the picture; rather more than less."""

_WIDEST: Final = 44
_HEIGHT: Final = 34
_GAP: Final = 22
_MARGIN: Final = 2


@dataclass(frozen=True, slots=True)
class Step:
    """One box, with the place of its upper edge."""

    text: str
    shown: str
    top: int
    middle: int


@dataclass(frozen=True, slots=True)
class HtmlPath:
    """Boxes below each other: a phone is narrow, and a path may be long."""

    steps: tuple[Step, ...]
    width: int
    height: int
    box: int = _HEIGHT
    margin: int = _MARGIN

    @property
    def arrows(self) -> tuple[tuple[int, int], ...]:
        """From the lower edge of each box to the upper one of the next."""
        return tuple([(step.top + _HEIGHT, step.top + _HEIGHT + _GAP) for step in self.steps[:-1]])


def drawn(diagram: str) -> HtmlPath | None:
    """The picture; None where the text is none of ours."""
    # Whatever stands between the boxes: a report that was read has its ends of lines written as escapes.
    names = [_plain(found[1]) for found in islice(_box.finditer(diagram), _STEPS)]
    if not names:
        return None
    shown = [name if len(name) <= _WIDEST else f"{name[: _WIDEST - 3]}..." for name in names]
    steps = tuple(
        [
            Step(name, short, number * (_HEIGHT + _GAP) + _MARGIN, number * (_HEIGHT + _GAP) + _MARGIN + _HEIGHT // 2)
            for number, (name, short) in enumerate(zip(names, shown, strict=True))
        ]
    )
    width = (max(map(len, shown)) + 3) * _CHARACTER
    return HtmlPath(steps, width, len(steps) * (_HEIGHT + _GAP) - _GAP + 2 * _MARGIN)


def _plain(name: str) -> str:
    return _code.sub(lambda found: _CODES[found[1]], name)
