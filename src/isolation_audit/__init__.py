"""A sanitizer for users: reports at run time when one user's events, objects or data reach another."""

from isolation_audit._version import __version__
from isolation_audit.auditor import Auditor, current, instrument, uninstrument
from isolation_audit.config import Config, load_config
from isolation_audit.content.secrets import canary, secret
from isolation_audit.exceptions import ConfigError, IsolationAuditError, MissingExtraError, UsageError
from isolation_audit.findings import Finding
from isolation_audit.identity.scopes import system_scope, user_scope
from isolation_audit.rules import Rule, Severity

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
