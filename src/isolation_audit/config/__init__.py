"""Configuration: from a TOML file to one frozen, typed value, or to every reason why not.

Whoever only looks for the file needs none of what reads it: each part is imported when its first name is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isolation_audit.config.defaults import default_config
    from isolation_audit.config.files import load_config, parse_config
    from isolation_audit.config.finding import (
        CONFIG_VARIABLE,
        DEPTH_VARIABLE,
        FILE_NAME,
        NO_FILE,
        STORE_VARIABLE,
        find_config,
    )
    from isolation_audit.config.model import (
        Ambient,
        Audit,
        Bindings,
        Config,
        Deprecation,
        Emitter,
        Engine,
        EventName,
        Factory,
        Identity,
        Limits,
        Origin,
        Protocol,
        Scan,
        Scope,
        Select,
        ServiceLevels,
        Shared,
        Target,
    )
    from isolation_audit.config.outputs import Journal, Otlp, Prometheus, Report
    from isolation_audit.config.paths import Attribute, Item, Path, PathError, Root, Step, parse_path, parse_value_path
    from isolation_audit.config.targets import parse_target

__all__ = [
    "CONFIG_VARIABLE",
    "DEPTH_VARIABLE",
    "FILE_NAME",
    "NO_FILE",
    "STORE_VARIABLE",
    "Ambient",
    "Attribute",
    "Audit",
    "Bindings",
    "Config",
    "Deprecation",
    "Emitter",
    "Engine",
    "EventName",
    "Factory",
    "Identity",
    "Item",
    "Journal",
    "Limits",
    "Origin",
    "Otlp",
    "Path",
    "PathError",
    "Prometheus",
    "Protocol",
    "Report",
    "Root",
    "Scan",
    "Scope",
    "Select",
    "ServiceLevels",
    "Shared",
    "Step",
    "Target",
    "default_config",
    "find_config",
    "load_config",
    "parse_config",
    "parse_path",
    "parse_target",
    "parse_value_path",
]

_HOMES = {
    "defaults": ("default_config",),
    "files": ("load_config", "parse_config"),
    "finding": ("CONFIG_VARIABLE", "DEPTH_VARIABLE", "FILE_NAME", "NO_FILE", "STORE_VARIABLE", "find_config"),
    "outputs": ("Journal", "Otlp", "Prometheus", "Report"),
    "paths": ("Attribute", "Item", "Path", "PathError", "Root", "Step", "parse_path", "parse_value_path"),
    "targets": ("parse_target",),
}
"""Where a name is, if not in ``model``."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((home for home, names in _HOMES.items() if name in names), "model")
    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
