"""A running audit for the tests of mechanisms; and whole programs under one that adopts their own ContextVar."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from audited_package import Audited
from auditing import HEAD, Audit, config

from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.rules.provenance import own_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine


@pytest.fixture(autouse=True)
def _nothing_of_an_earlier_file(monkeypatch):
    """The example would be a part of each application here."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "agent_chat":
            monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def audit():
    """A running audit that knows ``auditing.current_user``; at its end the auditor has had no fault."""
    with Auditor(config()) as auditor:
        made = Audit(auditor)
        yield made
    assert made.faults == {}


@dataclass
class Outcome:
    """What ``main()`` gave, and (rule, ambient user, owner, line of code) of each finding."""

    result: Any
    found: list[tuple[str, str | None, str | None, str]]
    auditor: Auditor


@pytest.fixture
def outcome_of(load_app):
    """``outcome_of(source)`` runs the source's ``main()``; the usual imports and ``current_user`` are there already."""

    def run(source: str, config: str = "") -> Outcome:
        text = HEAD + source
        app = load_app(text)
        ambient = f'[ambient]\ncontextvar = "{app.__name__}:current_user"\n[report]\nraw_ids = true\n'
        with Auditor(parse_config(tomllib.loads(ambient + config))) as auditor:
            result = app.main()
        assert auditor.runtime.barrier.counts == {}
        assert sys.getprofile() is None
        lines = text.splitlines()
        found = []
        for entry in auditor.recorder.entries():
            finding, site = entry.finding, entry.finding.site
            if finding.rule == "IA904":
                continue
            own = site is not None and site.top.file == f"{app.__name__}.py"
            line = lines[site.top.line - 1].strip() if own else "" if site is None else site.top.file
            found.append((finding.rule, finding.witnesses.ambient, finding.witnesses.owner, line))
        return Outcome(result, found, auditor)

    return run


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """Where a PostgreSQL of these tests listens; alice and bob have roles of their own, and share a table."""
    from sqlalchemy import create_engine, text

    from postgres_server import postgres_server

    with postgres_server() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (owner text)"))
            connection.execute(text("INSERT INTO orders VALUES ('alice'), ('bob')"))
            connection.execute(text("ALTER TABLE orders ENABLE ROW LEVEL SECURITY"))
            connection.execute(text("CREATE POLICY own ON orders USING (owner = current_setting('app.user_id', true))"))
            for role in ("web", "reports", "alice"):
                connection.execute(text(f"CREATE ROLE {role}"))
                connection.execute(text(f"GRANT SELECT ON orders TO {role}"))
        engine.dispose()
        yield url


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """One connection for all, to a PostgreSQL."""
    from sqlalchemy import create_engine

    made = create_engine(postgres_url, pool_size=1, max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    """The same on SQLite."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import QueuePool

    made = create_engine(f"sqlite:///{tmp_path / 'db'}", poolclass=QueuePool, pool_size=1, max_overflow=0)
    yield made
    made.dispose()


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch):
    """How often the application's own records are looked through goes by the time that it takes: not so in tests."""
    monkeypatch.setattr(own_records, "_SHARE", 0)
    monkeypatch.setattr(own_records, "_NEW", 0)


@pytest.fixture
def application(tmp_path, monkeypatch):
    """A package on the import path, empty at first."""
    monkeypatch.syspath_prepend(tmp_path)
    made = Audited(tmp_path)
    yield made
    made.forget()
