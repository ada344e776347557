"""What the integrations declare of their libraries, for the mechanisms that meet those without knowing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime

_STANDARD: Final = ("asyncio", "contextlib.py")


class Libraries:
    """The declarations of all integrations of one audit; use it with ``runtime.part``."""

    def __init__(self, _runtime: Runtime) -> None:
        self.packages: tuple[str, ...] = _STANDARD
        """Whose frames are none of the application's: folders, or files, at the root of an import path."""
        self.lasting: tuple[str, ...] = ()
        """Parts of paths of files whose handlers are short, and set up what lasts as long as their connection."""
        self._departures: frozenset[tuple[str, str]] = frozenset()

    def declare(self, integration: object) -> None:
        """Enter the optional attributes ``packages``, ``lasting`` and ``departures`` of an integration."""
        self.packages += tuple(getattr(integration, "packages", ()))
        self.lasting += tuple(getattr(integration, "lasting", ()))
        departures = {tuple(one.split(":")) for one in getattr(integration, "departures", ())}
        self._departures |= frozenset((module, name) for module, name in departures)

    def is_departure(self, error: BaseException) -> bool:
        """True for the exceptions by which a library says that the other side has left."""
        return any((kind.__module__, kind.__name__) in self._departures for kind in type(error).__mro__)
