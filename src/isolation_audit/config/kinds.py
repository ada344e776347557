"""The kinds of values that keys take: text, numbers, durations, globs, rule codes, URLs, files.

A kind knows what it is called, an example to show, the TOML types it accepts, and how to turn one into the model's
type. The kinds that name code are next door, in ``targets`` and ``extraction``.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import re
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import urlsplit

from isolation_audit.config.problems import Refused, choices, closest, described, quoted
from isolation_audit.foundation.plugins import RULES, plugins
from isolation_audit.foundation.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PLAIN = (str, int, float, bool)
LARGEST = 1_000_000_000
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One kind of value; ``parse`` sees only values of the ``accepts`` types and raises Refused for the wrong ones."""

    noun: str
    example: str
    accepts: tuple[type, ...]
    parse: Callable[[Any], T]
    may_be_empty: bool = False
    words: tuple[str, ...] = ()
    """All that there are, where the list of them is closed."""

    def read(self, value: object) -> T:
        """The value in the model's type.

        Raises:
            Refused: with the cause and the remedy.
        """
        # bool is an int and datetime a date to Python; to a reader of TOML they are different things.
        strict = bool if isinstance(value, bool) else dt.datetime if isinstance(value, dt.datetime) else None
        if not isinstance(value, self.accepts) or (strict and strict not in self.accepts):
            raise Refused(f"expected {self.noun}, not {described(value)}", f"write it like {self.example}")
        if isinstance(value, str):
            self._check_text(value)
        return self.parse(value)

    def _check_text(self, text: str) -> None:
        if not text.strip() and not (self.may_be_empty and text == ""):
            raise Refused(f"is empty where {self.noun} belongs", f"write it like {self.example}")
        if "\0" in text:
            raise Refused("contains a NUL character", "leave it out")


def choice(noun: str, *known: str) -> Kind[Any]:
    """One word of a closed list."""

    def parse(text: str) -> str:
        if text in known:
            return text
        near = closest(text, known) or next((name for name in known if text and name.startswith(text)), None)
        remedy = f"did you mean {near!r}?" if near else f"choose from {choices(known)}"
        raise Refused(f"{quoted(text)} is not {noun}", remedy)

    return Kind(noun, f'"{known[0]}"', (str,), parse, words=known)


def integer(low: int, high: int, example: int) -> Kind[int]:
    """A whole number from ``low`` to ``high``."""

    def parse(number: int) -> int:
        if low <= number <= high:
            return number
        raise Refused(f"{described(number)} is out of range", f"choose from {low} to {high}, such as {example}")

    return Kind("an integer", str(example), (int,), parse)


def file_path(folder: FilePath | None) -> Kind[FilePath]:
    """A file or a folder; relative ones count from ``folder``, ``~`` is the user's home."""

    def parse(text: str) -> FilePath:
        try:
            path = FilePath(text).expanduser()
        except RuntimeError:
            raise Refused(f"{quoted(text)} names a home folder that can't be found", "write the full path") from None
        return folder / path if folder else path

    return Kind("a path", '"isolation-report"', (str,), parse)


def name(noun: str, example: str) -> Kind[str]:
    """A Python name."""

    def parse(text: str) -> str:
        if text.isidentifier():
            return text
        raise Refused(f"{quoted(text)} is not {noun}", f"write a Python name, such as {example}")

    return Kind(noun, f'"{example}"', (str,), parse)


def _parse_package(text: str) -> str:
    if all(part.isidentifier() for part in text.split(".")):
        return text
    raise Refused(f"{quoted(text)} can't be imported", "write the name of a package or module, as in an import")


def _parse_duration(value: str | float) -> float:
    if isinstance(value, str):
        match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?(ms|s|m|h)", value)
        if match is None:
            raise Refused(
                f"{quoted(value)} is not a duration", 'write a number and a unit: "500ms", "60s", "2m" or "1h"'
            )
        from fractions import Fraction  # because 7 * 0.001 as floats is not 0.007

        value = float(Fraction(match[1]) * _MILLISECONDS[match[2]] / 1_000)
    if not 0 < value <= LARGEST:
        raise Refused(f"{described(value)} is no usable number of seconds", 'choose more than zero, such as "60s"')
    return float(value)


def _parse_glob(text: str) -> str:
    if text.count("[") != text.count("]"):
        raise Refused(f"{quoted(text)} has a bracket without its partner", "close it, as in '[a-z]*'")
    return text


def _parse_file_glob(text: str) -> str:
    if "\\" in text:
        raise Refused(f"{quoted(text)} has a backslash", "separate folders by slashes, as in 'app/legacy/**'")
    if text.startswith(("/", "~", "../", "./")):
        raise Refused(f"{quoted(text)} does not start in the configuration's folder", "write it like 'app/legacy/**'")
    return _parse_glob(text)


def _parse_file_globs(value: str | list[object]) -> tuple[str, ...]:
    return tuple([FILE_GLOB.read(item) for item in ([value] if isinstance(value, str) else value)])


def _parse_principal_glob(text: str) -> str:
    if not text.strip("*?"):
        raise Refused(f"{quoted(text)} matches every user, and would silence the audit", "name the users meant")
    return _parse_glob(text)


def _parse_method_glob(text: str) -> str:
    if re.fullmatch(r"[\w*?\[\]!-]+", text):
        return _parse_glob(text)
    raise Refused(f"{quoted(text)} can't match a method", 'write a name with wildcards, such as "emit_*"')


def _parse_plain(value: object) -> object:
    if not isinstance(value, (list, tuple)):
        return value
    if any(not isinstance(one, _PLAIN) for one in value):
        raise Refused("is a list of more than plain values", 'write it like ["first", "second"]')
    return tuple(value)


