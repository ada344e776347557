"""Responses of web frameworks: where each keeps a body that is there already. Nothing is rendered, nothing consumed."""

from __future__ import annotations

from typing import Any, Final

_BODIES: Final = {
    # The more special class first: an answer of Django REST framework has its data before it is rendered.
    ("rest_framework.response", "Response"): "data",
    ("django.http.response", "HttpResponseBase"): "_container",
    ("starlette.responses", "Response"): "body",
    ("werkzeug.sansio.response", "Response"): "response",
    ("aiohttp.web_response", "StreamResponse"): "_body",
}


def body_of(value: Any) -> tuple[bool, Any]:
    """Whether ``value`` is a response, and its body; None where it has none yet, or streams it.

    A body may be an iterator, which whoever searches it must leave alone, as :class:`.payload.Gathering` does.
    """
    mro = type.__dict__["__mro__"].__get__(type(value))
    for cls in mro:
        field = _BODIES.get((cls.__module__, cls.__qualname__))
        if field is not None:
            return True, object.__getattribute__(value, "__dict__").get(field)
    return False, None
