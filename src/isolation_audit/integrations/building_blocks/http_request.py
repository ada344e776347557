"""What integrations of web frameworks share: where a request begins and ends, and who is told to be its user."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakValueDictionary

from isolation_audit.content import request_texts
from isolation_audit.content.acting_user import ActingUser
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.instrument.inputs.latest import LatestUnits
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.instrument.inputs.unlearned import Unlearned
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations.building_blocks.asgi_routes import endpoint_of
from isolation_audit.integrations.building_blocks.request_heads import (
    asgi_headers,
    asgi_query,
    wsgi_headers,
    wsgi_query,
)
from isolation_audit.model.contexts import (
    Moment,
    change_unit,
    current_unit,
    moment_variable,
    scope_variable,
    suspicion_variable,
    unit_of_work,
)
from isolation_audit.model.inputs import REQUEST, Input, Inputs
from isolation_audit.model.learned import LearnedUsers
from isolation_audit.model.open_units import open_units
from isolation_audit.model.requests import Request
from isolation_audit.model.served_hosts import ServedHosts
from isolation_audit.model.sources import AMBIENT, LEARNED, Sources, source_of
from isolation_audit.model.unit_of_work import NO_UNIT, UnitOfWork
from isolation_audit.model.user_sources import SOURCES
from isolation_audit.recording.figures import asked_sources
from isolation_audit.targets.user_variables import SOURCE as VARIABLE
from isolation_audit.targets.user_variables import UserVariables
from isolation_audit.vocabulary.work import InputsLearned, RequestContexts, RequestsArrived

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.work.suspicion import Suspicion
    from isolation_audit.model.user_names import Name

_CONNECTIONS: Final = ("http", "websocket")
SERVED: Final = object()
"""The mark of requests that a WSGI server has begun."""


def sources(runtime: Runtime) -> Sources:
    """What may tell users in this audit; use it with ``runtime.part``."""
    identity = runtime.config.identity
    detect = SOURCES if identity.detect is None else identity.detect
    learned = LearnedUsers(limit=runtime.config.limits.bindings, age=runtime.config.bindings.age)
    hosts = runtime.part(ServedHosts)
    known = (runtime.users, runtime.bindings, detect, identity.headers, runtime.names, learned, identity.claims)
    found = Sources(*known, hosts)
    if "parameters" in detect:
        found.parameters = ActingUser
    return found


def users_told(runtime: Runtime) -> dict[str, Any]:
    """What each source of users has told, those that have told nothing included, and where they disagreed."""
    config, tally = runtime.config, runtime.tally
    counts = {
        source: tally.users_by_source[source] for source in (*asked_sources(config), *list(tally.users_by_source))
    }
    if runtime.part(UserVariables).found is not None:
        counts[VARIABLE] = counts.pop(AMBIENT, 0)
    return {
        "users_by_source": counts,
        # Outside of requests nobody counts how often the variable was asked.
        "ambient_told": int(runtime.ambient.told),
        "credentials_shared": runtime.part(sources).learned.unlearned,
        "users_disagreed": tally.users_disagreed,
        "users_outvoted": {source_of(rank): 1 for rank in runtime.part(sources).outvoted},
    }


def carriers(_runtime: Runtime) -> WeakValueDictionary[int, Request]:
    """Requests of HTTP by the identity of their headers: what they bring may be worked on in another's context."""
    return WeakValueDictionary()


def tell(rank: int, name: Name | None) -> None:
    """Tell the request that is being served whose it is."""
    request = current_unit().request
    if request is not None:
        request.told(rank, name)


def noted_in(framework: str) -> dict[str, Any] | None:
    """What the application has noted for the running request in the ``g`` of Flask or Quart, by the module's name."""
    try:
        noted = vars(sys.modules[framework].g._get_current_object())  # noqa: SLF001 - a proxy has no other way
    except (AttributeError, RuntimeError, TypeError):
        return None  # a class of the application's own, or no context
    return noted if type(noted) is dict else None


