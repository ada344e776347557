"""IA6xx: what there is meant to be one of, and was made twice."""

from __future__ import annotations

from isolation_audit.analysis.durations import duration
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.concurrency.windows import Raced
from isolation_audit.targets.singleton import SecondInstance

_RACE = """\
import asyncio

class Factory:
    def __init__(self):
        self.engines = {}

_factory = None
_lock = asyncio.Lock()

async def connect():
    await asyncio.sleep(0)

async def get_factory():
    global _factory
"""

_RACED = """\
    if _factory is None:
        await connect()
        _factory = Factory()
    return _factory
"""

_LOCKED = """\
    async with _lock:
        if _factory is None:
            await connect()
            _factory = Factory()
    return _factory
"""

_TWICE = """\

kept = []

async def main():
    kept.extend(await asyncio.gather(get_factory(), get_factory()))
"""

_REGISTRY = """\
class Registry:
    def __init__(self):
        self.sockets = {}

REGISTRY = Registry()

"""


class ConcurrencyMonitor(Monitor):
    """Names both places where one thing was made."""

    hears = (
        ("ImportedModules", "isolation_audit.rules.concurrency.imported_modules:imported_modules"),
        ("ComputingCalls", "isolation_audit.rules.concurrency.cached_calls:CachedCalls"),
    )

    rules = (
        Rule(
            "IA601",
            "initialised-concurrently",
            Severity.WARNING,
            "A function that makes an object when there is none yet was called again before it had kept the first one: "
            "each call has made an object of its own.",
            "Between the look at the name and the assignment another thread may look, or at an `await` another task. "
            "The callers go on with different objects: what one of them registers, limits or caches is not there for "
            "the others. Watched are functions that look for a global, an attribute of a class, a name of the function "
            "around, an entry of a dict that everybody uses or an attribute of `request.app.state`, and fill it "
            "themselves or by another function of theirs; methods of objects that a module keeps; a module's own "
            "`__getattr__`; and functions below `functools.cache` and `lru_cache`, which keep nobody out while the "
            "first call computes. What is kept for each thread, context or request is not watched. The auditor "
            "compares what the calls have made once the last of them is over. Where more than one object is still "
            "there a second later it is a warning, else a note. Data (dicts, dataclasses, models) that is computed "
            "twice for one key of many is a note, too.",
            "look again inside of a lock and make the object there, or make it before the first request",
            Example(config="[watch]\nfactories = true\n", bad=_RACE + _RACED + _TWICE, good=_RACE + _LOCKED + _TWICE),
            options="`watch.factories`",
        ),
        Rule(
            "IA602",
            "second-instance",
            Severity.WARNING,
            "Another object of a class was built, while the one that there is meant to be was still there.",
            "What is registered with one of them is not found in the other: a user's connection is in one registry, "
            "and the event is looked up in the second. Classes under [[singletons]] are declared. One object is "
            "evident where a function of the class's own module makes it when there is none yet and keeps it: there a "
            "second one is a note, because it may be meant.",
            "use the object that is there; pass it on instead of building another one",
            Example(
                config='[[singletons]]\ntarget = "app:Registry"\n',
                bad=_REGISTRY.replace("REGISTRY = Registry()\n", "")
                + "kept = []\n\ndef main():\n    kept.append(Registry())\n    kept.append(Registry())\n",
                good=_REGISTRY + "def main():\n    REGISTRY.sockets.clear()\n",
            ),
            options="`singletons.target`, `singletons.subclasses`, `watch.factories`",
        ),
    )

    @observes(Raced)
    def on_raced(self, raced: Raced) -> None:
        """Both places, and how long the window was open."""
        stayed = "" if raced.kept is None else f"; {raced.kept} of them are still there"
        several = raced.kept is not None and raced.kept > 1
        self.report(
            "IA601",
            "{target} made {measured}, because {detail}",
            target=raced.target,
            detail=f"it was called again before {raced.name} was set",
            measured=f"{raced.made} objects at once ({raced.how}, the second {duration(raced.seconds)} after the "
            f"first{stayed})",
            place="made again for this call",
            at=raced.second,
            before=(raced.first, "made for this call, which had found nothing"),
            severity=None if several and not raced.harmless else Severity.NOTE,
        )

    @observes(SecondInstance)
    def on_second_instance(self, second: SecondInstance) -> None:
        """Both places."""
        self.report(
            "IA602",
            "a second {target} was built while the first one is there{detail}",
            target=second.target,
            detail=f": {second.by}" if second.by else "",
            place="built again here",
            ambient=self.runtime.ambient.current(),
            before=(second.first, "the first one was built here"),
            severity=Severity.NOTE if second.by else None,
        )
