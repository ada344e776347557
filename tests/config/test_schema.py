"""The JSON Schema says what the reader takes: it is made by the reader, every example fits it, and mistakes don't."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from isolation_audit import ConfigError
from isolation_audit.config import Config, model, parse_config
from isolation_audit.config.schema import config_schema

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "reference/configuration.md", DOCS / "howto/config-from-your-code.md"]
EXAMPLES = [
    example
    for page in PAGES
    for example in re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
]
SCHEMA = config_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def plain(text: str) -> object:
    """TOML as JSON has it: dates are text."""
    return json.loads(json.dumps(tomllib.loads(text), default=str))


def test_the_committed_schema_is_the_generated_one() -> None:
    committed = json.loads((DOCS / "reference/configuration.schema.json").read_text(encoding="utf-8"))
    assert committed == SCHEMA, "run `make docs`"
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_documented_configuration_fits(example: str) -> None:
    VALIDATOR.validate(plain(example))


def test_every_table_is_in_it_with_every_key() -> None:
    assert set(SCHEMA["properties"]) == {field.name for field in dataclasses.fields(Config)} - {"source"}
    for name, table in (
        ("limits", model.Limits),
        ("otlp", model.Otlp),
        ("report", model.Report),
        ("watch", model.Watch),
    ):
        keys = SCHEMA["properties"][name]["properties"]
        assert set(keys) == {field.name for field in dataclasses.fields(table)}
        defaults = {field.name: getattr(table(), field.name) for field in dataclasses.fields(table)}
        assert {key: schema["default"] for key, schema in keys.items() if "default" in schema} == {
            name: value for name, value in defaults.items() if isinstance(value, (str, int, float))
        }


@pytest.mark.parametrize(
    "mistake",
    [
        "[prometheus]\nprot = 9464",
        '[prometheus]\nport = "9464"',
        "[audit]\ndepth = 'deep'",
        "[[engines]]\nowner = 'args.user'",
        "[engines]\ntarget = 'app:Engine'",
        "[[emitters]]\ntarget = 'app:Emitter'\nmethods = 3",
        "[exporters.loki]\nurl = { host = 'localhost' }",
        "[nothing]\nkey = 1",
    ],
)
def test_what_the_reader_refuses_for_its_form_does_not_fit(mistake: str) -> None:
    with pytest.raises(ConfigError):
        parse_config(tomllib.loads(mistake))
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(plain(mistake))
