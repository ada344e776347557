"""The texts of inputs, made when an exit is suspicious: requests as frameworks hold them, and what tokens have inside.

Nothing here may run code of the application, load anything, or read a stream: only what is held already is looked at.
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl
from uuid import UUID

from isolation_audit.content.payload import Gathering
from isolation_audit.model.inputs import REQUEST, OutgoingRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from isolation_audit.model.inputs import Input, Inputs

_ASGI: Final = ("path", "raw_path", "query_string", "headers", "subprotocols", "path_params", "method")
_ENVIRON: Final = ("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REQUEST_URI", "RAW_URI", "CONTENT_TYPE")
_FIRST_LINE: Final = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING")
_PARSED: Final = (
    "wsgi.input",
    "bottle.request.body",
    "webob._parsed_post_vars",
    "wsgi.url_args",
    "wsgiorg.routing_args",
)
"""Where a WSGI environment holds a body, or what a framework has read in it."""

_READ: Final = (
    *("_body", "_cached_data", "_read_bytes"),
    *("_form", "form", "_post", "_json", "_cached_json", "json"),
    *("files", "_files", "view_args", "_match_info", "path_params"),
)
"""Attributes under which the request objects of frameworks keep what they have read; never properties."""

_KEPT: Final = frozenset(_READ)
_NOTHING: Final[tuple[Any, ...]] = ("", b"", [])

_INSIDE: Final = ("_list", "_dict", "_items", "_mapping")
"""Fields in which classes of forms keep what they hold."""
_DATA: Final = frozenset(map(id, (str, bytes, bytearray, dict, list, tuple)))

_BY_PATH: Final = (
    *("path_params", "view_args", "_match_info", "path_kwargs", "matchdict"),
    *("bfg.routes.matchdict", "route.url_args"),
)
"""What frameworks call the parameters of a route: Starlette, Flask, aiohttp, Tornado, Pyramid, Bottle."""
_ROUTING: Final = 2
"""Parts of what ``wsgiorg.routing_args`` has: values by position, and by name."""


_SENT: Final = ("_content", "body", "_body")
"""Where httpx, httpx2, requests and aiohttp keep the body of a request that they send."""

_LONGEST_BODY: Final = 1_000_000


def of_asgi(scope: dict[str, Any]) -> Any:
    """Path, query and headers of an ASGI scope: what the server has put there."""
    return [scope.get(name) for name in _ASGI if name in scope]


def of_environ(environ: dict[str, Any]) -> Any:
    """The same of a WSGI environment, with a body that somebody has read into memory."""
    held: list[Any] = [environ.get(name) for name in _ENVIRON]
    held += [value for name, value in list(environ.items()) if name.startswith("HTTP_") or name == "REMOTE_USER"]
    held += [_plain(environ[name]) for name in _PARSED if name in environ]
    return held


def of_object(request: Any) -> Any:
    """What a framework's request object has read so far: the body, the form, what the path held."""
    fields = _fields(request)
    return [_plain(fields[name]) for name in _READ if fields.get(name) is not None]


def of_message(message: Any) -> Any:
    """What a client has sent as plain data."""
    return message


ADDRESSED: Final = (of_asgi, of_environ, of_object)
"""What says what the path of a request had: not the messages that follow on its connection."""

_OF_CLIENTS: Final[set[Callable[[Any], Any]]] = {of_object, of_message}


