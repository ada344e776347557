"""All rules that can be reported: at run time, and of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit import rules as monitors
from isolation_audit.source.scan.rules import RULES

if TYPE_CHECKING:
    from isolation_audit.model.rules import Rule


def all_rules() -> dict[str, Rule]:
    """Every rule by its code, in the order of codes."""
    return dict(sorted({**monitors.all_rules(), **RULES}.items()))
