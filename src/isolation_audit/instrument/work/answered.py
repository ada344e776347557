"""What a response answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.instrument.work.routes import Endpoint


@dataclass(frozen=True, slots=True)
class AnsweredRequest:
    """The request that a response answers: path and query, and the view that made the response, where that is known.

    Most responses are never asked for either: an integration may make them when they are.
    """

    asked: str = ""
    endpoint: Endpoint | None = None
