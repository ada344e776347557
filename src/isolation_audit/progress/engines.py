"""Source and run time side by side: what is deprecated, how often the source names it, how often it was still built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from isolation_audit.progress.source import CONSTRUCTION, Source

if TYPE_CHECKING:
    from isolation_audit.config import Config, Target
    from isolation_audit.progress.runtime import Builder, Runtime

Standing = Literal["in use", "never built", "built dynamically", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Engine:
    """Something deprecated; None where a figure is not known. ``unnamed`` are files that built it without naming it."""

    target: str
    references: int | None
    constructions: int | None
    built: int | None
    unnamed: tuple[Builder, ...]
    standing: Standing

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def remark(self) -> str:
        """One sentence where source and run time don't agree, else an empty text."""
        places = "; ".join(map(str, self.unnamed))
        if self.standing == "built dynamically":
            what = "is not found in the source" if not self.references else "is not constructed anywhere in the source"
            return f"{self.target} was built at run time and {what}: {places or 'no place is known'}"
        if self.standing == "never built":
            return f"{self.target} is in the source, and no run built it: dead code, or a path that no run took"
        if places:
            return f"{self.target} was also built where the source does not name it: {places}"
        return ""


def join(config: Config, source: Source | None, runtime: Runtime | None) -> list[Engine]:
    """One row for each deprecation, in the order of the configuration."""
    return [_joined(entry.target, source, runtime) for entry in config.deprecations]


def _joined(deprecated: Target, source: Source | None, runtime: Runtime | None) -> Engine:
    target = str(deprecated)
    references = constructions = built = None
    unnamed: list[Builder] = []
    if source is not None:
        found = [one for one in source.found if one.target == target]
        references, constructions = len(found), sum(one.rule == CONSTRUCTION for one in found)
        if not deprecated.qualname:
            constructions = references  # a module is imported, and any reference does that
    if runtime is not None:
        built = runtime.built(target)
        if source is not None:
            files = {PurePath(one.file).parts for one in source.found if one.target == target}
            unnamed = [place for place in runtime.builders(target) if not _is_among(place.file, files)]
    return Engine(target, references, constructions, built, tuple(unnamed), _standing(references, constructions, built))


def _standing(references: int | None, constructions: int | None, built: int | None) -> Standing:
    if references is None or built is None:
        return "unknown"
    if built:
        return "in use" if constructions else "built dynamically"
    return "never built" if references else "gone"


def _is_among(file: str, files: set[tuple[str, ...]]) -> bool:
    """Whether a path of the machine that ran is one of the scanned tree, which may lie elsewhere there."""
    parts = PurePath(file).parts
    return any(parts[-len(known) :] == known for known in files)
