"""Extraction paths: where in a call to read a user, an id, an event name or a payload.

Grammar::

    path    = [binding ":"] root step*  |  "everyone"
    root    = "args." NAME | "args[" N "]" | "kw." NAME | "self" | "return"
    step    = "." NAME | "[" (INTEGER | STRING | key) "]"
    key     = ("args." NAME | "args[" N "]" | "kw." NAME | "self.") step*, the value of which is the key
    binding = a name declared under identity.bind, such as run_id

``args.NAME`` finds a parameter by name however it was passed; ``kw.NAME`` is another spelling of it. In an overriding
method that names it otherwise, it is the parameter at the same position.
A path is data: it is parsed into steps and never evaluated as code.
"""

from __future__ import annotations

import keyword
from enum import Enum
from typing import TYPE_CHECKING

from isolation_audit.analysis.patterns import pattern
from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    import re


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


@dataclass(frozen=True, slots=True)
class Lookup:
    """``[args.room]``: the item whose key is read from the call."""

    path: Path


Step = Attribute | Item | Lookup


@dataclass(frozen=True, slots=True)
class Path:
    """One parsed path; ``argument`` is a parameter's name or position (0 is the first after ``self``)."""

    text: str
    root: Root
    argument: str | int | None = None
    steps: tuple[Step, ...] = ()
    binding: str | None = None


class PathError(ValueError):
    """The text is not a path: the ``cause``, with the offending part, and the ``remedy``."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause, remedy)
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.cause}; {self.remedy}"


_NAME = pattern(r"[^\W\d]\w*")
_ITEM = pattern(
    r"\[\s*(?:(?P<number>-?[0-9]{1,9})|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<bare>[^\W\d]\w*))\s*\]"
)
_LOOKUP = pattern(r"\[\s*(?P<path>(?:args|kw|self)(?:\.[^\W\d]\w*|\[[^][]*\])+)\s*\]")
_BINDING = pattern(r"(?P<name>[^\W\d]\w*):")
_LONGEST = 500


def parse_path(text: str) -> Path:
    """Parse a path that starts at a call (``args``, ``kw``, ``self``, ``return``), or the word ``everyone``.

    Raises:
        PathError: with the offending part and what was expected instead.
    """
    _check_length(text)
    rest, binding = text, None
    if match := _BINDING.match(rest):
        binding, rest = match["name"], rest[match.end() :]
        if _BINDING.match(rest):
            raise PathError(f"{text!r} looks an id up twice", "keep one binding before the path")
    if rest == "everyone":
        if binding is not None:
            raise PathError(f"{text!r} looks everyone up in a table of ids", "write 'everyone' alone")
        return Path(text, Root.EVERYONE)
    head = _NAME.match(rest)
    word = head[0] if head else ""
    tail = rest[len(word) :]
    if word in ("args", "kw"):
        argument, tail = _argument(text, word, tail)
        return Path(text, Root.ARGUMENT, argument, _steps(text, tail), binding)
    if word == "self":
        return Path(text, Root.SELF, None, _steps(text, tail), binding)
    if word == "return":
        return Path(text, Root.RETURN, None, _steps(text, tail), binding)
    cause = f"{text!r} starts with {word or rest[:12]!r}, not with args, kw, self or return"
    raise PathError(cause, f"write 'args.{word or 'NAME'}' for a parameter, 'self.{word or 'NAME'}' for an attribute")


def parse_value_path(text: str) -> Path:
    """Parse steps below a value that is already at hand, such as ``user.id`` or ``["sub"]`` below a context.

    Raises:
        PathError: as :func:`parse_path`.
    """
    _check_length(text)
    dotted = text if text.startswith("[") else "." + text
    steps = _steps(text, dotted)
    if any(isinstance(step, Lookup) for step in steps):
        raise PathError(f"{text!r} reads a key from a call, and there is none", "write the key itself")
    return Path(text, Root.VALUE, None, steps)


def _check_length(text: str) -> None:
    if not text:
        raise PathError("the path is empty", "write it like 'args.user_id'")
    if len(text) > _LONGEST:
        raise PathError(f"{text[:40] + '...'!r} is longer than {_LONGEST} characters", "shorten the path")


def _argument(text: str, word: str, tail: str) -> tuple[str | int, str]:
    if match := _ITEM.match(tail):
        if match["number"] is None:
            key = _key(match)
            raise PathError(
                f"{text!r} has {key!r} where a position belongs", f"write '{word}.{key}' for a parameter's name"
            )
        if word == "kw" or int(match["number"]) < 0:
            raise PathError(f"{text!r} has no such position", "count parameters from args[0], the first after self")
        return int(match["number"]), tail[match.end() :]
    match = _NAME.match(tail, 1) if tail.startswith(".") else None
    if match is None:
        raise PathError(f"{text!r} names no parameter after {word!r}", f"add one, as in '{word}.user_id'")
    return match[0], tail[match.end() :]


def _steps(text: str, tail: str) -> tuple[Step, ...]:
    steps: list[Step] = []
    position = 0
    while position < len(tail):
        if tail[position] == "." and (match := _NAME.match(tail, position + 1)):
            steps.append(_attribute(text, match[0]))
        elif match := _LOOKUP.match(tail, position):
            steps.append(Lookup(parse_path(match["path"])))
        elif match := _ITEM.match(tail, position):
            steps.append(Item(_key(match)))
        else:
            cause = f"{text!r} can't be read from {tail[position:]!r} on"
            raise PathError(cause, "go on with .NAME or [KEY] (calls and operators are not paths)")
        position = match.end()
    return tuple(steps)


def _attribute(text: str, name: str) -> Attribute:
    if keyword.iskeyword(name):
        raise PathError(f"{text!r}: {name!r} is a Python keyword and no attribute", f"write ['{name}'] for an item")
    if name.startswith("__") and not name.endswith("__"):
        raise PathError(f"{text!r}: {name!r} is private to its class", f"write it mangled, as in '_Engine{name}'")
    return Attribute(name)


def _key(match: re.Match[str]) -> str | int:
    if match["number"] is not None:
        return int(match["number"])
    return next(match[name] for name in ("single", "double", "bare") if match[name] is not None)
