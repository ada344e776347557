"""Extraction paths: where in a call to read a user, an id, an event name or a payload.

Grammar::

    path    = [binding ":"] root step*  |  "everyone"
    root    = "args." NAME | "args[" N "]" | "kw." NAME | "self" | "return"
    step    = "." NAME | "[" (INTEGER | STRING) "]"
    binding = a name declared under identity.bind, such as run_id

``args.NAME`` finds a parameter by name however it was passed; ``kw.NAME`` says the same for readers who think of keywords.
A path is data: it is parsed into steps and never evaluated as code.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from enum import Enum


class Root(Enum):
    """What the first word of a path refers to."""

    ARGUMENT = "args"
    SELF = "self"
    RETURN = "return"
    EVERYONE = "everyone"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Attribute:
    """``.name``: an attribute, or, on a mapping without such an attribute, the item of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """``[key]``: an item of a mapping or a sequence."""

    key: str | int


Step = Attribute | Item


@dataclass(frozen=True, slots=True)
class Path:
    """One parsed path; ``argument`` is a parameter's name or position (0 is the first after ``self``)."""

    text: str
    root: Root
    argument: str | int | None = None
    steps: tuple[Step, ...] = ()
    binding: str | None = None


class PathError(ValueError):
    """The text is not a path; the message says what was expected and where."""


_NAME = re.compile(r"[^\W\d]\w*")
_ITEM = re.compile(r"\[\s*(?:(?P<number>-?\d+)|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\W\d]\w*))\s*\]")
_BINDING = re.compile(r"(?P<name>[^\W\d]\w*):")


def parse_path(text: str) -> Path:
    """Parse a path that starts at a call (``args``, ``kw``, ``self``, ``return``).

    Raises:
        PathError: with the offending part and what was expected instead.
    """
    rest, binding = text, None
    if match := _BINDING.match(rest):
        binding, rest = match["name"], rest[match.end() :]
        if _BINDING.match(rest):
            raise PathError(f"{text!r} looks an id up twice; one binding before the path is enough")
    if rest == "everyone" and binding is None:
        return Path(text, Root.EVERYONE)
    head = _NAME.match(rest)
    word = head[0] if head else ""
    tail = rest[len(word) :]
    if word in ("args", "kw"):
        argument, tail = _argument(text, tail)
        return Path(text, Root.ARGUMENT, argument, _steps(text, tail), binding)
    if word == "self":
        return Path(text, Root.SELF, None, _steps(text, tail), binding)
    if word == "return":
        return Path(text, Root.RETURN, None, _steps(text, tail), binding)
    raise PathError(f"{text!r} must start with args.NAME, kw.NAME, self or return, not {word or rest[:12]!r}")


def parse_value_path(text: str) -> Path:
    """Parse steps below a value that is already at hand, such as ``user.id`` or ``["sub"]`` below a context.

    Raises:
        PathError: as :func:`parse_path`.
    """
    dotted = text if text.startswith("[") else "." + text
    return Path(text, Root.VALUE, None, _steps(text, dotted))


def _argument(text: str, tail: str) -> tuple[str | int, str]:
    if match := _ITEM.match(tail):
        if match["number"] is None:
            raise PathError(f"{text!r}: the item right after args is a position such as args[0]; a name is args.NAME")
        return int(match["number"]), tail[match.end() :]
    match = _NAME.match(tail, 1) if tail.startswith(".") else None
    if match is None:
        raise PathError(f"{text!r} needs a parameter's name after the first word, as in args.user_id")
    return match[0], tail[match.end() :]


def _steps(text: str, tail: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(tail):
        if tail[position] == "." and (match := _NAME.match(tail, position + 1)):
            if keyword.iskeyword(match[0]):
                raise PathError(f"{text!r}: {match[0]!r} is a Python keyword and can't be an attribute")
            steps.append(Attribute(match[0]))
        elif match := _ITEM.match(tail, position):
            steps.append(Item(_key(match)))
        else:
            raise PathError(
                f"{text!r} can't be read from {tail[position:]!r} on: expected .NAME or [KEY]; calls and operators are not paths"
            )
        position = match.end()
    return tuple(steps)


def _key(match: re.Match[str]) -> str | int:
    if match["number"] is not None:
        return int(match["number"])
    return next(match[name] for name in ("single", "double", "bare") if match[name] is not None)