def _parse_code(text: str) -> str:
    if any(fnmatch.fnmatchcase(f"IA{number}", text) for number in range(100, 1000)):
        return text
    others = (one.name for one in plugins(RULES) if one.name != "IA")
    if any(re.fullmatch(rf"{re.escape(prefix)}[\d*?\[\]-]+", text) for prefix in others):
        return text  # of another package, whose rules are known when it is loaded
    upper = text.strip().upper()
    if re.fullmatch(r"IA[1-9]\d\d", upper):
        raise Refused(f"{quoted(text)} is not a rule", f"did you mean {upper!r}?")
    raise Refused(f"{quoted(text)} matches no rule", 'write a code such as "IA201", or a glob such as "IA2*"')


def _parse_url(text: str) -> str:
    remedy = 'write it like "http://localhost:4317"'
    kept = re.split(r"[?#]", text.rpartition("@")[2], maxsplit=1)[0]  # credentials stay out of messages
    shown = quoted(kept if "@" not in text else f"...@{kept}")
    try:
        url = urlsplit(text)
        well_formed = bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        well_formed = False
    else:
        if url.scheme not in ("http", "https"):
            raise Refused(f"{shown} is not an http or https URL", remedy)
    if not well_formed or not text.isprintable() or " " in text:
        raise Refused(f"{shown} is not a URL with a host", remedy)
    return text


def _parse_store(text: str) -> str:
    # Nothing of the text is shown: it may hold a password, also where it is no URL.
    remedy = 'write it like "redis://127.0.0.1:6379/0"'
    try:
        url = urlsplit(text)
        well_formed = bool(url.path if url.scheme == "unix" else url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        well_formed = False
    else:
        if url.scheme not in ("redis", "rediss", "unix"):
            raise Refused("is not a redis, rediss or unix URL", remedy)
    database = url.path.strip("/") if well_formed and url.scheme != "unix" else ""
    if not well_formed or not text.isprintable() or " " in text or (database and not database.isdecimal()):
        raise Refused("is not the URL of a Redis database", remedy)
    return text


def _parse_address(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if match := re.fullmatch(r"(?:\w+://)?\[?(.*?)\]?:(\d+)/?", text):
        remedy = f"write only {match[1]!r} here, and port = {match[2]} beside it"
        raise Refused(f"{quoted(text)} is more than an address", remedy)
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})", text):
        return text
    raise Refused(f"{quoted(text)} is neither an address nor a host name", 'write it like "127.0.0.1" or "0.0.0.0"')


def _parse_header_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", text):
        return text
    raise Refused(f"{quoted(text)} can't name a header", 'use letters, digits and hyphens, such as "authorization"')


def _parse_header_value(text: str) -> str:
    if text.isprintable() and text.isascii():
        return text
    raise Refused("has characters that a header can't carry", "use printable ASCII on one line")


def _parse_order(text: str) -> str:
    from isolation_audit.analysis.orders import OrderError, compile_order

    try:
        compile_order(text)
    except OrderError as error:
        raise Refused(f"is no order: {error}", "write it like 'started (thinking | working)* done'") from None
    return text


TEXT: Kind[str] = Kind("text", '"..."', (str,), str)
PLAIN: Kind[object] = Kind("a plain value or a list", '"..."', (*_PLAIN, list, tuple), _parse_plain, may_be_empty=True)
BOOLEAN: Kind[bool] = Kind("a boolean", "true", (bool,), bool)
COUNT = integer(1, LARGEST, 1000)
PORT = integer(0, 65535, 9464)
DURATION: Kind[float] = Kind("a duration", '"60s"', (str, int, float), _parse_duration)
DATE: Kind[dt.date] = Kind("a date", "2027-06-30 (no quotes, no time)", (dt.date,), lambda value: value)
GLOB: Kind[str] = Kind("a glob", '"agent_*"', (str,), _parse_glob)
FILE_GLOB: Kind[str] = Kind("a glob of files", '"app/legacy/**"', (str,), _parse_file_glob)
FILE_GLOBS: Kind[tuple[str, ...]] = Kind("globs of files", '["app/legacy/**"]', (str, list), _parse_file_globs)
PHASE: Kind[str] = Kind("a phase's name", '"P0"', (str,), str)
PRINCIPAL_GLOB: Kind[str] = Kind("a glob of users", '"service:*"', (str,), _parse_principal_glob)
METHOD_GLOB: Kind[str] = Kind("a glob of methods", '"emit_*"', (str,), _parse_method_glob)
FIELD: Kind[str] = Kind("a field's name", '"mentions"', (str,), str)
PACKAGE: Kind[str] = Kind("a package", '"marshmallow"', (str,), _parse_package)
METHOD = name("a method's name", "cleanup")
PARAMETER = name("a parameter's name", "user_context")
PARAMETER_OR_NONE = replace(PARAMETER, parse=lambda text: text and PARAMETER.parse(text), may_be_empty=True)
"""An empty text says that an argument is left out."""
CODE: Kind[str] = Kind("a rule code or a glob of codes", '"IA201"', (str,), _parse_code)
URL: Kind[str] = Kind("a URL", '"http://localhost:4317"', (str,), _parse_url)
STORE: Kind[str] = Kind("the URL of a store", '"redis://127.0.0.1:6379/0"', (str,), _parse_store)
ADDRESS: Kind[str] = Kind("an address", '"127.0.0.1"', (str,), _parse_address)
HEADER: Kind[str] = Kind("a header's name", '"authorization"', (str,), _parse_header_name)
HEADER_VALUE: Kind[str] = Kind("a header's value", '"..."', (str,), _parse_header_value)
ORDER: Kind[str] = Kind("an order of events", '"started working* done"', (str,), _parse_order)
DEPTH = choice("a depth", "calls", "state", "heap")
