"""Django: requests, and who is logged in according to ``django.contrib.auth``."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import serving_asgi, serving_wsgi, sources
from isolation_audit.integrations.building_blocks.logins import leaving, returning, taking
from isolation_audit.integrations.building_blocks.requests_and_connections import ThreadedPoint, point
from isolation_audit.integrations.building_blocks.session_cookies import Headers, MadePoint, are_learned
from isolation_audit.integrations.django_responses import ANSWERS, AnswerPoint, RoutePoint
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime

_ASGI: Final = "django.core.handlers.asgi:ASGIHandler.__call__"
_WSGI: Final = "django.core.handlers.wsgi:WSGIHandler.__call__"
_ANSWERED: Final = tuple(
    [f"django.core.handlers.base:BaseHandler.{name}" for name in ("get_response", "get_response_async")]
)
"""Both give what all middlewares have made of an answer."""
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
        sinks = exits_of(runtime)
        if sinks is not None:
            for target in ANSWERS:
                yield Point(target, partial(AnswerPoint, target, sinks))
        detect = runtime.part(sources).detect
        yield Point(_ASGI, serving_asgi(_ASGI, runtime))
        yield Point(_WSGI, serving_wsgi(_WSGI, runtime))
        for target in ANSWERS:
            yield Point(target, partial(RoutePoint, target))
        if are_learned(runtime):
            for target in _ANSWERED:
                yield Point(target, partial(MadePoint, target, headers_of=partial(_headers_of, runtime)))
        if "login" in detect:
            yield from _logins()


def _logins() -> Iterator[Point]:
    for name in ("get_user", "aget_user"):
        yield Point(f"{_AUTH}:{name}", returning(f"{_AUTH}:{name}"))
    for name in ("login", "alogin"):
        yield Point(f"{_AUTH}:{name}", taking(f"{_AUTH}:{name}", "user"))
    for name in ("logout", "alogout"):
        yield Point(f"{_AUTH}:{name}", leaving(f"{_AUTH}:{name}"))


def _headers_of(runtime: Runtime, _handler: Any, response: Any) -> Headers:
    """The headers of a response that sets cookies; the settings say under which name sessions are kept."""
    settings = sys.modules["django.conf"].settings
    runtime.part(sources).learned.session_cookie(getattr(settings, "SESSION_COOKIE_NAME", None))
    cookies = vars(response).get("cookies")
    if not cookies:
        return ()
    return [*response.headers.items(), *(("set-cookie", morsel.OutputString()) for morsel in cookies.values())]


integration = Django()
