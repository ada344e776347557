"""The reference pages show the figures and metrics that there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from isolation_audit.exporters.metrics import GROUPS
from isolation_audit.exporters.reference import with_figures, with_metrics

REFERENCE = Path(__file__).parents[2] / "docs/reference"


@pytest.mark.parametrize(("name", "renewed"), [("report.md", with_figures), ("metrics.md", with_metrics)])
def test_the_tables_are_fresh(name: str, renewed) -> None:
    page = (REFERENCE / name).read_text(encoding="utf-8")
    assert "<!-- end -->" in page
    assert renewed(page) == page, "run `make docs`"


def test_every_group_of_metrics_is_shown() -> None:
    page = (REFERENCE / "metrics.md").read_text(encoding="utf-8")
    assert [group for group in GROUPS if f"<!-- metrics of {group} -->" in page] == list(GROUPS)


def test_a_group_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError, match="weather"):
        with_metrics("<!-- metrics of weather -->\n<!-- end -->\n")
