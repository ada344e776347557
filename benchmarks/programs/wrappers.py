"""What others put around a function: nothing but a call, a closure, wrapt's wrapper, and the spans of three tracers."""

from __future__ import annotations

import functools
import inspect
import os
from typing import TYPE_CHECKING, Any

from benchmarks.timing import installed

if TYPE_CHECKING:
    from collections.abc import Callable

MODULES = {
    "closure": (),
    "wrapt": ("wrapt",),
    "opentelemetry": ("opentelemetry.sdk",),
    "ddtrace": ("ddtrace",),
    "sentry": ("sentry_sdk",),
}
"""What has to be installed for each."""

FAST = ("closure", "wrapt")
SLOW = ("opentelemetry", "ddtrace", "sentry")


def available() -> dict[str, Callable[[Callable[..., Any]], Any]]:
    """The wrappers whose packages are installed."""
    makers = {
        "closure": lambda: closure,
        "wrapt": lambda: wrapt_passthrough,
        "opentelemetry": opentelemetry_span,
        "ddtrace": ddtrace_span,
        "sentry": sentry_span,
    }
    return {name: makers[name]() for name, modules in MODULES.items() if installed(*modules)}


def closure(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that hands everything on."""

    @functools.wraps(function)
    def passed_on(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return passed_on


def wrapt_passthrough(function: Callable[..., Any]) -> Any:
    """wrapt's wrapper that does nothing but call."""
    import wrapt

    return wrapt.FunctionWrapper(function, lambda wrapped, _instance, arguments, named: wrapped(*arguments, **named))


def in_span(opened: Callable[[], Any]) -> Callable[[Callable[..., Any]], Any]:
    """What calls a function inside a span, whatever kind of function it is."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            async def awaited(*arguments: Any, **named: Any) -> Any:
                with opened():
                    return await function(*arguments, **named)

            return functools.wraps(function)(awaited)
        if inspect.isgeneratorfunction(function):

            def stepped(*arguments: Any, **named: Any) -> Any:
                with opened():
                    return (yield from function(*arguments, **named))

            return functools.wraps(function)(stepped)

        def called(*arguments: Any, **named: Any) -> Any:
            with opened():
                return function(*arguments, **named)

        return functools.wraps(function)(called)

    return wrap


def opentelemetry_span() -> Callable[[Callable[..., Any]], Any]:
    """A span of OpenTelemetry's SDK, in batches, to an exporter that takes no time."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Any) -> Any:
            return SpanExportResult.SUCCESS

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    tracer = provider.get_tracer("benchmarks")
    return in_span(lambda: tracer.start_as_current_span("call"))


def ddtrace_span() -> Callable[[Callable[..., Any]], Any]:
    """A span of ddtrace, to an agent that is not asked."""
    os.environ |= {"DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false"}
    from ddtrace.trace import TraceFilter, tracer

    class Dropped(TraceFilter):
        def process_trace(self, trace: Any) -> None:
            return None

    tracer.configure(trace_processors=[Dropped()])
    return tracer.wrap()


def sentry_span() -> Callable[[Callable[..., Any]], Any]:
    """A span of Sentry's SDK that is sampled, to a transport that drops it."""
    import sentry_sdk

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        transport=lambda _envelope: None,
        traces_sample_rate=1.0,
        default_integrations=False,
        auto_enabling_integrations=False,
    )
    return in_span(lambda: sentry_sdk.start_span(op="call", name="call"))
