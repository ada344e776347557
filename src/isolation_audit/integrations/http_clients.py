"""HTTP clients: the cookies, the default headers and the credentials of their requests, and what the bodies say."""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.content.request_texts import body_text, sent_body
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.outside import ClientCookies, ClientHeaders, RequestsSent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.vocabulary.outside import Headers


class RequestPoint(Interceptor):
    """Around the sending of a request, and, where that gives the answer, its arrival."""

    def __init__(
        self,
        place: str,
        cookies: ClientCookies,
        request_of: Callable[[Layout], Callable[[Values], Any]],
        given: Callable[[Any], Iterable[tuple[str, str]]] | None,
        layout: Layout,
    ) -> None:
        self.place = place
        self._cookies = cookies
        self._request_of = request_of(layout)
        self._given = given

    def before(self, values: Values) -> Headers | None:
        """Compare whose cookies go out with who is asking."""
        headers = headers_of(self._request_of(values))
        self._cookies.sent(headers, self.place)
        return headers if self._given is not None else None

    def after(self, headers: Headers, response: Any) -> None:
        """Note what is given."""
        if self._given is not None:
            self._cookies.received(headers, self._given(response))


class StartPoint(Interceptor):
    """Around the arrival of an answer at aiohttp's client."""

    def __init__(self, place: str, cookies: ClientCookies, layout: Layout) -> None:
        self.place = place
        self._cookies = cookies
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for it."""
        return self._self_of(values)

    def after(self, response: Any, _result: Any) -> None:
        """Note what is given."""
        given = [(name, morsel.value) for name, morsel in response.cookies.items()]
        if given:
            self._cookies.received(headers_of(response.request_info), given)


class DefaultsPoint(Interceptor):
    """Around the sending of a request by a client, whose ``headers`` and ``auth`` go along with all of them."""

    def __init__(self, place: str, credentials: ClientHeaders, layout: Layout) -> None:
        self.place = place
        self._credentials = credentials
        self._client = layout.receiver_reader()
        self._request = layout.argument("request")
        self._auth = layout.optional("auth")

    def before(self, values: Values) -> None:
        """Compare who is named there with who is asking."""
        request, client = self._request(values), self._client(values)
        defaults, headers = _texts(client.headers), _texts(request.headers)
        login = _login(client)
        if login is not None:
            defaults.append(login)
            if type(self._auth(values)).__name__ == "UseClientDefault":  # httpx makes the header on the way
                headers.append(login)
        self._credentials.sent(self.place, defaults, headers, str(request.url))


class PreparePoint(Interceptor):
    """Around the making of a request's headers by aiohttp's client."""

    place = "aiohttp.client:ClientSession._prepare_headers"

    def __init__(self, credentials: ClientHeaders, layout: Layout) -> None:
        self._credentials = credentials
        self._client = layout.receiver_reader()

    def before(self, values: Values) -> Any:
        """Wait for them."""
        return self._client(values)

    def after(self, client: Any, headers: Any) -> None:
        """The same."""
        self._credentials.sent(self.place, _texts(client.headers), _texts(headers), "")


class LoginPoint(Interceptor):
    """Around the sending of a request by aiohttp's client, whose own login is in it by then."""

    def __init__(self, place: str, credentials: ClientHeaders, layout: Layout) -> None:
        self.place = place
        self._credentials = credentials
        self._request = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Compare who logs in there with who is asking."""
        request = self._request(values)
        login = _login(vars(request).get("_session"))
        if login is not None:
            self._credentials.sent(self.place, [login], _texts(request.headers), str(request.url))


class WirePoint(Interceptor):
    """Around the sending of one request, with everything that the client has put into it."""

    def __init__(
        self,
        place: str,
        sent: RequestsSent,
        request_of: Callable[[Layout], Callable[[Values], Any]],
        layout: Layout,
    ) -> None:
        self.place = place
        self._sent = sent
        self._request_of = request_of(layout)

    def before(self, values: Values) -> None:
        """Look whose credentials it has, and what it says."""
        request = self._request_of(values)
        self._sent.sent(self.place, str(request.url), _texts(request.headers))
        self._sent.said(self.place, partial(sent_body, request), str(request.url))


class BodyPoint(Interceptor):
    """Around the request of a connection of urllib3, which sends the body by itself, in parts."""

    place = "urllib3.connection:HTTPConnection.request"

    def __init__(self, sent: RequestsSent, layout: Layout) -> None:
        self._sent = sent
        self._body = layout.optional("body")
        self._url = layout.argument("url")

    def before(self, values: Values) -> None:
        """Look what it says."""
        self._sent.said(self.place, partial(body_text, self._body(values)), str(self._url(values)))


def _login(client: Any) -> tuple[str, str] | None:
    """The header that a client's own ``auth`` becomes: a pair of texts, or the library's object that holds them."""
    held = getattr(client, "__dict__", {})
    auth = next((held[name] for name in ("auth", "_auth", "_default_auth") if name in held), None)
    if type(auth) is tuple and (*map(type, auth),) == (str, str):
        return _basic(*auth)
    if hasattr(type(auth), "_fields") and isinstance(auth, tuple):  # aiohttp's, a named tuple
        login, password, *_encoding = auth
        return _basic(login, password) if type(login) is str and type(password) is str else None
    fields = getattr(auth, "__dict__", None)
    if type(fields) is not dict:
        return None
    made, user, password = fields.get("_auth_header"), fields.get("username"), fields.get("password")
    if type(made) is str:
        return "Authorization", made
    return _basic(user, password) if type(user) is str and type(password) is str else None


def _basic(user: str, password: str) -> tuple[str, str]:
    """The header that HTTP clients make of a name and a password."""
    return "Authorization", "Basic " + b64encode(f"{user}:{password}".encode("latin-1", "replace")).decode()


def _texts(headers: Any) -> Headers:
    return [(str(name), value) for name, value in headers.items() if type(value) is str]


def headers_of(request: Any) -> Headers:
    """All headers of a request, as text."""
    return _texts(request.headers)


class Aiohttp:
    """The client of aiohttp; all libraries share one table of cookies, as they may share a service."""

    distribution = "aiohttp"
    since = "3.8"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Both ends of a request, and what is put into each."""
        if exits_of(runtime) is None:
            return
        cookies = runtime.listener(ClientCookies)
        module = "aiohttp.client_reqrep"
        sent, started = f"{module}:ClientRequest.send", f"{module}:ClientResponse.start"
        yield Point(sent, partial(RequestPoint, sent, cookies, lambda layout: layout.receiver_reader(), None))
        yield Point(started, partial(StartPoint, started, cookies))
        yield Point(PreparePoint.place, partial(PreparePoint, runtime.listener(ClientHeaders)))
        wire = runtime.listener(RequestsSent)
        yield Point(sent, partial(LoginPoint, sent, runtime.listener(ClientHeaders)))
        yield Point(sent, partial(WirePoint, sent, wire, lambda layout: layout.receiver_reader()))


