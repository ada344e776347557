"""What a query is made of, as far as the checks have to know: its selectors, and the functions around them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELECTOR: Final = re.compile(
    r"(?P<around>\b(?:rate|irate|increase|resets)\s*\(\s*)?"
    r"(?P<name>\b(?:isolation_audit[\w:]*|up|scrape_\w+)\b)"
    r'(?:\{(?P<matchers>(?:[^{}"]|"(?:[^"\\]|\\.)*")*)\})?'
    r"(?:\[(?P<window>[^\]]+)\])?"
)
_LABELS: Final = re.compile(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Selector:
    """One use of a metric."""

    name: str
    matchers: dict[str, str]
    """Operator and value of each label."""
    window: str | None
    counted: bool
    """Whether a function for counters is around it."""


def selectors(expr: str) -> Iterator[Selector]:
    """All selectors of a query."""
    for found in _SELECTOR.finditer(_LABELS.sub(" ", expr)):
        matchers = dict(re.findall(r'(\w+)\s*((?:=~|!~|!=|=)"(?:[^"\\]|\\.)*")', found["matchers"] or ""))
        yield Selector(found["name"], matchers, found["window"], bool(found["around"]))


def is_counter(name: str) -> bool:
    """Whether a metric only grows, by its name."""
    return name.endswith(("_total", "_bucket", "_count", "_sum"))
