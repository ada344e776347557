"""Integrations: what the auditor knows of single libraries without being told; each waits for its library's import.

An integration is an object behind an entry point of the group ``isolation_audit.integrations``. Its name there is the
one that ``[integrations] disable`` takes. It must not import its library: it says what to watch, and the post-import
hooks do the rest.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, Protocol

from isolation_audit.config.model import Target
from isolation_audit.foundation.plugins import INTEGRATIONS, LIBRARIES, Plugin, installed, plugins
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.patching.targets import Watched
from isolation_audit.instrument.resolve import resolve
from isolation_audit.instrument.work.libraries import Libraries
from isolation_audit.model.roles import INTEGRATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import Any

    from isolation_audit.instrument.calls.interceptors import Interceptor
    from isolation_audit.instrument.calls.probe import Probe
    from isolation_audit.instrument.patching.placing import Places
    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.targets.instrumentation import Instrumentation

GROUP: Final = INTEGRATIONS


@dataclass(frozen=True, slots=True)
class Point:
    """One callable to watch: ``target`` is ``module:Class.method``, ``make`` builds the interceptor for its layout."""

    target: str
    make: Callable[[Layout], Interceptor]


@dataclass(frozen=True, slots=True)
class Replacement:
    """One attribute of a module that gives way to another object, where watching calls is not enough.

    ``make`` gets what is there and a probe, and builds what stands in its place; that asks the probe, and the probe
    asks the ``interceptor``, behind the fault barrier. What was made may outlive the audit: the probe then asks nobody,
    and it has to do what the original does.
    """

    target: str
    interceptor: Interceptor
    make: Callable[[Any, Probe], Any]


class Integration(Protocol):
    """What an entry point of the group leads to.

    It may declare more of its library: ``packages`` (folders or files whose frames are none of the application's),
    ``departures`` (exceptions, as ``module:Class``, that say that the other side has left), ``lasting`` (parts of
    paths of files whose handlers are short while what they set up lasts as long as the connection).
    """

    distribution: str
    """The library's name on the package index; empty for the standard library."""
    since: str
    """The oldest version that it was tried with; empty for the standard library. An older one is watched as far as it
    is alike, and the targets' details say so."""

    def points(self, runtime: Runtime) -> Iterable[Point | Replacement]:
        """What to watch, and how; called once an auditor, before the library is imported."""


def watch(runtime: Runtime, instrumentation: Instrumentation) -> None:
    """Have every installed integration watched that the configuration does not switch off.

    One whose library is known by its module waits for that: an application pays for no library that it does not use.
    """
    libraries = {plugin.name: plugin.module for plugin in plugins(LIBRARIES)}
    for plugin in plugins(GROUP):
        if plugin.name not in runtime.config.integrations.disable:
            instrumentation.integrate(libraries.get(plugin.name), functools.partial(_load, plugin, runtime))


def _load(plugin: Plugin, runtime: Runtime, places: Places) -> list[Watched]:
    """The targets of one integration."""
    try:
        integration = plugin.load()
        runtime.part(Libraries).declare(integration)
        return list(targets(plugin.name, integration, runtime, places))
    except Exception as error:
        runtime.barrier.fault(f"integration {plugin.name}", error)
        return []


def targets(name: str, integration: Integration, runtime: Runtime, places: Places) -> Iterator[Watched]:
    """The targets of one integration."""
    doubt = functools.cache(functools.partial(_older, integration))
    for point in integration.points(runtime):
        module, _, qualname = point.target.partition(":")
        yield Watched(
            Target(module, qualname),
            INTEGRATION,
            _placing(name, point, places),
            optional=True,
            quiet=not integration.distribution,
            doubt=doubt,
            library=name,
            sighting=getattr(integration, "sighting", False),
        )


def _placing(name: str, point: Point | Replacement, places: Places) -> Callable[[ModuleType, Target], None]:
    def apply(module: ModuleType, target: Target) -> None:
        resolved = resolve(module, target)
        if isinstance(point, Replacement):
            places.replace(resolved, point.interceptor, point.make)
        else:
            places.callable(resolved, f"integration {name}", point.make)

    return apply


def _older(integration: Integration) -> str:
    """What to say of a version that is older than all that were tried; nothing of any other."""
    distribution = integration.distribution
    version = installed(distribution) if distribution else None
    if version is None or _is_at_least(version, integration.since):
        return ""
    return f"{distribution} {version} is older than {integration.since}, the oldest that was tried"


def _is_at_least(version: str, since: str) -> bool:
    return _numbers(version) >= _numbers(since)


def _numbers(version: str) -> tuple[int, ...]:
    """The release part of a version."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return (*map(int, match[0].split(".")),) if match else ()
