"""The roles of engines: what a deprecated engine does, its replacement does as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isolation_audit.config import Config


def roles(config: Config) -> dict[str, str]:
    """By target, the engine that has the role: what is deprecated has that of its replacement."""
    onward = {
        str(entry.target): str(entry.replacement) for entry in config.deprecations if entry.replacement is not None
    }
    engines = {str(engine.target) for engine in config.engines}
    found: dict[str, str] = {}
    for target in [*onward, *engines]:
        role, passed = target, {target}
        while role in onward and onward[role] not in passed:
            role = onward[role]
            passed.add(role)
        # Class.constructor of a replacement stands for its class.
        module, _, name = role.partition(":")
        cls = f"{module}:{name.partition('.')[0]}"
        found[target] = cls if cls in engines else role
    return found
