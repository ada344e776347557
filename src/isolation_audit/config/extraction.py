"""The kinds of values that say where to read something: paths, bindings' prefixes, event names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from isolation_audit.config.kinds import Kind
from isolation_audit.config.paths import Path, PathError, Root, parse_path, parse_value_path
from isolation_audit.config.problems import Refused, choices, closest, quoted
from isolation_audit.config.values import EventName
from isolation_audit.foundation.records import dataclass

_ROOTS = ("args", "kw", "self", "return")
_RESERVED = (*_ROOTS, "everyone")


def _parse_value_path(text: str) -> Path:
    if match := re.match(r"(args|kw|self|return)\.(?=.)", text):
        rest = text[match.end() :]
        raise Refused(
            f"{quoted(text)} starts at a call, and here the value is already at hand", f"write {quoted(rest)}"
        )
    return _parsed(parse_value_path, text)


def _parse_binding(text: str) -> str:
    if text in _RESERVED:
        raise Refused(f"{text!r} has a meaning of its own in paths", "choose another name for the binding")
    if not text.isidentifier():
        raise Refused(f"{quoted(text)} can't name a binding", "write a Python name, such as run_id")
    return text


VALUE_PATH: Kind[Path] = Kind("a path below the value", '"user.id"', (str,), _parse_value_path)
BINDING: Kind[str] = Kind("a binding's name", "run_id", (str,), _parse_binding)


@dataclass(frozen=True, slots=True)
class Extraction:
    """Makes the kinds of paths; knows the ``bindings`` that identity.bind declares."""

    bindings: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()
    """Names of ``[rooms]``, which an addressee may be looked up in as well."""

    @property
    def made(self) -> Kind[Path]:
        """Whose an object is: readable at its construction, so that ``return``, the object itself, is fine."""
        return self._kind("args.context.user_id", returns=True)

    @property
    def called(self) -> Kind[Path]:
        """For whom a call is: known before it runs, so never from what it returns."""
        return self._kind("args.user_context.user_id")

    @property
    def addressed(self) -> Kind[Path]:
        """To whom something goes, ``everyone`` included."""
        return self._kind("run_id:args.run_id", everyone=True)

    @property
    def content(self) -> Kind[Path]:
        """What is sent: a plain value, not an id to look up."""
        return self._kind("args.data", binding=False)

    def event(self, strip: str = "") -> Kind[EventName]:
        """The event of a method whose glob starts with the literal ``strip``."""
        return Kind(
            "an event", '"*", "args.event_type" or "agent_started"', (str, dict), lambda v: self._event(v, strip)
        )

    def _kind(self, example: str, *, returns: bool = False, everyone: bool = False, binding: bool = True) -> Kind[Path]:
        def parse(text: str) -> Path:
            path = _parsed(parse_path, text)
            if path.root is Root.RETURN and not returns:
                raise Refused(f"{quoted(text)} is known only after the call", "read it from args, kw or self")
            if path.root is Root.EVERYONE and not everyone:
                raise Refused("'everyone' is no single user", "keep it for an emitter's addressee")
            if path.binding and not binding:
                raise Refused(f"{quoted(text)} looks a user up where a value is read", f"leave out '{path.binding}:'")
            if not (everyone and path.binding in self.rooms):
                self._check_binding(path)
            return path

        return Kind("a path", f'"{example}"', (str,), parse)

    def _check_binding(self, path: Path) -> None:
        if path.binding is None or path.binding in self.bindings:
            return
        cause = f"the binding {path.binding!r} is not declared in identity.bind"
        if near := closest(path.binding, self.bindings):
            raise Refused(cause, f"did you mean {near!r}?")
        declared = f" (declared: {choices(self.bindings)})" if self.bindings else ""
        raise Refused(cause + declared, f'add {path.binding} = "..." there')

    def _event(self, value: str | Mapping[str, Any], strip: str) -> EventName:
        if isinstance(value, Mapping):
            name = value.get("name")
            if len(value) != 1 or not isinstance(name, str) or not name.strip():
                raise Refused("is a table without a single name", 'write it like { name = "agent.started" }')
            return EventName(name=name)
        if value == "*":
            return EventName(strip=strip)
        if self._looks_like_path(value):
            return EventName(path=self._kind("args.event_type", binding=False).read(value))
        if re.fullmatch(r"[^\W\d][\w-]*", value):
            return EventName(name=value)
        if re.fullmatch(r"[^\W\d][\w.\[\]]*", value):
            remedy = f"write {quoted('args.' + value)} to read it from the call, or {{ name = {quoted(value)} }}"
            raise Refused(f"{quoted(value)} is neither a path nor a plain event name", remedy)
        remedy = 'write "*", a path such as "args.event_type", a name such as "agent_started", or { name = "..." }'
        raise Refused(f"{quoted(value)} is not an event", remedy)

    def _looks_like_path(self, text: str) -> bool:
        binding, colon, rest = text.partition(":")
        if colon and (binding in self.bindings or _first_word(rest) in _ROOTS):
            return True
        return _first_word(text) in _ROOTS


def literal_prefix(glob: str) -> str:
    """The part of a glob before its first wildcard; a glob without one is a whole name, and keeps it."""
    prefix = re.split(r"[*?\[]", glob, maxsplit=1)[0]
    return "" if prefix == glob else prefix


def _first_word(text: str) -> str:
    return re.split(r"[.\[]", text, maxsplit=1)[0]


def _parsed(parse: Any, text: str) -> Path:
    try:
        path: Path = parse(text)
    except PathError as error:
        raise Refused(error.cause, error.remedy) from None
    return path
