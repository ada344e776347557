"""Exceptions that the auditor raises towards its own callers, never towards the audited application."""

from __future__ import annotations


class IsolationAuditError(Exception):
    """Base class: one line that names the place, the cause and the remedy."""


class ConfigError(IsolationAuditError):
    """The configuration cannot be used.

    ``problems`` holds every problem found, one line each, so that a user mends them in one go.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[str]]]:
        # Exceptions cross processes under pytest-xdist; the default would pass the joined text as ``problems``.
        return ConfigError, (self.problems,)


class MissingExtraError(IsolationAuditError):
    """A part was asked for whose optional dependency is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional part: pip install 'isolation-audit[{extra}]'")
        self.feature = feature
        self.extra = extra


class UsageError(IsolationAuditError):
    """The command line, or a call of the public API, asks for something that cannot be done."""
