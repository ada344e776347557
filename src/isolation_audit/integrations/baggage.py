"""httpx, httpx2, requests and aiohttp: requests to the application's own other services say whose work sends them."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.model.baggage import HEADER, with_pseudonym
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_AIOHTTP: Final = "aiohttp.client_reqrep:ClientRequest.send"


class SendingPoint(Interceptor):
    """Around the sending of one request. A redirect is another one: what leads elsewhere loses our entry."""

    def __init__(
        self,
        place: str,
        runtime: Runtime,
        request_of: Callable[[Layout], Callable[[Values], Any]],
        layout: Layout,
    ) -> None:
        self.place = place
        self._request = request_of(layout)
        self._ambient = runtime.ambient.current
        self._pseudonym = runtime.pseudonym
        self._hosts = tuple([host.lower() for host in runtime.config.baggage.hosts])

    def before(self, values: Values) -> None:
        """Add the pseudonym of the user whose work runs, where the request goes to a host that was named."""
        request = self._request(values)
        headers = request.headers
        present = headers.get(HEADER)
        if type(present) is bytes:  # requests takes both
            present = present.decode("latin-1")
        made = with_pseudonym(present, self._running() if self._is_ours(str(request.url)) else None)
        if made is not None:
            if made != present:
                headers[HEADER] = made
        elif present is not None:
            del headers[HEADER]

    def _running(self) -> str | None:
        user = self._ambient()
        return None if user is None or user.kind is not Kind.USER else self._pseudonym(user.id)

    def _is_ours(self, url: str) -> bool:
        host = urlsplit(url).hostname or ""
        return any(fnmatchcase(host, pattern) for pattern in self._hosts)


class Sending:
    """A library whose requests are objects with ``url`` and ``headers`` when they are sent."""

    def __init__(
        self,
        distribution: str,
        since: str,
        *targets: str,
        request_of: Callable[[Layout], Callable[[Values], Any]] = lambda layout: layout.argument("request"),
    ) -> None:
        self.distribution = distribution
        self.since = since
        self._targets = targets
        self._request_of = request_of

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Where its requests leave, if any host was named."""
        if runtime.config.baggage.hosts:
            for target in self._targets:
                yield Point(target, partial(SendingPoint, target, runtime, self._request_of))


httpx, httpx2 = (
    Sending(name, since, *(f"{name}._client:{client}._send_single_request" for client in ("Client", "AsyncClient")))
    for name, since in (("httpx", "0.23"), ("httpx2", "2.0"))
)
requests = Sending("requests", "2.20", "requests.sessions:Session.send")
aiohttp = Sending("aiohttp", "3.8", _AIOHTTP, request_of=lambda layout: layout.receiver_reader())
