"""IA404: a value that a cache kept of one user's work, handed out in another's."""

from __future__ import annotations

from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.caches.served import Served

_CONFIG = """\
[ambient]
contextvar = "app:current_user"
"""

_APP = """\
import functools
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)

def request(user):
    current_user.set(user)
    return show("home")

def main():
    for user in ("alice", "bob"):
        copy_context().run(request, user)

"""

_BAD = """\
@functools.lru_cache
def dashboard(page):
    return {"page": page, "of": current_user.get()}

def show(page):
    return dashboard(page)
"""

_GOOD = """\
@functools.lru_cache
def dashboard(user, page):
    return {"page": page, "of": user}

def show(page):
    return dashboard(current_user.get(), page)
"""


class CachingMonitor(Monitor):
    """Judges nothing more: what the mechanism publishes is a leak."""

    hears = (
        ("CachedValues", "isolation_audit.rules.caches.served:Caches"),
        ("CacheEntries", "isolation_audit.rules.caches.keyed_cache:Entries"),
        ("LoaderKeys", "isolation_audit.rules.caches.loaders:Loaders"),
    )

    rules = (
        Rule(
            "IA404",
            "cached-for-another",
            Severity.ERROR,
            "A cache gave one user what had been computed from who another user is.",
            "The key says what was asked and not who asked, so whoever comes first decides what everybody sees.",
            "make the user a part of the key: an argument of the cached function, the key function of the library, a "
            "cache of their own for each user; or cache only what does not depend on the user",
            Example(config=_CONFIG, bad=_APP + _BAD, good=_APP + _GOOD),
            options="`watch.caches`, `integrations.disable`; `canary()` and `secret()` in the Python API",
        ),
    )

    @observes(Served)
    def on_served(self, served: Served) -> None:
        """The value is the writer's, the work the reader's."""
        self.report(
            "IA404",
            "the cached result of {target} was computed for {owner} and is given to {ambient}",
            target=served.target,
            ambient=served.reader,
            owner=served.writer,
            content=served.writer if served.marked else None,
            record=served.record,
            place="given to {ambient} here",
            at=served.stack,
        )
