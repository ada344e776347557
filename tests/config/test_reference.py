"""The reference page says what the program does: every key is there, every default is right, every example is read."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path as FilePath

import pytest

from isolation_audit.config import Config, parse_config
from isolation_audit.config.options import Entries, Named, OwnName, Rest, Section, options
from isolation_audit.config.reference import with_options

PAGE = (FilePath(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^## `\[+(?P<name>\w+)[.\w]*\]+`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def test_every_table_has_a_section() -> None:
    assert list(SECTIONS) == [field.name for field in dataclasses.fields(Config)][1:]


def test_the_tables_of_options_are_fresh() -> None:
    assert with_options(PAGE) == PAGE, "run `make docs`"


def test_every_table_of_options_is_shown() -> None:
    shown = set(re.findall(r"^<!-- options of ([\w.]+) -->$", PAGE, re.MULTILINE))
    assert shown == set(SECTIONS) - {"exporters"} | {"ambient.holders", "deprecations.origins"}


def test_a_table_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError, match="nothing"):
        with_options("<!-- options of nothing -->\n<!-- end -->\n")


@pytest.mark.parametrize("key", ["owner", "await", "subclasses", "origins"])
def test_a_key_has_its_row(key: str) -> None:
    (row,) = re.findall(rf"^\| `{key}` \|.*$", SECTIONS["deprecations"].partition("<!-- end -->")[0], re.MULTILINE)
    assert len(re.split(r"(?<!\\)\|", row)) == 7


def test_every_option_means_something() -> None:
    for name, declared, _ in options(Config):
        if isinstance(declared.form, (Section, Entries, Named)):
            for key, inner, _ in options(declared.form.table):
                assert inner.meaning or isinstance(inner.form, (OwnName, Rest)), (name, key)


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_is_read(example: str) -> None:
    assert parse_config(tomllib.loads(example)) != Config()


@pytest.mark.parametrize("name", ["limits", "prometheus", "report", "audit", "bindings", "watch"])
def test_a_default_that_is_shown_is_what_the_reader_takes(name: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| `([^`]+)` \|", SECTIONS[name], re.MULTILINE)
    written = "\n".join(f"{key} = {default}" for key, default in rows)
    assert rows
    assert parse_config(tomllib.loads(f"[{name}]\n{written}")) == Config()
