"""What integrations of servers and frameworks share: the cookies that an answer sets, as a login does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.form_logins import look_for_login
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.sources import LEARNED

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


Headers = Iterable[tuple[Any, Any]]
"""Names and values, texts or bytes, which can be gone through more than once."""

_LENGTH: Final = len("set-cookie")


def are_learned(runtime: Runtime) -> bool:
    """Whether anybody wants to know."""
    return LEARNED in runtime.part(sources).detect


def answered(cookies: Iterable[str], headers: Headers) -> None:
    """The request that is being served is answered with these values of ``Set-Cookie``, beside these headers."""
    request = current_unit().request
    set_cookies = list(cookies) if request is not None else []
    if request is not None and set_cookies:
        request.answered(set_cookies)
        look_for_login(request, set_cookies, headers)


def in_headers(headers: Headers) -> list[str]:
    """The values of ``Set-Cookie`` among headers, of which both parts are texts or bytes."""
    found = []
    for name, value in headers:
        if len(name) == _LENGTH and name.lower() in (b"set-cookie", "set-cookie"):
            found.append(value.decode("latin-1") if type(value) is bytes else str(value))
    return found


class SettingPoint(Interceptor):
    """Around a call that gets an answer, or sends its head; ``headers_of`` reads its headers from the call's values."""

    def __init__(self, place: str, headers_of: Callable[[Values], Headers]) -> None:
        self.place = place
        self._headers_of = headers_of

    def before(self, values: Values) -> None:
        """Tell the request."""
        request = current_unit().request
        if request is not None and not request.served:  # else the server has the word: it is what sends them
            headers = self._headers_of(values)
            cookies = in_headers(headers)
            if cookies:
                answered(cookies, headers)


class MadePoint(Interceptor):
    """Around a call that gives the finished answer; ``headers_of`` reads its headers from the called object and it."""

    def __init__(self, place: str, layout: Layout, headers_of: Callable[[Any, Any], Headers]) -> None:
        self.place = place
        self._self_of = layout.receiver_reader()
        self._headers_of = headers_of

    def before(self, values: Values) -> Any:
        """Keep the called object for the end."""
        return self._self_of(values)

    def after(self, called: Any, answer: Any) -> None:
        """Tell the request."""
        headers = self._headers_of(called, answer)
        answered(in_headers(headers), headers)
