"""loguru: a user whom one request has put into the shared logger, and who goes out with another user's lines.

What ``contextualize`` leaves in a context is for ``rules/context/context_residue.py``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.log_callers import caller_of, is_global
from isolation_audit.vocabulary.libraries import LoggerTags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_LOGGER: Final = "loguru._logger:Logger"
_MODULE: Final = "loguru._logger"
_LIBRARIES: Final = ("loguru", "contextlib.py")


class Loguru:
    """The integration."""

    distribution = "loguru"
    since = "0.6"
    packages = ("loguru",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What puts tags into a logger, and what logs a line."""
        if runtime.config.watch.contexts:
            tags = runtime.listener(LoggerTags)
            yield Point(f"{_LOGGER}.bind", partial(BindPoint, tags))
            yield Point(f"{_LOGGER}.configure", partial(ConfigurePoint, tags))
            yield Point(f"{_LOGGER}._log", partial(LinePoint, tags))


class BindPoint(Interceptor):
    """Around what makes another logger, with more tags."""

    place = f"{_LOGGER}.bind"

    def __init__(self, tags: LoggerTags, layout: Layout) -> None:
        self._tags = tags
        self._logger, self._given = layout.receiver_reader(), layout.optional("kwargs")

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return _own_tags(self._logger(values))

    def after(self, before: Any, logger: Any) -> None:
        """Whose its tags are."""
        tags = _own_tags(logger)
        if type(tags) is dict:
            given = [name for name, value in tags.items() if before.get(name) is not value]
            self._tags.bound(tags, given, before)


class ConfigurePoint(Interceptor):
    """Around what changes the tags of all loggers."""

    place = f"{_LOGGER}.configure"

    def __init__(self, tags: LoggerTags, layout: Layout) -> None:
        self._tags = tags
        self._logger, self._extra = layout.receiver_reader(), layout.optional("extra")

    def before(self, values: Values) -> Any:
        """Wait for it, where it gives them new ones."""
        extra = self._extra(values)
        return (self._logger(values), list(extra)) if type(extra) is dict else None

    def after(self, state: Any, _result: Any) -> None:
        """Whose they are."""
        logger, given = state
        tags = _tags_of_all(logger)
        if type(tags) is dict:
            self._tags.bound(tags, given)


class LinePoint(Interceptor):
    """Around the logging of one line."""

    place = f"{_LOGGER}._log"

    def __init__(self, tags: LoggerTags, layout: Layout) -> None:
        self._tags = tags
        self._logger = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Whose tags it has; a logger of its own may be anybody's, and one that a module keeps is everybody's."""
        logger = self._logger(values)
        shared = _tags_of_all(logger)
        if shared:
            self._tags.logged(shared, _LIBRARIES)
        own = _own_tags(logger)
        if own and self._tags.knows(own) and is_global(logger, caller_of(_MODULE)):
            self._tags.logged(own, _LIBRARIES)


def _own_tags(logger: Any) -> Any:
    options = vars(logger).get("_options")
    return options[-1] if options else None


def _tags_of_all(logger: Any) -> Any:
    return getattr(vars(logger).get("_core"), "extra", None)


integration = Loguru()
