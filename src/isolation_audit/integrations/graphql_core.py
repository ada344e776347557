"""graphql-core: which of the application's resolvers answers a request, where its view is a library's.

Each query of an application has the same route, and often the same view, which a library has made. What tells them
apart, and where a finding has to point, is the function that resolves the field that was asked for.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.integrations import Point
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_EXECUTE: Final = "graphql.execution.execute:execute"
_OF_STRAWBERRY: Final = "strawberry-definition"
"""What Strawberry calls its own object among the extensions of a field, whose resolver it has wrapped."""


class GraphqlCore:
    """The integration; requests are those of the framework that serves the schema."""

    distribution = "graphql-core"
    since = "3.1"
    packages = ("graphql", "strawberry", "graphene", "ariadne")

    @staticmethod
    def points(_runtime: Runtime) -> Iterator[Point]:
        """What runs a query."""
        yield Point(_EXECUTE, ExecutePoint)


class ExecutePoint(Interceptor):
    """Around the running of a query."""

    place = _EXECUTE

    def __init__(self, layout: Layout) -> None:
        self._schema, self._document = layout.argument("schema"), layout.argument("document")
        self._name = layout.optional("operation_name")

    def before(self, values: Values) -> None:
        """Nothing is looked up before somebody wants to know it."""
        request = current_unit().request
        if request is not None:
            asked = self._schema(values), self._document(values), self._name(values)
            request.routed(partial(endpoint_of, request.endpoint(), *asked))


def endpoint_of(outer: Endpoint | None, schema: Any, document: Any, name: str | None) -> Endpoint | None:
    """What answers a query: the view, where it is the application's, else the first of its resolvers."""
    frame = None if outer is None else outer.frame()
    if frame is not None and not is_installed(frame.file):
        return outer
    for field in _fields(schema, document, name):
        resolver = _resolver(field)
        code = code_of(resolver)
        if code is not None and not is_installed(code.co_filename):
            return Endpoint(None if outer is None else outer.route, None if outer is None else outer.method, resolver)
    return outer


def _fields(schema: Any, document: Any, name: str | None) -> Iterator[Any]:
    """The fields of the schema that a query asks for, at its top."""
    for one in document.definitions:
        if one.kind == "operation_definition" and (name is None or (one.name is not None and one.name.value == name)):
            root = getattr(schema, f"{one.operation.value}_type")
            for selected in one.selection_set.selections:
                field = root.fields.get(selected.name.value) if selected.kind == "field" else None
                if field is not None:
                    yield field


def _resolver(field: Any) -> Any:
    definition = (field.extensions or {}).get(_OF_STRAWBERRY)
    wrapped = getattr(getattr(definition, "base_resolver", None), "wrapped_func", None)
    return field.resolve if wrapped is None else wrapped


integration = GraphqlCore()
