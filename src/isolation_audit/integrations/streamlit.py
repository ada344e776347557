"""Streamlit: runs of a script, each the work of its session's user, what they show, and its caches.

The user is who has logged in (``st.user``), or whom the session's state names; the headers of the session's connection
are asked last. Data frames go out packed, and are not searched.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import sources
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed
from isolation_audit.integrations.building_blocks.ui_events import EventServing, Pushed, as_they_are
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.kept_users import SESSION_KEYS
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import LOGIN
from isolation_audit.model.user_names import Name, name_of
from isolation_audit.vocabulary.exits import exits_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_RUNNER: Final = "streamlit.runtime.scriptrunner.script_runner:ScriptRunner"
_RUN: Final = f"{_RUNNER}._run_script"
_SHOWN: Final = f"{_RUNNER}._enqueue_forward_msg"
_STATE: Final = "streamlit.runtime.state.session_state:SessionState"
_DATA: Final = "streamlit.runtime.caching.cache_data_api:DataCache"
_RESOURCES: Final = "streamlit.runtime.caching.cache_resource_api:ResourceCache"
_LOCAL: Final = "test@example.com"
"""Whom older versions take everybody for, where nobody can log in."""
_FIELDS: Final = 1_000
"""Texts of one message that are searched."""


class Streamlit:
    """The integration."""

    distribution = "streamlit"
    since = "1.37"
    packages = ("streamlit",)

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """Runs of a script, what its session keeps, what it shows, and what its decorators cache."""
        yield Point(_RUN, lambda layout: RunPoint(runtime, layout))
        if "session" in runtime.part(sources).detect:
            for name in ("__setitem__", "__delitem__"):
                yield Point(f"{_STATE}.{name}", partial(StatePoint, f"{_STATE}.{name}"))
        sinks = exits_of(runtime)
        if sinks is not None:
            yield Point(_SHOWN, partial(ShownPoint, Pushed(sinks, runtime, _SHOWN)))
        for cache in (_DATA, _RESOURCES):
            yield from Keyed(
                Library(("streamlit",), unkeyed=_unkeyed),
                storing=(f"{cache}.write_result",),
                fetching=(f"{cache}.read_result",),
                found=lambda result: getattr(result, "value", None),
                by_reference=cache is _RESOURCES,
            ).points(runtime)


class RunPoint(EventServing):
    """Around one run of a script, on a thread of its session's."""

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_RUN, runtime)
        self._self_of, self._asked = layout.receiver_reader(), layout.argument("rerun_data")

    def before(self, values: Values) -> Any:
        """Begin a unit of the session's user."""
        runner = vars(self._self_of(values))
        state = _state(runner)
        request = Request(self._sources, partial(_headers, runner.get("_session_id")), mark=runner)
        request.session = {key: state[key] for key in SESSION_KEYS if key in state}
        asked = self._asked(values)
        begun = self._begin(
            request,
            current_unit().request,
            Input(REQUEST, as_they_are(state)),
            Input(REQUEST, asked, texts=_of_rerun),
            Input(REQUEST, runner.get("_user_info")),
        )
        person = name_of(runner.get("_user_info"))
        if isinstance(person, Name) and person.id != _LOCAL and "login" in self._sources.detect:
            request.told(LOGIN, person)
        request.user()
        return begun


class StatePoint(Interceptor):
    """Around what sets or deletes one value of a session's state: a script may log somebody in or out."""

    def __init__(self, place: str, layout: Layout) -> None:
        self.place = place
        self._key = layout.argument(0)
        self._value = layout.argument("value") if place.endswith("__setitem__") else None

    def before(self, values: Values) -> None:
        """Note it, as the running script's own."""
        key = self._key(values)
        request = current_unit().request
        if request is None or key not in SESSION_KEYS or type(request.session) is not dict:
            return
        if self._value is None:
            request.session.pop(key, None)
        else:
            request.session[key] = self._value(values)
            request.user()


class ShownPoint(Interceptor):
    """Around what puts a message on its way to the browser."""

    place = _SHOWN

    def __init__(self, pushed: Pushed, layout: Layout) -> None:
        self._pushed, self._message = pushed, layout.argument("msg")

    def before(self, values: Values) -> None:
        """Search its texts."""
        texts = list(_texts(self._message(values)))
        if texts:
            self._pushed.told(texts)


def _unkeyed(function: FunctionType) -> frozenset[str]:
    """Parameters whose names begin with an underscore are no part of a key."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return frozenset(name for name in names if name.startswith("_"))


def _state(runner: dict[str, Any]) -> dict[str, Any]:
    """What the session of a runner keeps: what is left from earlier runs, and what was set since."""
    kept = getattr(runner.get("_session_state"), "_state", None)
    return {**getattr(kept, "_old_state", {}), **getattr(kept, "_new_session_state", {})}


def _headers(session: Any) -> Iterator[tuple[str, str]]:
    """The headers of the connection behind a session."""
    runtime = getattr(getattr(sys.modules.get("streamlit.runtime.runtime"), "Runtime", None), "_instance", None)
    client = None if runtime is None else runtime.get_client(session)
    context = getattr(client, "client_context", None)
    # In older versions the client is Tornado's handler of the connection.
    headers = getattr(getattr(client, "request", None), "headers", None) if context is None else context.headers
    for name, value in getattr(headers, "get_all", lambda: headers or ())():
        yield name.lower(), value


def _of_rerun(asked: Any) -> Any:
    """What a run was asked for."""
    widgets = getattr(asked, "widget_states", None)
    return [getattr(asked, "query_string", None), None if widgets is None else list(_texts(widgets))]


def _texts(message: Any) -> Iterator[str]:
    """The texts in a message of Protocol Buffers."""
    waiting, left = [message], _FIELDS
    while waiting and left:
        value = waiting.pop()
        if type(value) is str:
            left -= 1
            yield value
        elif hasattr(value, "ListFields"):
            waiting += [held for _field, held in reversed(value.ListFields())]
        elif hasattr(value, "values"):
            waiting += value.values()
        elif hasattr(value, "__len__") and type(value) is not bytes:
            waiting += reversed(list(value))


integration = Streamlit()
