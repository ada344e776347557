"""The path to what was read, in words and as a diagram.

Keys are shown where they stand in the code: others may be somebody's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.heap.walk import mermaid
from isolation_audit.rules.state.remedies import target_of

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.rules.state.literals import Literals
    from isolation_audit.rules.state.paths import StatePath


def diagram(path: StatePath | None, places: tuple[AccessSite, AccessSite], literals: Literals) -> str:
    """The path as text for Mermaid."""
    return "" if path is None else mermaid(path.shown(lambda one: literals.hold(one.casefold(), places)))


def words(
    path: StatePath | None,
    place: tuple[str, object],
    places: tuple[AccessSite, AccessSite],
    literals: Literals,
    container_class: str = "",
) -> str:
    """The path to a place, which has a kind and a key; as the code has it, where no module leads there any more."""
    kind, key = place
    if kind == "carried":
        return f"the local variable {key!r} of {places[1].function}()"
    if path is None:
        return target_of(path, key if kind == "attribute" else None, places[0], container_class)

    def is_known(one: str) -> bool:
        return literals.hold(one.casefold(), places)

    said = path.words(is_known)
    if kind in ("item", "environ"):
        shown = type(key) is int or (type(key) is str and is_known(key))
        return f"{said}[{key!r}]" if shown else f"{said}[...]"
    if kind in ("element", "queued", "part"):
        return said + ("[...]" if key is None else f"[{key!r}]")
    if kind == "default":
        return f"{said.removesuffix('.__code__')}({key}=...)"
    return said if key is None or kind in ("cell", "all") else f"{said}.{key}"
