"""Django's ``translation.activate`` and ``timezone.activate``: what stays on a thread for whoever is served next."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.libraries import ActivatedSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.vocabulary.libraries import ActivatedSetting

_LANGUAGES: Final = "django.utils.translation.trans_real"
_TIME_ZONES: Final = "django.utils.timezone"
_LIBRARIES: Final = ("django", "contextlib.py")
_LEFT: Final = "the {setting} that the work of {{owner}} has activated, and never put back, was that of {{ambient}}'s"

_language: Final[ContextVar[Any]] = ContextVar("isolation_audit_language", default=None)
_time_zone: Final[ContextVar[Any]] = ContextVar("isolation_audit_time_zone", default=None)


class DjangoLocale:
    """The integration."""

    distribution = "django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What changes language or time zone, and what reads them."""
        if not runtime.config.watch.contexts:
            return
        settings = runtime.listener(ActivatedSettings)
        language = settings.setting(
            _language, _LEFT.format(setting="language"), _of(_LANGUAGES, "get_language"), _default_language
        )
        for name in ("activate", "deactivate", "deactivate_all"):
            yield Point(f"{_LANGUAGES}:{name}", partial(ChangePoint, f"{_LANGUAGES}:{name}", language))
        for name in ("gettext", "do_ntranslate", "get_language"):
            yield Point(f"{_LANGUAGES}:{name}", partial(ReadPoint, f"{_LANGUAGES}:{name}", language))
        zone = settings.setting(
            _time_zone,
            _LEFT.format(setting="time zone"),
            _of(_TIME_ZONES, "get_current_timezone"),
            _of(_TIME_ZONES, "get_default_timezone"),
        )
        for name in ("activate", "deactivate", "override.__exit__"):
            yield Point(f"{_TIME_ZONES}:{name}", partial(ChangePoint, f"{_TIME_ZONES}:{name}", zone))
        name = f"{_TIME_ZONES}:get_current_timezone"
        yield Point(name, partial(ReadPoint, name, zone))


class ChangePoint(Interceptor):
    """Around what changes a setting."""

    def __init__(self, place: str, setting: ActivatedSetting, _layout: Layout) -> None:
        self.place = place
        self._setting = setting

    def before(self, values: Values) -> Any:  # noqa: ARG002 - the interceptor's form
        """Keep what it was."""
        return (self._setting.current(),)

    def after(self, state: Any, _result: Any) -> None:
        """It has changed, or it may have."""
        self._setting.changed(state[0])


class ReadPoint(Interceptor):
    """Around what reads a setting."""

    def __init__(self, place: str, setting: ActivatedSetting, _layout: Layout) -> None:
        self.place = place
        self._setting = setting
        self.gate = setting.gate

    def before(self, values: Values) -> None:  # noqa: ARG002 - the interceptor's form
        """It may be what another's work has left; mostly nobody has activated anything."""
        if self._setting.variable.get() is not None:
            self._setting.read(_LIBRARIES)


def _default_language() -> Any:
    return sys.modules["django.conf"].settings.LANGUAGE_CODE


def _of(module: str, function: str) -> Callable[[], Any]:
    """What a function of Django's says at this moment."""

    def ask() -> Any:
        return getattr(sys.modules[module], function)()

    return ask


integration = DjangoLocale()