class Sending:
    """A library whose clients have methods ``send(request)`` that give the response."""

    def __init__(self, distribution: str, since: str, *targets: str, wire: tuple[str, ...] = ()) -> None:
        self.distribution = distribution
        self.since = since
        self._targets = targets
        self._wire = wire
        """Where requests leave with what authentication has added; for requests, that is in the standard library."""

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Each of them."""
        if exits_of(runtime) is None:
            return
        cookies = runtime.listener(ClientCookies)
        for target in self._targets:
            make = partial(RequestPoint, target, cookies, lambda layout: layout.argument("request"), _jar)
            yield Point(target, make)
            yield Point(target, partial(DefaultsPoint, target, runtime.listener(ClientHeaders)))
        sent = runtime.listener(RequestsSent)
        for target in self._wire:
            yield Point(target, partial(WirePoint, target, sent, lambda layout: layout.argument("request")))


class Urllib3:
    """urllib3, through which requests and botocore send; heads and answers are the standard library's."""

    distribution = "urllib3"
    since = "2.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Bodies; before, they came with the head."""
        if exits_of(runtime) is not None:
            yield Point(BodyPoint.place, partial(BodyPoint, runtime.listener(RequestsSent)))


def _jar(response: Any) -> Iterable[tuple[str, str]]:
    cookies = response.cookies
    return [(cookie.name, cookie.value) for cookie in getattr(cookies, "jar", cookies)]


aiohttp = Aiohttp()
httpx, httpx2 = (
    Sending(
        name,
        since,
        *(f"{name}._client:{client}.send" for client in ("Client", "AsyncClient")),
        wire=(f"{name}._client:Client._send_single_request", f"{name}._client:AsyncClient._send_single_request"),
    )
    for name, since in (("httpx", "0.23"), ("httpx2", "2.0"))
)
requests = Sending("requests", "2.20", "requests.sessions:Session.send")
urllib3 = Urllib3()
