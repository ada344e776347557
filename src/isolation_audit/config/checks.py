"""What no single key can tell: entries that repeat or contradict one another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.config.model import Config, Deprecation, Target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from isolation_audit.config.problems import Problems

_ROLES = ("engines", "deprecations", "factories", "singletons", "emitters", "scopes", "shared")


def check(config: Config, problems: Problems) -> None:
    """Note what contradicts itself across keys and entries."""
    for role in _ROLES:
        _check_duplicates(role, [entry.target for entry in getattr(config, role)], problems)
    _check_replacements(config.deprecations, problems)
    _check_origins(config.deprecations, problems)
    if config.service_levels.cleanup is not None and not any(engine.cleanup for engine in config.engines):
        cause = "limits nothing: no engine says which of its methods clean up"
        problems.add(("service_levels", "cleanup"), cause, 'add cleanup = ["cleanup"] to the [[engines]] that have one')


def _check_duplicates(role: str, targets: Sequence[Target], problems: Problems) -> None:
    first: dict[Target, int] = {}
    for number, target in enumerate(targets):
        if target.module and first.setdefault(target, number) != number:
            place = problems.refer((role, first[target], "target"))
            problems.add(
                (role, number, "target"), f"'{target}' is here and in {place}", "merge the two entries or remove one"
            )


def _check_replacements(deprecations: Sequence[Deprecation], problems: Problems) -> None:
    onward: dict[int, int] = {}
    numbers = _numbers(deprecations)
    for number, entry in enumerate(deprecations):
        if entry.replacement is None or not entry.target.module:
            continue
        if entry.replacement == entry.target:
            place = ("deprecations", number, "replacement")
            problems.add(place, f"'{entry.target}' would replace itself", "name what should be used instead")
            continue
        following = _deprecated(entry.replacement, numbers)
        if following is not None and following != number:
            onward[number] = following
    _check_circles(onward, deprecations, problems)


def _check_origins(deprecations: Sequence[Deprecation], problems: Problems) -> None:
    for number, entry in enumerate(deprecations):
        seen: set[Target] = set()
        for place, origin in enumerate(entry.origins):
            if not origin.constructor.module:
                continue
            if origin.constructor in seen:
                cause = f"'{origin.constructor}' is described above already"
                problems.add(("deprecations", number, "origins", place, "constructor"), cause, "remove one of the two")
            seen.add(origin.constructor)
            if _deprecated(origin.replacement, {entry.target: number}) is not None:
                cause = f"'{origin.replacement}' belongs to '{entry.target}', which is deprecated"
                problems.add(
                    ("deprecations", number, "origins", place, "replacement"), cause, "name what should be used instead"
                )


def _numbers(deprecations: Sequence[Deprecation]) -> dict[Target, int]:
    """The number of the first entry for each target."""
    return {entry.target: number for number, entry in reversed(list(enumerate(deprecations)))}


def _deprecated(target: Target, numbers: Mapping[Target, int]) -> int | None:
    """The number of the entry that deprecates ``target``: itself, a class around it, or its module."""
    around = [target]
    while around[-1].qualname:
        around.append(Target(target.module, around[-1].qualname.rpartition(".")[0]))
    return next((numbers[name] for name in around if name in numbers), None)


def _check_circles(onward: dict[int, int], deprecations: Sequence[Deprecation], problems: Problems) -> None:
    settled: set[int] = set()
    for start in onward:
        trail: list[int] = []
        number: int | None = start
        while number is not None and number not in settled and number not in trail:
            trail.append(number)
            number = onward.get(number)
        if number in trail:
            circle = trail[trail.index(number) :]
            names = " -> ".join(f"'{deprecations[step].target}'" for step in [*circle, circle[0]])
            problems.add(
                ("deprecations", circle[-1], "replacement"),
                f"replacements go in a circle: {names}",
                "let one of them be kept",
            )
        settled.update(trail)
