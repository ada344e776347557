"""Duplicates: classes of the tree that have a configured name and are not the configured class; and who imports which.

A name of one word (``Engine``) may mean many things: there the classes must have a method or a parameter of their
constructors in common. Factories and registries that no configuration names are looked for by their names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from isolation_audit.source.scan.facts import Span
from isolation_audit.source.scan.importers import importers
from isolation_audit.source.scan.tests import is_of_tests
from isolation_audit.source.scan.wanted_names import homes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from isolation_audit.config.model import Config
    from isolation_audit.source.scan.importers import Definition, Importers
    from isolation_audit.source.scan.importing import Defined
    from isolation_audit.source.scan.source import Source

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One class, function or alias of a name that others have as well.

    ``others`` are modules with another one and their users' number, the most used first.
    """

    name: str
    path: str
    span: Span
    form: str
    module: str
    users: int
    others: tuple[tuple[str, int], ...] = ()
    means: str = ""
    """Of an alias: what it is."""
    configured: bool = True


def duplicates(source: Source) -> Iterator[Duplicate]:
    """Every class and alias that shares a configured name with another class, and every further factory or registry."""
    configured = homes(source.config)
    read = importers(source, source.wanted)
    users = read.users()
    for name, definitions in read.definitions.items():
        if name in configured:
            classes = [one for one in definitions if one.what.is_class]
            proper = next((one for one in classes if one.module in configured[name]), classes[0]) if classes else None
            yield from _further(name, classes, proper, users, configured[name])
        else:
            own = [one for one in definitions if not is_of_tests(source.tree.shown(one.path))]
            proper = max(own, key=lambda one: users[one.what.name, one.module], default=None)
            found = _further(name, own, proper, users, {proper.module} if proper else set())
            yield from (replace(one, configured=False) for one in found)
    yield from _aliases(source, read)


def _further(
    name: str,
    definitions: list[Definition],
    proper: Definition | None,
    users: Counter[tuple[str, str]],
    proper_modules: set[str],
) -> Iterator[Duplicate]:
    if proper is None:
        return
    alike = [one for one in definitions if one is proper or _alike(name, one.what, proper.what)]
    for one in alike:
        if one is not proper and one.module not in proper_modules:
            elsewhere = sorted((-users[name, other.module], other.module) for other in alike if other is not one)
            others = tuple([(module, -count) for count, module in elsewhere])
            kind = "class" if one.what.is_class else "function"
            form = f"fallback {kind}" if one.what.fallback else f"{kind} of the same name"
            yield Duplicate(name, one.path, one.what.span, form, one.module, users[name, one.module], others)


def _aliases(source: Source, read: Importers) -> Iterator[Duplicate]:
    configured, replacements = homes(source.config), _replacements(source.config)
    for one in read.aliases:
        # The replacement under the old name is what a migrated file says, and what `migrate` itself writes.
        meant = (one.name, one.meant, read.home(one.meant, one.module))
        if one.name in configured and one.name in read.definitions and meant not in replacements:
            span, module = Span(one.line, 0, one.line, 0), source.modules.name(one.path)
            yield Duplicate(one.name, one.path, span, "alias", module, 0, means=f"{one.module}:{one.meant}")


def _replacements(config: Config) -> set[tuple[str, str, str]]:
    """The names of deprecated classes, each with the name and the module of what replaces it."""
    return {
        (entry.target.qualname.partition(".")[0], new.qualname.partition(".")[0], new.module)
        for entry in config.deprecations
        for new in (entry.replacement, *(origin.replacement for origin in entry.origins))
        if new is not None
    }


def _alike(name: str, one: Defined, other: Defined) -> bool:
    return len(_WORDS.findall(name)) > 1 or "_" in name or bool(one.told & other.told)
