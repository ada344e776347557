"""Reading configuration files."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, TypeVar

from isolation_audit.config.build import build_config
from isolation_audit.config.checks import check
from isolation_audit.config.finding import (
    CONFIG_VARIABLE,
    DEPTH_VARIABLE,
    FILE_NAME,
    LARGEST_FILE,
    PYPROJECT,
    STORE_VARIABLE,
    TABLE,
)
from isolation_audit.config.kinds import DEPTH, STORE
from isolation_audit.config.locator import DEEPEST, Lines, Place
from isolation_audit.config.problems import Problems, Refused, closest, display_name, problem, quoted, type_name
from isolation_audit.config.table import Table
from isolation_audit.exceptions import ConfigError

if TYPE_CHECKING:
    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.model import Config

T = TypeVar("T")

_SYNTAX_REMEDIES = {
    "Cannot overwrite a value": "the key is there twice; keep one of them",
    "Cannot declare": "a table is there twice; lists of tables need double brackets, as in [[engines]]",
    "Cannot mutate": "the key is there twice; keep one of them",
    "Invalid value": "put quotes around text, and write booleans as true and false",
    "Unescaped '\\'": "double the backslash, or use single quotes",
    "Illegal character": "close the quotes on this line, or escape the character",
    "Unterminated string": "close the quotes",
    'Expected "\'"': "close the quotes",
    "Unclosed array": "close the list with ] and put commas between its items",
    "Unclosed inline table": "keep an inline table on one line, with commas between its keys",
}


def load_config(path: FilePath | str) -> Config:
    """Read a configuration file: its own, or the table ``[tool.isolation_audit]`` of a ``pyproject.toml``.

    ISOLATION_AUDIT_DEPTH takes the place of ``audit.depth``, ISOLATION_AUDIT_STORE that of ``bindings.store``.

    Raises:
        ConfigError: with every problem found.
    """
    file = FilePath(path)
    text = _read_text(file)
    lines = Lines(text)
    if lines.too_deep:
        cause = f"nests more than {DEEPEST} levels"
        raise ConfigError(
            [problem(display_name(file), lines.too_deep, "syntax", cause, "flatten the tables and lists")]
        )
    table = _parse_toml(file, text)
    prefix: Place = ()
    if file.name == PYPROJECT:
        table, prefix = _our_table(file, table, lines), TABLE
    if not table:
        raise _refused(file, "says nothing", "declare at least one target, such as [[engines]]")
    return parse_config(table, file, lines, prefix=prefix, environ=os.environ)


def parse_config(
    table: Mapping[str, Any],
    source: FilePath | str | None = None,
    text: str | Lines | None = None,
    *,
    prefix: Place = (),
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Build a configuration from a parsed TOML table.

    ``source`` is the file it came from: messages name it, and relative paths count from its folder. ``text`` is that
    file's text, or the lines found in it, for line numbers, and ``prefix`` the table of it that ``table`` is.
    ``environ`` may override keys; leave it out to depend on the table alone.

    Raises:
        ConfigError: with every problem found.
    """
    file = None if source is None else FilePath(source)
    problems = Problems(file, Lines(text) if isinstance(text, str) else text, prefix)
    if not isinstance(table, Mapping):
        problems.add((), f"expected a table, not {type_name(table)}", "pass what tomllib.loads returns")
        table = {}
    config = Table(table, (), problems).build(lambda top: build_config(top, file))
    check(config, problems)
    config = _overridden(config, environ or {}, problems)
    problems.raise_if_any()
    return config


def _overridden(config: Config, environ: Mapping[str, str], problems: Problems) -> Config:
    """What environment variables say takes the place of what the file says."""
    depth = _from_environment(DEPTH_VARIABLE, DEPTH, environ, problems)
    store = _from_environment(STORE_VARIABLE, STORE, environ, problems)
    if depth is not None:
        config = replace(config, audit=replace(config.audit, depth=depth))
    if store is not None:
        config = replace(config, bindings=replace(config.bindings, store=store))
    return config


def _from_environment(variable: str, kind: Kind[T], environ: Mapping[str, str], problems: Problems) -> T | None:
    if not (value := environ.get(variable)):
        return None
    try:
        return kind.read(value)
    except Refused as refused:
        problems.add_foreign("environment", variable, refused.cause, refused.remedy)
        return None


def _read_text(file: FilePath) -> str:
    try:
        content = _read_bytes(file)
    except FileNotFoundError:
        remedy = f"create it, or name another one with --config or {CONFIG_VARIABLE}"
        raise _refused(file, "does not exist", remedy) from None
    except PermissionError:
        raise _refused(file, "can't be read for lack of permission", "let this user read it (chmod +r)") from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise _refused(file, f"can't be read ({reason})", "check the path") from None
    if len(content) > LARGEST_FILE:
        raise _refused(file, "is larger than 1 MiB", "check that it is the configuration; split off what is not")
    if b"\0" in content:
        raise _refused(file, "is not text (it has NUL bytes)", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = problem(display_name(file), line, "file", "is not UTF-8 here", "save it as UTF-8")
        raise ConfigError([message]) from None
    if not text.strip():
        raise _refused(file, "is empty", "declare at least one target, such as [[engines]]")
    return text


def _read_bytes(file: FilePath) -> bytes:
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise _refused(file, "is a folder", f"name the file in it, such as {FILE_NAME}")
    if not stat.S_ISREG(mode):
        raise _refused(file, "is not a regular file", "copy its content to a file, and name that one")
    with file.open("rb") as stream:
        return stream.read(LARGEST_FILE + 1)


def _parse_toml(file: FilePath, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError, OverflowError) as error:
        message = str(error)
    line, column = None, ""
    if match := re.search(r" \(at line (\d+), column (\d+)\)$", message):
        line, column = int(match[1]), f" at column {match[2]}"
        message = message[: match.start()]
    elif message.endswith(" (at end of document)"):
        line, column = text.count("\n") + 1, ", where the file ends"
        message = message.removesuffix(" (at end of document)")
    remedy = next((text for start, text in _SYNTAX_REMEDIES.items() if message.startswith(start)), None)
    cause = f"not TOML: {message[:1].lower()}{message[1:]}{column}"
    raise ConfigError(
        [
            problem(
                display_name(file), line, "syntax", cause, remedy or "mend it there (https://toml.io shows the syntax)"
            )
        ]
    )


def _our_table(file: FilePath, document: Mapping[str, Any], lines: Lines) -> dict[str, Any]:
    tool = document.get("tool")
    ours = tool.get(TABLE[1]) if isinstance(tool, dict) else None
    if isinstance(ours, dict):
        return ours
    name = display_name(file)
    if ours is not None:
        cause = f"expected a table, not {type_name(ours)}"
        raise ConfigError(
            [problem(name, lines.find(TABLE), "tool.isolation_audit", cause, "write [tool.isolation_audit]")]
        )
    if near := closest(TABLE[1], tool if isinstance(tool, dict) else ()):
        line = lines.find(("tool", near))
        raise ConfigError(
            [problem(name, line, f"tool.{near}", f"unknown table {quoted(near)}", "did you mean 'isolation_audit'?")]
        )
    raise _refused(file, "has no table [tool.isolation_audit]", f"add it, or name an {FILE_NAME}")


def _refused(file: FilePath, cause: str, remedy: str) -> ConfigError:
    return ConfigError([problem(display_name(file), None, "file", cause, remedy)])
