"""The reference page says what the program does: every key is there, every default is right, every example is read."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path as FilePath

import pytest

from isolation_audit.config import Config, model, parse_config

PAGE = (FilePath(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^## `\[+(?P<name>\w+)[.\w]*\]+`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
TABLES = {
    "ambient": model.Ambient,
    "identity": model.Identity,
    "bindings": model.Bindings,
    "engines": model.Engine,
    "deprecations": model.Deprecation,
    "factories": model.Factory,
    "singletons": model.Singleton,
    "emitters": model.Emitter,
    "rooms": model.Rooms,
    "scopes": model.Scope,
    "users": model.CurrentUser,
    "shared": model.Shared,
    "protocols": model.Protocol,
    "service_levels": model.ServiceLevels,
    "watch": model.Watch,
    "responses": model.Responses,
    "addressees": model.Addressees,
    "integrations": model.Integrations,
    "scan": model.Scan,
    "audit": model.Audit,
    "state": model.State,
    "report": model.Report,
    "prometheus": model.Prometheus,
    "otlp": model.Otlp,
    "journal": model.Journal,
    "exporters": model.Exporter,
    "limits": model.Limits,
    "select": model.Select,
}


def documented(section: str) -> list[str]:
    _, _, rows = SECTIONS[section].partition("|---")
    return re.findall(r"^\| `(\w+)` \|", rows.partition("\n\n")[0], re.MULTILINE)


def test_every_table_has_a_section() -> None:
    assert list(SECTIONS) == list(TABLES) == [field.name for field in dataclasses.fields(Config)][1:]


@pytest.mark.parametrize("name", TABLES)
def test_every_key_is_documented(name: str) -> None:
    keys = [field.name.replace("awaited", "await") for field in dataclasses.fields(TABLES[name])]
    if name in ("protocols", "rooms", "exporters"):
        keys.remove("name")
    if name == "exporters":
        keys.remove("options")
    assert sorted(documented(name)) == sorted(keys)


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_is_read(example: str) -> None:
    assert parse_config(tomllib.loads(example)) != Config()


@pytest.mark.parametrize("name", ["limits", "prometheus", "report", "audit"])
def test_plain_defaults_are_right(name: str) -> None:
    for field in dataclasses.fields(TABLES[name]):
        (row,) = re.findall(rf"^\| `{field.name}` \|.*$", SECTIONS[name], re.MULTILINE)
        default = "none" if field.default is None else str(field.default).lower()
        assert re.search(rf'\| `?"?{re.escape(default)}"?`? \|', row)
