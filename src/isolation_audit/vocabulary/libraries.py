"""What single libraries keep for the running work, in places of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextvars import ContextVar

    from isolation_audit.model.gates import Gate


class ErrorReports:
    """What is set for reports of errors, and what goes out with them."""

    __slots__ = ()

    def set(self, value: Any) -> None:
        """The running work has set this as the user of reports; whose work it is may become known later."""

    def goes_out(self, value: Any, libraries: tuple[str, ...]) -> None:
        """A report of the running work has this as its user."""


class TaskLocals:
    """Values in namespaces that are one task's, or one thread's."""

    __slots__ = ()

    gate: Gate
    """Opened when the first value is set."""

    def set(self, namespace: Any, name: str, value: Any) -> None:
        """Something was put into a namespace."""

    def get(self, namespace: Any, name: str, value: Any, how: str, libraries: tuple[str, ...]) -> None:
        """Something was read out of a namespace, beneath the frames of ``libraries``; ``how`` says so in a finding."""


class LibraryContexts:
    """Contexts that libraries keep in variables of their own."""

    __slots__ = ()

    gate: Gate
    """Opened when a job has left one behind."""

    def follow(self, current: Callable[[], Any]) -> None:
        """``current`` gives what the library has in the running context at this moment."""

    def read(self, value: Any) -> None:
        """The application was given ``value`` as what is current."""


class ActivatedSetting:
    """A setting that work activates for its thread or context, such as a language."""

    __slots__ = ()

    variable: ContextVar[Any]
    """Holds something where anybody has activated it."""
    current: Callable[[], Any]
    """Gives it as it is at this moment."""
    gate: Gate
    """Opened when it is activated first."""

    def changed(self, before: Any) -> None:
        """The running work may have changed it, from what it was ``before``."""

    def read(self, libraries: tuple[str, ...]) -> None:
        """The running work has read it, beneath the frames of ``libraries``."""


class ActivatedSettings:
    """All such settings."""

    __slots__ = ()

    def setting(
        self, variable: ContextVar[Any], how: str, current: Callable[[], Any], default: Callable[[], Any]
    ) -> ActivatedSetting:
        """One of them. ``variable`` is of the module that asks, and lives where the setting does.

        ``how`` is the template of the message, ``current`` gives the setting as it is at this moment, and ``default``
        as it is where nobody has activated anything.
        """
        raise NotImplementedError


class ContextVariables:
    """Context variables that libraries read on behalf of the application."""

    __slots__ = ()

    def touched_all(self, prefix: str) -> None:
        """The application has read all variables whose names begin with ``prefix``, out of a copy of its context."""


class LoggerTags:
    """Tags that loggers write with each line."""

    __slots__ = ()

    def bound(self, tags: dict[str, Any], given: Iterable[str], before: Any = None) -> None:
        """The running work has made or changed a set of tags; it has taken on the other tags of ``before``."""

    def knows(self, tags: Any) -> bool:
        """True where somebody's work has put a name of theirs into this set of tags."""
        raise NotImplementedError

    def logged(self, tags: Any, libraries: tuple[str, ...]) -> None:
        """The running work logs a line with a set of tags that belongs to everybody."""

    def held(self, holder: Any, tags: Mapping[str, Any], libraries: tuple[str, ...]) -> None:
        """The running work logs a line with tags that a shared ``holder`` has in its own fields."""


class DependencyOverrides:
    """Applications whose dependencies are replaced."""

    __slots__ = ()

    def seen(self, application: Any) -> None:
        """An application that may have overrides solves dependencies."""
