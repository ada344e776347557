"""What callers of an old class do that its replacement does not take: the list of what a bridge must offer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import griffe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Form(StrEnum):
    """How a member is used."""

    METHOD = "method"
    COROUTINE = "coroutine"
    ATTRIBUTE = "attribute"
    CLASS = "class"


@dataclass(frozen=True, slots=True)
class Gap:
    """One difference: ``member`` of the old class, what is different, and what the bridge has to do about it."""

    member: str
    difference: str
    bridge: str

    def as_dict(self) -> dict[str, str]:
        """The same for JSON."""
        return asdict(self)


_POSITIONAL: Final = (griffe.ParameterKind.positional_only, griffe.ParameterKind.positional_or_keyword)
_NAMED: Final = (griffe.ParameterKind.positional_or_keyword, griffe.ParameterKind.keyword_only)


def gaps(
    old: griffe.Class, new: griffe.Class, constructor: griffe.Function | None, arguments: Mapping[str, str]
) -> list[Gap]:
    """Every difference that a caller of ``old`` meets with ``new``.

    ``constructor`` is what builds the new object where that is not the class itself; ``arguments`` maps parameters of
    the old constructor to those of the new one.
    """
    return [*_construction(old, new, constructor, arguments), *_members(old, new)]


def _construction(
    old: griffe.Class, new: griffe.Class, constructor: griffe.Function | None, arguments: Mapping[str, str]
) -> Iterator[Gap]:
    made_by = constructor or _function(new, "__init__")
    name = "__init__" if constructor is None else constructor.name
    if constructor is not None and "async" in constructor.labels:
        yield Gap("__init__", f"{name}() is a coroutine", "construction has to be awaited")
    left_out = {name for name, now in arguments.items() if not now}
    before = [one for one in _parameters(_function(old, "__init__")) if one.name not in left_out]
    yield from _calls("__init__", before, _parameters(made_by), arguments)


def _members(old: griffe.Class, new: griffe.Class) -> Iterator[Gap]:
    offered = new.all_members
    for name, member in old.all_members.items():
        if name.startswith("_"):
            continue
        was = _form(member)
        other = offered.get(name)
        if other is None:
            yield Gap(name, f"the {was} is missing", f"offer {_article(was)} {name}")
            continue
        now = _form(other)
        if was != now:
            yield Gap(name, f"was {_article(was)}, is {_article(now)}", _conversion(name, was, now))
        before, after = _callable(member), _callable(other)
        if before is not None and after is not None:
            yield from _calls(name, _parameters(before), _parameters(after), {})


def _conversion(name: str, was: Form, now: Form) -> str:
    if (was, now) == (Form.METHOD, Form.COROUTINE):
        return f"callers of {name} have to await it"
    if (was, now) == (Form.COROUTINE, Form.METHOD):
        return f"offer a coroutine {name} that calls it"
    return f"offer {_article(was)} {name}"


def _article(form: Form) -> str:
    return f"an {form}" if form is Form.ATTRIBUTE else f"a {form}"


def _form(member: griffe.Object | griffe.Alias) -> Form:
    function = _callable(member)
    if function is not None:
        return Form.COROUTINE if "async" in function.labels else Form.METHOD
    return Form.CLASS if member.kind is griffe.Kind.CLASS else Form.ATTRIBUTE


def _callable(member: griffe.Object | griffe.Alias) -> griffe.Function | None:
    found = member.final_target if isinstance(member, griffe.Alias) else member
    return found if isinstance(found, griffe.Function) else None


def _function(cls: griffe.Class, name: str) -> griffe.Function | None:
    member = cls.all_members.get(name)
    return None if member is None else _callable(member)


def _parameters(function: griffe.Function | None) -> list[griffe.Parameter]:
    """The parameters that callers give."""
    if function is None:
        return []
    given = list(function.parameters)
    bound = isinstance(function.parent, griffe.Class) and "staticmethod" not in function.labels
    return given[1:] if bound and given and given[0].kind in _POSITIONAL else given


def _calls(
    member: str, before: list[griffe.Parameter], after: list[griffe.Parameter], arguments: Mapping[str, str]
) -> Iterator[Gap]:
    """Calls that the parameters ``before`` take and those ``after`` refuse, or take otherwise."""
    offered = {parameter.name: parameter for parameter in after}
    takes_any = {parameter.kind for parameter in after}
    places = _places(after)
    for place, parameter in enumerate(before):
        if _many(parameter):
            if parameter.kind not in takes_any:
                yield Gap(member, f"{_stars(parameter)}{parameter.name} is gone", "more arguments are refused")
            continue
        name = arguments.get(parameter.name, parameter.name)
        now = offered.get(name)
        if now is None or _many(now):
            if not _swallowed(parameter, takes_any):
                yield Gap(member, f"parameter {parameter.name} is gone", f"take {parameter.name}, and drop or map it")
            continue
        said = parameter.name if name == parameter.name else f"{parameter.name} -> {name}"
        yield from _parameter(member, said, parameter, now)
        if parameter.kind in _POSITIONAL and now.kind in _POSITIONAL and places[name] != place:
            yield Gap(member, f"parameter {said} was number {place + 1}, is number {places[name] + 1}", "pass by name")
    mapped = {arguments.get(parameter.name, parameter.name) for parameter in before}
    for parameter in after:
        if parameter.name not in mapped and _required(parameter):
            yield Gap(member, f"parameter {parameter.name} is new and required", f"supply {parameter.name}")


def _parameter(member: str, said: str, was: griffe.Parameter, now: griffe.Parameter) -> Iterator[Gap]:
    if was.kind in _POSITIONAL and now.kind not in _POSITIONAL:
        yield Gap(member, f"parameter {said} can only be given by name", "pass it by name")
    if was.kind in _NAMED and now.kind not in _NAMED:
        yield Gap(member, f"parameter {said} can only be given by position", "pass it by position")
    if _required(now) and not _required(was):
        yield Gap(member, f"parameter {said} is required now", f"give {was.default} where it is left out")
    elif was.default != now.default and not _required(was):
        yield Gap(
            member,
            f"the default of parameter {said} was {was.default}, is {now.default}",
            f"give {was.default} where it is left out",
        )


def _places(parameters: list[griffe.Parameter]) -> dict[str, int]:
    return {parameter.name: place for place, parameter in enumerate(parameters)}


def _many(parameter: griffe.Parameter) -> bool:
    return parameter.kind in (griffe.ParameterKind.var_positional, griffe.ParameterKind.var_keyword)


def _stars(parameter: griffe.Parameter) -> str:
    return "*" if parameter.kind is griffe.ParameterKind.var_positional else "**"


def _swallowed(parameter: griffe.Parameter, takes_any: set[Any]) -> bool:
    by_place = parameter.kind not in _POSITIONAL or griffe.ParameterKind.var_positional in takes_any
    by_name = parameter.kind not in _NAMED or griffe.ParameterKind.var_keyword in takes_any
    return by_place and by_name


def _required(parameter: griffe.Parameter) -> bool:
    return parameter.default is None and not _many(parameter)
