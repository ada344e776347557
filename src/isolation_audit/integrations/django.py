"""Django: requests, and who is logged in according to ``django.contrib.auth``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.boundaries import ThreadedPoint, point
from isolation_audit.integrations.django_responses import ANSWERS, AnswerPoint, RoutePoint
from isolation_audit.integrations.logins import leaving, returning, taking
from isolation_audit.integrations.serving import serving_asgi, serving_wsgi, sources
from isolation_audit.mechanisms.sinks import sinks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_ASGI: Final = "django.core.handlers.asgi:ASGIHandler.__call__"
_WSGI: Final = "django.core.handlers.wsgi:WSGIHandler.__call__"
_AUTH: Final = "django.contrib.auth"


class Django:
    """The integration."""

    distribution = "Django"
    since = "4.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What views answer, both handlers, and the functions behind ``request.user``."""
        if runtime.config.watch.contexts:
            yield Point(*point(ThreadedPoint, _WSGI, runtime))
        sinks = sinks_of(runtime)
        if sinks is not None:
            for target in ANSWERS:
                yield Point(target, partial(AnswerPoint, target, sinks))
        detect = runtime.part(sources).detect
        yield Point(_ASGI, serving_asgi(_ASGI, runtime))
        yield Point(_WSGI, serving_wsgi(_WSGI, runtime))
        for target in ANSWERS:
            yield Point(target, partial(RoutePoint, target))
        if "login" not in detect:
            return
        for name in ("get_user", "aget_user"):
            yield Point(f"{_AUTH}:{name}", returning(f"{_AUTH}:{name}"))
        for name in ("login", "alogin"):
            yield Point(f"{_AUTH}:{name}", taking(f"{_AUTH}:{name}", "user"))
        for name in ("logout", "alogout"):
            yield Point(f"{_AUTH}:{name}", leaving(f"{_AUTH}:{name}"))


integration = Django()
