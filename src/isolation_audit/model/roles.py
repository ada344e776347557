"""The roles of targets that code asks for by name; reports show them."""

from __future__ import annotations

from typing import Final

INTEGRATION: Final = "integration"
"""The role of targets that no configuration names."""

AMBIENT: Final = "ambient"
"""The role of the application's own variable that says who is running."""

PASSIVE_ROLES: Final = (AMBIENT, "factory", INTEGRATION)
"""Roles that say nothing about blindness: what is read, not called; what nobody has asked for."""
