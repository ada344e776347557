"""Values out of a report that may come from anywhere: each has its type, or it is no report."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

_LONGEST: Final = 4_000
"""Characters of a text; ours have a tenth of that."""

_HIGHEST: Final = 10**15
"""Of counts and of seconds."""


def text(value: Any) -> str:
    """A text, the beginning of a long one."""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} is no text")
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}... ({len(value):,} characters)"


def optional(value: Any) -> str | None:
    """A text, or None."""
    return None if value is None else text(value)


def count(value: Any) -> int:
    """A whole number from 0 on."""
    if type(value) is not int or not 0 <= value <= _HIGHEST:
        raise TypeError(f"a {type(value).__name__} is no count")
    return value


def seconds(value: Any) -> float:
    """Seconds since 1970; 0 where a clock of the application has given none."""
    return float(value) if type(value) in (int, float) and 0 <= value <= _HIGHEST else 0.0


def moment(value: float) -> str:
    """Seconds since 1970 as people read them, in UTC; empty where that is no time that has a date."""
    if not value:
        return ""
    try:
        return f"{dt.datetime.fromtimestamp(value, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, OSError, ValueError):
        return ""


def grouped(number: float) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,.0f}"
