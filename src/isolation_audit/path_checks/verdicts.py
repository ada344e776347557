"""What can be said of one path and one callable before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Fit(IntEnum):
    """The better one is the greater one."""

    NEVER = 0
    """The path gives nothing, whatever is called."""
    DOUBTFUL = 1
    """Nothing in the class makes what the path asks for."""
    OPEN = 2
    """Only a run can tell."""
    GOOD = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a path fits, and the reason where it is not simply good."""

    fit: Fit
    reason: str = ""


GOOD = Verdict(Fit.GOOD)

Level = Literal["error", "warning", "note", "open"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One line under a target: an error (it can never work), a warning (look at it), a note.

    Those of level ``open`` (only a run can tell) are put together to one note a target.
    """

    level: Level
    text: str
