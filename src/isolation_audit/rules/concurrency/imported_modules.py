"""The modules of the application, with everybody who looks at each as soon as it is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.rules.concurrency.lazy_singletons import LazySingletons
from isolation_audit.rules.factories.modules import Modules
from isolation_audit.rules.factories.other_things import OtherThings
from isolation_audit.rules.factories.same_names import SameNames

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime


def imported_modules(runtime: Runtime) -> Modules:
    """The one of an audit; use it with ``runtime.part``."""
    modules = runtime.part(Modules)
    for looks in (LazySingletons, SameNames, OtherThings):
        runtime.part(looks)
    return modules
