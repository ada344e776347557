"""Which names matter, of all that several things may have: those of configured classes, and evident ones.

Evident are factories and registries that no configuration names, and of which there is more than one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from isolation_audit.source.scan.tests import is_of_tests

if TYPE_CHECKING:
    from isolation_audit.config.model import Config, Target
    from isolation_audit.source.scan.source import Source

_TELLING: Final = 3
"""Words of a function's name that say what it gives: ``get_engine_factory``, and not ``get_factory``."""


def wanted_names(source: Source) -> frozenset[str]:
    """The names of which it matters who gives and who imports them: configured ones, and those that are evident."""
    return frozenset(homes(source.config)) | evident(source)


def evident(source: Source) -> set[str]:
    """Names of factories and registries that more than one file defines."""
    found: Counter[str] = Counter()
    for path, names in source.names.items():
        if names.gives and not is_of_tests(source.tree.shown(path)):
            found.update(names.gives)
    return {name for name, files in found.items() if files > 1 and _tells(name)}


def homes(config: Config) -> dict[str, set[str]]:
    """By configured name of a class, the modules in which it is configured."""
    targets: list[Target] = [*config.identity.context_types]
    for entry in config.deprecations:
        targets += [entry.target, *([entry.replacement] if entry.replacement is not None else [])]
    for entries in (config.engines, config.emitters, config.factories, config.singletons):
        targets += [one.target for one in entries]
    found: dict[str, set[str]] = {}
    for target in targets:
        name = target.qualname.partition(".")[0]
        if name[:1].isupper():
            found.setdefault(name, set()).add(target.module)
    return found


def _tells(name: str) -> bool:
    return not name[:1].islower() or len(name.strip("_").split("_")) >= _TELLING
