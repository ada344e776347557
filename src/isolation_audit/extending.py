"""What packages with integrations, rules and exporters of their own build on; it stays where it is.

A package needs three things at most. An *integration* says which callables of a library to watch; a *monitor* judges
what is observed there; an *exporter* takes findings to where somebody reads them. Each is found through its entry
point: see docs/howto/extend.md.
"""

from isolation_audit.analysis.frames import beneath
from isolation_audit.exporters.base import Batch, Settings, Sink
from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.reading.layout import Layout, Values
from isolation_audit.instrument.reading.user_arguments import of_call as parameters_with_user
from isolation_audit.instrument.runtime import Runtime
from isolation_audit.instrument.stacks import capture
from isolation_audit.instrument.tracking.observations import Unready
from isolation_audit.instrument.work.cache_libraries import Library
from isolation_audit.integrations import Integration, Point, Replacement
from isolation_audit.integrations.building_blocks.keyed_cache import Keyed
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.recording.recorder import Entry
from isolation_audit.rules.base import Monitor, observes

__all__ = [
    "Batch",
    "Entry",
    "Example",
    "Integration",
    "Interceptor",
    "Keyed",
    "Layout",
    "Library",
    "Monitor",
    "Point",
    "Replacement",
    "Rule",
    "Runtime",
    "Settings",
    "Severity",
    "Sink",
    "Unready",
    "Values",
    "beneath",
    "capture",
    "observes",
    "parameters_with_user",
]