class Serving(Interceptor):
    """Around a call that serves one request."""

    counted: ClassVar[str] = "requests"
    """What of the tally it is; empty for parts of what is counted elsewhere."""

    def __init__(self, place: str, runtime: Runtime) -> None:
        self.place = place
        self._sources = runtime.part(sources)
        self._tally = runtime.tally
        self._runtime = runtime
        self._ambient = runtime.ambient
        self._background = None if receiver(runtime) is None else runtime.part(background_of)
        self._latest = runtime.part(LatestUnits)
        self._unlearned = runtime.part(Unlearned).units
        self._words = runtime.listener(InputsLearned)
        self._variables = runtime.part(UserVariables)
        self._senders = runtime.listener(RequestsArrived) if runtime.config.baggage.accept else None
        self._shared = runtime.listener(RequestContexts) if runtime.config.watch.contexts else None
        runtime.part(Sightings).serves(place)

    def _begin(
        self, request: Request, outer: Request | None, *inputs: Input, at_once: bool = False
    ) -> tuple[Request, Request | None]:
        """Begin ``request``; ``at_once`` where its head is there already.

        Where the headers know the user: another request's response may name them before this one says a word.
        """
        if self._background is not None:
            self._background.started = True
            request.inputs = Inputs(inputs, lasting=request.lasting)
        tally = self._tally
        if self.counted == "requests":
            tally.requests += 1
            self._unlearned[request.inputs] = request
        elif self.counted == "messages":
            tally.messages += 1
        if self._variables.open:
            self._variables.began()
        suspicion: Suspicion | None = suspicion_variable.get()
        request.inherited = suspicion.ambient if suspicion is not None and not suspicion.over else None
        if self._runtime.spans is not None:
            request.unit = self._runtime.spans.unit("connection" if request.lasting else "request")
        if not open_units.idle:
            open_units.began(request, request.inputs)
        if current_unit() is NO_UNIT:  # as change_unit()
            unit = UnitOfWork()
            unit.request = request
            unit_of_work.set(unit)
            moment_variable.set(Moment())
        else:
            change_unit(request=request, given_by=None)
        if self._shared is not None:
            request.sharing = self._shared.begin(request, outer)
        if at_once:
            request.user()
        return request, outer

    def after(self, state: Any, _result: Any) -> None:  # noqa: C901 - a call for each step would be many for a request
        """The request has been served."""
        request, outer = state
        if self._ambient.asks:
            self._ambient.in_context()  # whoever is in the variable now is its user, though nobody had to know till now
        if request.waiting:
            request.settle_waiting()
        if self._runtime.spans is not None or self._senders is not None:
            self._tell_of_end(request)
        inputs, found = request.inputs, None
        if inputs is not None:
            found = request.user()
            user = request.said or found
            if user is not None:
                inputs.user = request.served_user = user
                self._latest.ended(user, request.endpoint(), inputs)
                if len(inputs.kept) > inputs.learned:
                    self._words.learn(inputs, user)
            inputs.end()
        self._unlearned.pop(inputs, None)  # also where nothing that comes in is kept
        unit = current_unit()
        if unit.request is request:
            if (
                outer is None
                and unit.given_by is None
                and unit.item is None
                and unit.job is None
                and unit.client is None
            ):
                unit_of_work.set(NO_UNIT)  # as change_unit()
                moment_variable.set(None if scope_variable.get() is None else Moment())
            else:
                change_unit(request=outer)
        if self._shared is not None and request.sharing is not None:
            self._shared.end(request.sharing, request.said or request.claimed())
        if found is None:
            request.user()  # the last chance: what it came with may have become known meanwhile
        request.end()
        self._count_user(request)

    def _count_user(self, request: Request) -> None:
        """Count whether anybody has told whose it was, and who."""
        tally, named = self._tally, request.named or request.said is not None or request.recognised
        if self.counted == "requests":
            tally.requests_named += named
        elif self.counted == "messages":
            tally.messages_named += named
        tally.users_disagreed += request.disagreed
        told = source_of(request.rank) if request.named else LEARNED if request.recognised else None
        if told is not None:
            tally.users_by_source[told] += 1
        for source in request.said_by:
            tally.users_by_source[source] += 1

    def _tell_of_end(self, request: Request) -> None:
        """Tell whoever sends spans, and who looks for the senders of requests, that it is about to end."""
        endpoint = request.endpoint()
        if self._runtime.spans is not None and request.unit is not None:
            route, method = (None, None) if endpoint is None else (endpoint.route, endpoint.method)
            self._runtime.spans.end(request.unit, request.said or request.user(), route, method)
        if self._senders is not None:
            self._senders.arrived(request, request.claimed(), endpoint)

    def failed(self, state: Any, _error: BaseException) -> None:
        """The request has been served, badly."""
        request = current_unit().request
        if request is not None and request.unit is not None:
            request.unit.failed = True
        self.after(state, None)


