"""The JSON Schema of the configuration, for editors, made from the declared options."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.texts import plain
from isolation_audit.config.extraction import Extraction
from isolation_audit.config.kinds import METHOD_GLOB
from isolation_audit.config.model import Config
from isolation_audit.config.options import (
    Entries,
    Form,
    Many,
    Named,
    One,
    OwnName,
    Pairs,
    Reading,
    Rest,
    Section,
    kind_at,
    options,
)
from isolation_audit.config.values import Target

if TYPE_CHECKING:
    from isolation_audit.config.kinds import Kind
    from isolation_audit.config.options import AnyKind, Option

Schema = dict[str, Any]

_TYPES: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
    dt.date: "string",
}
ANYWHERE: Final = Reading(None, Extraction(), Target("app.engine", "Engine"))
"""Stands in for what is known only when a file is read."""


def config_schema() -> Schema:
    """The schema of a whole file (JSON Schema, draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of isolation-audit: isolation-audit.toml",
        **_table(Config),
    }


def _table(cls: type) -> Schema:
    properties: dict[str, Schema] = {}
    others: Schema | bool = False
    required = []
    for name, declared, default in options(cls):
        key = declared.key or name
        if isinstance(declared.form, Rest):
            others = _value(declared.form.kind)
        elif not isinstance(declared.form, OwnName):
            properties[key] = _of_form(declared.form) | _described(declared)
            if getattr(declared.form, "required", False):
                required.append(key)
            else:
                properties[key] |= _default(default)
    made: Schema = {"type": "object", "properties": properties, "additionalProperties": others}
    return {**made, "required": required} if required else made


def _of_form(form: Form) -> Schema:
    match form:
        case One(kind):
            return _value(kind)
        case Many(kind):
            return _list_of(_value(kind))
        case Pairs(_, value):
            return {"type": "object", "additionalProperties": _value(value)}
        case Section(table):
            return _table(table)
        case Entries(table):
            return {"type": "array", "items": _table(table)}
        case Named(table):
            return {"type": "object", "additionalProperties": _table(table)}
        case _:  # the events of methods: a table, or globs alone
            events = {"type": "object", "additionalProperties": _value(ANYWHERE.paths.event())}
            return {"anyOf": [events, *_list_of(_value(METHOD_GLOB))["anyOf"]]}


def _list_of(value: Schema) -> Schema:
    return {"anyOf": [value, {"type": "array", "items": value}]}


def _value(kind: AnyKind) -> Schema:
    kind = kind_at(kind, ANYWHERE)
    types = sorted({_TYPES[one] for one in kind.accepts if one in _TYPES})
    made: Schema = {"type": types[0] if len(types) == 1 else types, "title": _form_of(kind)}
    return {**made, "enum": list(kind.words)} if kind.words else made


def _form_of(kind: Kind[Any]) -> str:
    return f"{kind.noun}, such as {kind.example}"


def _described(declared: Option) -> Schema:
    """What the option means, as plain text: an editor shows no links of ours."""
    if not declared.meaning:
        return {}
    return {"description": f"{plain(declared.meaning)} (since {declared.since})"}


def _default(value: object) -> Schema:
    if isinstance(value, (str, int, float)):
        return {"default": value}
    if isinstance(value, tuple) and value and all(isinstance(one, str) for one in value):
        return {"default": list(value)}
    return {}
