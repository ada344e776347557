"""All dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grafana.source.dashboards import finding, health, migration, overview
from grafana.source.files import to_json

if TYPE_CHECKING:
    from collections.abc import Iterator


def all_boards() -> list[dict[str, Any]]:
    """Their JSON models."""
    return [module.dashboard() for module in (overview, finding, migration, health)]


def files() -> Iterator[tuple[str, str]]:
    """Path and text of each."""
    for model in all_boards():
        yield f"dashboards/{model['uid']}.json", to_json(model)