class AsgiPoint(Serving):
    """Around the call of an ASGI application; ``scope_of`` reads its scope.

    Of applications and servers around each other the outermost one begins the request. ``served``: this is a server
    whose sending is looked at as well. Where ``held``, ``scope_of`` reads the object that has it as ``scope``.
    """

    def __init__(
        self,
        place: str,
        runtime: Runtime,
        scope_of: Callable[[Values], Any],
        *,
        served: bool = False,
        held: bool = False,
    ) -> None:
        super().__init__(place, runtime)
        self._served = served
        self._held = held
        self._carriers = runtime.part(carriers)
        self._scope_of = scope_of

    def before(self, values: Values) -> Any:
        """Begin a request; None for everything else, and for a part of one."""
        scope_of = self._scope_of
        scope = scope_of(values)
        holder = scope if self._held else None
        if holder is not None:
            scope = vars(holder).get("scope")
        if type(scope) is not dict or scope.get("type") not in _CONNECTIONS:
            return None
        outer = current_unit().request
        if outer is not None and (scope is outer.scope or outer.serves(scope)):
            outer.scope = scope  # a middleware's copy: what is added from here on is added there
            return None
        headers = scope.get("headers")
        # A connection lasts, and what it starts on its way may well outlive its purpose and work for others.
        lasting = scope["type"] == "websocket"
        request = Request(
            self._sources,
            partial(asgi_headers, headers),
            raw=headers,
            scope=scope,
            mark=headers,
            own_task_only=lasting,
            query=partial(asgi_query, scope) if scope.get("query_string") else None,
        )
        request.endpoint_in = endpoint_of
        request.served = self._served
        if holder is not None and self._served:
            request.server, request.transport = holder, getattr(holder, "transport", None)
        if "mcp" in sys.modules:
            self._carriers[id(headers)] = request
        return self._begin(request, outer, Input(REQUEST, scope, texts=request_texts.of_asgi), at_once=True)


class WsgiServerPoint(Serving):
    """Around what a WSGI server does for one request: calling the application, and sending what it has returned.

    ``handler_of`` reads the server's object for the request, which may have the environment as ``environ``.
    """

    def __init__(self, place: str, runtime: Runtime, handler_of: Callable[[Values], Any]) -> None:
        super().__init__(place, runtime)
        self._handler_of = handler_of

    def before(self, values: Values) -> Any:
        """Begin a request."""
        handler = self._handler_of(values)
        request = Request(
            self._sources,
            lambda: wsgi_headers(_environ(handler)),
            mark=SERVED,
            query=lambda: wsgi_query(_environ(handler)),
        )
        head = Input(REQUEST, handler, texts=lambda handler: request_texts.of_environ(_environ(handler)))
        return self._begin(request, current_unit().request, head)


class ParsedPoint(Serving):
    """Around what a WSGI server does for one request whose head it has read; ``headers_of`` gives what reads them."""

    def __init__(
        self, place: str, runtime: Runtime, headers_of: Callable[[Values], Callable[[], Iterable[tuple[str, str]]]]
    ) -> None:
        super().__init__(place, runtime)
        self._headers_of = headers_of

    def before(self, values: Values) -> Any:
        """Begin a request."""
        headers = self._headers_of(values)
        request = Request(self._sources, headers, mark=SERVED)
        head = Input(REQUEST, headers, texts=lambda headers: list(headers()))
        return self._begin(request, current_unit().request, head, at_once=True)


class WsgiPoint(Serving):
    """Around the call of a WSGI application; ``environ_of`` reads its environment.

    Where the server is known, the request is the server's: its body is sent after the application has returned.
    ``server``: this is around what a server does for one request, and has made the environment for.
    """

    def __init__(
        self, place: str, runtime: Runtime, environ_of: Callable[[Values], Any], *, server: bool = False
    ) -> None:
        super().__init__(place, runtime)
        self._environ_of = environ_of
        self._server = server

    def before(self, values: Values) -> Any:
        """Begin a request; None for a part of one."""
        environ = self._environ_of(values)
        outer = current_unit().request
        if type(environ) is not dict or (outer is not None and outer.mark is environ):
            return None
        if outer is not None and outer.mark is SERVED and not self._server:
            outer.hear(partial(wsgi_headers, environ), partial(wsgi_query, environ), raw=environ)
            if outer.inputs is not None:
                outer.inputs.receive(Input(REQUEST, environ, texts=request_texts.of_environ))
            outer.user()
            return None
        headers, query = partial(wsgi_headers, environ), partial(wsgi_query, environ)
        mark = SERVED if self._server else environ
        request = Request(self._sources, headers, raw=environ, mark=mark, query=query)
        return self._begin(request, outer, Input(REQUEST, environ, texts=request_texts.of_environ), at_once=True)


def serving_asgi(place: str, runtime: Runtime, *, served: bool = False) -> Callable[[Layout], AsgiPoint]:
    """A point around an application that is called with ``scope``."""
    return lambda layout: AsgiPoint(place, runtime, layout.argument("scope"), served=served)


def serving_wsgi(place: str, runtime: Runtime) -> Callable[[Layout], WsgiPoint]:
    """A point around an application that is called with ``environ``."""
    return lambda layout: WsgiPoint(place, runtime, layout.argument("environ"))


def serving_requests(target: str, runtime: Runtime) -> Callable[[Layout], WsgiServerPoint]:
    """A point around a method in which a WSGI server serves one request."""
    return lambda layout: WsgiServerPoint(target, runtime, layout.receiver_reader())


def _environ(handler: Any) -> dict[str, Any]:
    return vars(handler).get("environ") or {}
