"""What a place of shared state is called in a configuration, and what to paste there where it is shared by design."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.originals import BUILTINS

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.rules.state.paths import StatePath

__builtins__ = BUILTINS


def target_of(path: StatePath | None, key: object, site: AccessSite, container_class: str = "") -> str:
    """The place without keys: from its module on, else by the class of its object, else as the code has it."""
    if path is not None:
        return path.target_of(key)
    named = type(key) is str and container_class and not container_class.startswith("builtins:")
    return f"{container_class}.{key}" if named else site.expression


def remedy(path: StatePath | None, key: object, container_class: str) -> tuple[str, ...]:
    """What to paste into the configuration where it is shared by design; nothing where that has no name."""
    target = "" if path is None else path.target_of(key)
    if ":" not in target:
        target = "" if container_class.startswith("builtins:") else container_class
    return ("[[shared]]", f'target = "{target}"', 'policy = "allow"', 'reason = "..."') if target else ()