def of_client(texts: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Mark what gives nothing but a client's own words."""
    _OF_CLIENTS.add(texts)
    return texts


Head = tuple[str, str, str]
"""Method, path and query of a request."""

_HEADS: Final[dict[Callable[[Any], Any], Callable[[Any], Head]]] = {}


def with_head(head: Callable[[Any], Head]) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Mark what gives the texts of a framework's own request: ``head`` gives its first line."""

    return partial(_marked, _HEADS, head)


def _marked(table: dict[Any, Any], told: Any, texts: Callable[[Any], Any]) -> Callable[[Any], Any]:
    table[texts] = told
    return texts


def head_of(one: Input) -> Head:
    """Method, path and query of a request, where its input tells them."""
    head = _HEADS.get(one.texts)
    return ("", "", "") if head is None else head(one.value)


_ENDS: Final[dict[Callable[[Any], Any], Callable[[Any], bool]]] = {}


def with_end(over: Callable[[Any], bool]) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Mark what gives the texts of something that may be read part by part: ``over`` tells whether that has ended."""

    return partial(_marked, _ENDS, over)


def is_over(one: Input) -> bool:
    """True for an input that was read part by part, and has come to its end."""
    over = _ENDS.get(one.texts)
    return over is not None and over(one.value)


def _head_of_asgi(scope: dict[str, Any]) -> Head:
    query = scope.get("query_string")
    latin = str(query, "latin-1") if type(query) is bytes else ""
    return str(scope.get("method") or ""), str(scope.get("path") or ""), latin


def _head_of_environ(environ: dict[str, Any]) -> Head:
    return tuple([str(environ.get(name) or "") for name in _FIRST_LINE])  # type: ignore[return-value]


with_head(_head_of_asgi)(of_asgi)
with_head(_head_of_environ)(of_environ)


def brought(one: Input) -> Any:
    """What the client itself has said with an input of a request: query, body, form, a message; no header, no session.

    None where that is nothing.
    """
    value = one.value
    if type(value) is str or type(value) is bytes:
        return value
    if one.texts is of_asgi:
        return _values(str(value.get("query_string") or b"", "latin-1"))
    if one.texts is of_environ:
        return [*_values(value.get("QUERY_STRING")), *(_plain(value[name]) for name in _PARSED if name in value)]
    return one.texts(value) if one.texts in _OF_CLIENTS else None


def all_brought(inputs: Iterable[Input], kind: str) -> list[Any]:
    """:func:`brought` of each of a kind that says anything: asked of each request, most of which say nothing."""
    found: list[Any] = []
    for one in inputs:
        texts, value = one.texts, one.value
        if one.kind != kind or (texts is of_asgi and not value.get("query_string")):
            continue
        if texts is of_environ and not value.get("QUERY_STRING") and not _held(value):
            continue
        if texts is of_object:
            try:
                fields = object.__getattribute__(value, "__dict__")
            except AttributeError:
                continue
            for name in _KEPT.intersection(fields):
                held = fields[name]
                if held is not None and (held or id(type(held)) not in _DATA):
                    break
            else:
                continue
        said = brought(one)
        if said is not None and said not in _NOTHING:
            found.append(said)
    return found


def _held(environ: dict[str, Any]) -> bool:
    """True where a WSGI environment holds anything of a body: a stream that nobody has read has nothing to say."""
    for name in _PARSED:
        value = environ.get(name)
        if value is None:
            continue
        if type(value) is io.BytesIO or id(type(value)) in _DATA or not _fields(value).keys().isdisjoint(_INSIDE):
            return True
    return False


def method_of(inputs: Inputs) -> str:
    """The method of HTTP of a unit's request; empty where it came otherwise, as a message."""
    for one in inputs.kept:
        # The messages of a connection have no head, and are passed by without a call.
        head = _HEADS.get(one.texts) if one.kind == REQUEST else None
        method = "" if head is None else head(one.value)[0]
        if method:
            return method.upper()
    return ""


def path_of(one: Input) -> str:
    """The path that a request has asked for, where its input tells."""
    return head_of(one)[1]


def paths_asked(inputs: Inputs) -> list[str]:
    """The paths and queries that a unit's requests have asked for: whoever is named there is whom they are about."""
    heads = [head_of(one) for one in inputs.kept if one.kind == REQUEST]
    return [text for _method, path, query in heads for text in (path, "\0".join(_values(query))) if text]


def sent_body(question: Any) -> str:
    """The body that has gone to another service with a question, where a client's object of it holds one."""
    if type(question) is OutgoingRequest:
        return question.body
    held = _fields(question)
    bodies = [held.get(name) for name in _SENT]
    # aiohttp keeps it in an object that says how it is written.
    bodies += [_fields(one).get("_value") for one in bodies]
    return body_text(next((one for one in bodies if type(one) is str or type(one) is bytes), ""))


def body_text(body: Any) -> str:
    """What a client was given as a body, where that is a text or bytes."""
    if type(body) is bytes:
        return str(body[:_LONGEST_BODY], "utf-8", "replace")
    return body if type(body) is str else ""


def answer_text(one: Input) -> str:
    """The body of an answer that a service has given."""
    held: Any = one.texts(one.value)
    return body_text(held[0] if type(held) is list and held else held)


def path_parameters(one: Input) -> list[tuple[str, Any]]:
    """The parameters of the route by their names, as far as they have names."""
    held = _routed(one)
    found: list[tuple[Any, Any]] = []
    for name in _BY_PATH:
        values = held.get(name)
        if type(values) is dict:
            found += values.items()
    resolved, parsed = held.get("resolver_match"), held.get("wsgiorg.routing_args")
    if resolved is not None:  # Django's
        found += (_fields(resolved).get("kwargs") or {}).items()
    if type(parsed) is tuple and len(parsed) == _ROUTING:
        found += parsed[1].items()
    return [(name, value) for name, value in found if type(name) is str]


def addressed(one: Input) -> frozenset[str]:
    """What the client has asked for by the parameters of the route: a room's name, a document's number."""
    found = [value for _name, value in path_parameters(one)]
    held = _routed(one)
    resolved, parsed = held.get("resolver_match"), held.get("wsgiorg.routing_args")
    if resolved is not None:
        found += _fields(resolved).get("args") or ()
    if type(parsed) is tuple and len(parsed) == _ROUTING:
        found += parsed[0]
    return frozenset(str(value) for value in found if type(value) is str or type(value) is int or type(value) is UUID)


def _routed(one: Input) -> dict[str, Any]:
    """Where a framework has left the parameters of the route."""
    if one.texts in (of_asgi, of_environ):
        return one.value  # type: ignore[no-any-return]
    return _fields(one.value) if one.texts is of_object or one.texts in _HEADS else {}


def _values(query: Any) -> list[str]:
    return [value for _name, value in parse_qsl(query)] if type(query) is str and query else []


def _fields(value: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _plain(value: Any) -> Any:
    """What is searched of a value: streams in memory by their bytes, objects of forms by their fields."""
    kind = type(value)
    if kind is io.BytesIO:
        return io.BytesIO.getvalue(value)
    held = [value]
    fields = _fields(value)
    held += [fields[name] for name in _INSIDE if name in fields]
    return held


def text_of(value: Any) -> tuple[str, bool]:
    """All texts of plain data in one, and whether that is all of them."""
    gathered = Gathering(value)
    return "\0".join(gathered.texts), not gathered.truncated
