"""The SDK of the Model Context Protocol, and FastMCP on top of it: what a server is asked is its sender's.

A session lasts for many requests of HTTP, and what handles its messages was started in the first. So whose a message
is, is told by the request that has brought it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import request_texts
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.http_request import Serving, carriers
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.inputs import REQUEST, Input
from isolation_audit.model.request_head import readable
from isolation_audit.model.requests import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_KINDS: Final = ("Tool", "Resource", "Prompt")
_HANDLING: Final = "mcp.server.runner:ServerRunner._on_request"


class Mcp:
    """The integration."""

    distribution = "mcp"
    since = "2.3"
    packages = ("mcp", "fastmcp")

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What handles a message that wants an answer: a call of a tool, the reading of a resource, and the like."""
        yield Point(_HANDLING, lambda layout: MessagePoint(runtime, layout))
        yield from tools(runtime, "mcp.server.mcpserver.tools.base:Tool.run")


class FastMcp:
    """The integration of FastMCP, which calls the functions of an application in classes of its own."""

    distribution = "fastmcp"
    since = "4.0"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What calls them."""
        yield from tools(
            runtime,
            "fastmcp.tools.function_tool:FunctionTool.run",
            "fastmcp.resources.function_resource:FunctionResource.read",
            "fastmcp.resources.template:FunctionResourceTemplate.read",
            "fastmcp.prompts.function_prompt:FunctionPrompt.render",
        )


class MessagePoint(Serving):
    """Around the handling of one message; what it is answered leaves through the server of HTTP."""

    counted = "messages"

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(_HANDLING, runtime)
        self._carrier, self._params = layout.argument("dctx"), layout.argument("params")

    def before(self, values: Values) -> Any:
        """Go on with the request that has brought it, or begin one where another's context, or nobody's, runs.

        None for what comes through pipes, which belong to one user by themselves.
        """
        scope = getattr(_request_of(self._carrier(values)), "scope", None)
        if type(scope) is not dict:
            return None
        asked = Input(REQUEST, self._params(values), texts=request_texts.of_message)
        outer = current_unit().request
        if outer is not None and outer.serves(scope):
            self._tally.messages += 1
            self._tally.messages_named += outer.user() is not None
            if outer.inputs is not None:
                outer.inputs.receive(asked)
            return None
        headers = readable(scope.get("headers"))
        request = Request(self._sources, lambda: _decoded(headers), scope=scope, mark=headers)
        return self._begin(request, outer, Input(REQUEST, scope, texts=request_texts.of_asgi), asked, at_once=True)


class ToolPoint(Interceptor):
    """Around the call of a tool, a resource or a prompt: it answers the message, and whatever request brought it."""

    def __init__(self, place: str, runtime: Runtime, layout: Layout) -> None:
        self.place = place
        self._carriers = runtime.part(carriers)
        self._self_of = layout.receiver_reader()

    def before(self, values: Values) -> None:
        """Its function is what findings name."""
        request = current_unit().request
        tool = self._self_of(values)
        function = getattr(tool, "fn", None)
        if request is None or function is None:
            return
        name = getattr(tool, "name", None)
        kind = next((one for one in _KINDS if one in type(tool).__name__), _KINDS[0]).lower()
        endpoint = Endpoint(f"{kind} {name}" if type(name) is str else kind, "MCP", function)
        for one in (request, self._carriers.get(id(request.mark))):
            if one is not None:
                one.routed(lambda: endpoint)


def tools(runtime: Runtime, *places: str) -> Iterator[Point]:
    """A point around each method that calls a function of the application."""
    return (Point(place, partial(ToolPoint, place, runtime)) for place in places)


def _request_of(carrier: Any) -> Any:
    """The request of HTTP that has brought a message; None for other transports."""
    return getattr(getattr(carrier, "message_metadata", None), "request_context", None)


def _decoded(headers: Any) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        yield name.decode("latin-1"), value.decode("latin-1")


integration = Mcp()
fastmcp = FastMcp()
