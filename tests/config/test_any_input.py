"""Whatever comes in, a Config or a ConfigError comes out."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from isolation_audit.config import Config, load_config, parse_config
from isolation_audit.exceptions import ConfigError

WORDS = [
    "ambient",
    "identity",
    "engines",
    "deprecations",
    "factories",
    "emitters",
    "scopes",
    "shared",
    "protocols",
    "audit",
    "report",
    "prometheus",
    "otlp",
    "journal",
    "limits",
    "select",
    "contextvar",
    "user_id",
    "context_types",
    "placeholders",
    "system",
    "bind",
    "id_types",
    "target",
    "owner",
    "subclasses",
    "exclude",
    "optional",
    "constructors",
    "constructor",
    "origins",
    "methods",
    "requires",
    "service_levels",
    "first_event",
    "run",
    "cleanup",
    "replacement",
    "await",
    "arguments",
    "reason",
    "deadline",
    "builds",
    "canonical",
    "addressee",
    "event",
    "broadcast",
    "public",
    "payload",
    "layer",
    "user",
    "policy",
    "key",
    "order",
    "timeout",
    "depth",
    "directory",
    "terminal",
    "color",
    "raw_ids",
    "port",
    "address",
    "endpoint",
    "protocol",
    "headers",
    "service_name",
    "path",
    "findings",
    "users",
    "stack",
    "enable",
    "disable",
    "severity",
    "name",
    "run_id",
]
VALUES = [
    "app:Engine",
    "app.old",
    "app/engine.py:X",
    "args.user",
    "self.user",
    "return.user",
    "run_id:args.run_id",
    "everyone",
    "*",
    "emit_*",
    "IA101",
    "IA2*",
    "guard",
    "allow",
    "60s",
    "5m",
    "http://localhost:1",
    "http://[",
    "127.0.0.1:80",
    "grpc",
    "str",
    "a(b|c)*",
    "__init__",
    "app:E.__init__",
    "app:E.__x",
    "~x",
    "~",
]

words = st.sampled_from(WORDS) | st.text(max_size=6)
leaves = st.one_of(
    st.sampled_from(VALUES),
    st.text(max_size=20),
    st.integers(),
    st.integers(min_value=10**4400, max_value=10**4401),
    st.booleans(),
    st.floats(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.times(),
    st.none(),
    st.binary(max_size=3),
)
tables = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.integers(), inner, max_size=6),
    max_leaves=30,
)


def check_outcome(read: Any) -> None:
    problems: list[str] = []
    try:
        outcome = read()
    except ConfigError as error:
        outcome, problems = None, error.problems
    if outcome is None:
        assert problems
        assert all(problem.isprintable() and "; " in problem for problem in problems)
    else:
        assert isinstance(outcome, Config)
        hash(outcome)


@given(st.dictionaries(words, tables, max_size=6) | tables)
@settings(max_examples=400, deadline=None)
def test_any_table(table: Any) -> None:
    check_outcome(lambda: parse_config(table, "isolation-audit.toml", "[audit]\n"))


@given(
    st.sampled_from(WORDS[:16]), st.dictionaries(st.sampled_from(WORDS[16:]), tables | leaves, min_size=1, max_size=5)
)
@settings(max_examples=400, deadline=None)
def test_any_table_of_ours(name: str, inner: Any) -> None:
    check_outcome(lambda: parse_config({name: inner}))
    check_outcome(lambda: parse_config({name: [inner]}))


@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
    | st.lists(
        st.sampled_from([*WORDS, *VALUES, "[", "]", "[[", "]]", "{", "}", "=", '"', "'", '"""', "\n", ".", ",", "1"])
    ).map(lambda parts: " ".join(parts).encode()),
    st.sampled_from(["isolation-audit.toml", "pyproject.toml"]),
)
@settings(max_examples=400, deadline=None)
def test_any_bytes(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = FilePath(folder) / name
        file.write_bytes(content)
        check_outcome(lambda: load_config(file))
