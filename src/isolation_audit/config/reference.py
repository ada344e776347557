"""The tables of options in docs/reference/configuration.md, made from the declared options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.kinds import DURATION
from isolation_audit.config.model import Config
from isolation_audit.config.options import (
    Entries,
    Form,
    Many,
    Named,
    One,
    OwnName,
    Pairs,
    Rest,
    Section,
    kind_at,
    options,
)
from isolation_audit.config.schema import ANYWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.options import Option

_MARKED: Final = re.compile(r"(<!-- options of (?P<name>[\w.]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_HEAD: Final = "| key | value | default | since | meaning |\n|---|---|---|---|---|\n"


def with_options(page: str) -> str:
    """``page`` with a fresh table between the marks of each of its tables, ``<!-- options of engines -->``.

    Raises:
        KeyError: the configuration has no table of a name that is marked.
    """
    tables = dict(_tables("", Config))
    return _MARKED.sub(lambda mark: mark[1] + _HEAD + _rows(tables[mark["name"]]) + mark[3], page)


def _tables(above: str, cls: type) -> Iterator[tuple[str, type]]:
    for name, declared, _ in options(cls):
        if isinstance(declared.form, (Section, Entries, Named)):
            yield above + name, declared.form.table
            yield from _tables(f"{above}{name}.", declared.form.table)


def _rows(cls: type) -> str:
    return "".join(
        _row(declared.key or name, declared, default)
        for name, declared, default in options(cls)
        if not isinstance(declared.form, (OwnName, Rest))
    )


def _row(key: str, declared: Option, default: object) -> str:
    cells = (f"`{key}`", _value(declared.form), _default(declared, default), declared.since, declared.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _value(form: Form) -> str:
    match form:
        case One(kind):
            return _words(kind_at(kind, ANYWHERE))
        case Many(kind):
            return "list: " + _words(kind_at(kind, ANYWHERE))
        case Pairs(name, value):
            return f"table: {_words(name)} = {_words(value)}"
        case Entries():
            return "list of tables"
        case _:
            return "table: a glob of methods = an event; or a list of globs"


def _words(kind: Kind[Any]) -> str:
    return "one of " + ", ".join(f'`"{word}"`' for word in kind.words) if kind.words else kind.noun


def _default(declared: Option, default: object) -> str:
    if getattr(declared.form, "required", False):
        return "required"
    if declared.shown is not None:
        return declared.shown
    if isinstance(declared.form, One) and isinstance(default, float):
        return f'`"{_duration(default)}"`'
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    if isinstance(default, int):
        return f"`{default}`"
    if isinstance(default, tuple):
        return "`[" + ", ".join(f'"{one}"' for one in default) + "]`"
    return f'`"{default}"`' if default else "empty"


def _duration(seconds: float) -> str:
    """A number of seconds as people write it, and as the reader of files takes it."""
    for unit, length in (("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        whole = seconds / length
        if whole >= 1 and whole.is_integer() and DURATION.read(text := f"{int(whole)}{unit}") == seconds:
            return text
    return f"{seconds * 1000:g}ms"
