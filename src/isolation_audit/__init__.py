"""A sanitizer for users: reports at run time when one user's events, objects or data reach another."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isolation_audit._version import __version__

if TYPE_CHECKING:
    from isolation_audit.auditor import Auditor, current, instrument, uninstrument
    from isolation_audit.config import Config, load_config
    from isolation_audit.content.secrets import canary, secret
    from isolation_audit.exceptions import ConfigError, IsolationAuditError, MissingExtraError, UsageError
    from isolation_audit.model.entering import system_scope, user_scope
    from isolation_audit.model.findings import Finding
    from isolation_audit.model.rules import Rule, Severity

__all__ = [
    "Auditor",
    "Config",
    "ConfigError",
    "Finding",
    "IsolationAuditError",
    "MissingExtraError",
    "Rule",
    "Severity",
    "UsageError",
    "__version__",
    "canary",
    "current",
    "instrument",
    "load_config",
    "secret",
    "system_scope",
    "uninstrument",
    "user_scope",
]

# Each part is imported when its first name is asked for: the command line, and an application that only declares its
# users, need little of the whole.
_HOMES = {
    "isolation_audit.auditor": ("Auditor", "current", "instrument", "uninstrument"),
    "isolation_audit.config": ("Config", "load_config"),
    "isolation_audit.content.secrets": ("canary", "secret"),
    "isolation_audit.exceptions": ("ConfigError", "IsolationAuditError", "MissingExtraError", "UsageError"),
    "isolation_audit.model.findings": ("Finding",),
    "isolation_audit.model.entering": ("system_scope", "user_scope"),
    "isolation_audit.model.rules": ("Rule", "Severity"),
}

# The function instrument() has the name of a package of ours, whose first import gives the name to the package. So that
# this happens now, and not when the name stands for the function already:
import_module("isolation_audit.instrument")
del globals()["instrument"]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(home), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
