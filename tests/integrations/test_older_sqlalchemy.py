"""SQLAlchemy before 1.4, which many applications still have: its rows are inputs, and nothing of it makes us fail."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from doors import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json, sys
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config

with Auditor(parse_config({})) as auditor:
    import sqlalchemy as sa
    from sqlalchemy.ext.declarative import declarative_base
    from sqlalchemy.orm import sessionmaker
    from flask import Flask, request

    Base = declarative_base()

    class Note(Base):
        __tablename__ = "notes"
        id = sa.Column(sa.Integer, primary_key=True)
        owner = sa.Column(sa.String)

    engine = sa.create_engine(f"sqlite:///{sys.argv[1]}/notes.db")
    Base.metadata.create_all(engine)
    Session = sessionmaker(bind=engine)
    app = Flask(__name__)
    last = []

    @app.post("/notes")
    def add():
        session = Session()
        session.add(Note(owner=request.headers["x-user"]))
        session.commit()
        session.close()
        last.append(request.headers["x-user"])
        return {}

    @app.get("/notes")
    def read():
        session = Session()
        owners = [note.owner for note in session.query(Note).order_by(Note.id)]
        session.close()
        return {"owners": owners}

    @app.get("/first")
    def first():
        with engine.connect() as connection:
            return {"owner": connection.execute("select owner from notes order by id").fetchone()[0]}

    @app.get("/last")
    def leak():
        return {"owner": last[0]}

    client = app.test_client()
    for user in ("alice", "bob"):
        client.post("/notes", headers={"x-user": user})
    for path in ("/notes", "/first", "/last"):
        client.get(path, headers={"x-user": "bob"})
    report = auditor.snapshot()
found = [[one["rule"], one["severity"], one.get("route")] for one in report["findings"]]
print(json.dumps([sa.__version__, report["summary"]["faults"], sorted(found)]))
"""


@pytest.mark.long
@pytest.mark.parametrize("version", ["1.3.24", "1.4.54"])
def test_rows_of_older_versions_are_inputs(version: str, tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--target", str(packages)]
    subprocess.run([*pip, "--no-deps", f"sqlalchemy=={version}"], check=True, timeout=300)
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(tmp_path / "program.py"), str(tmp_path)],
        env=clean_environment(PYTHONPATH=str(packages)),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    used, faults, found = json.loads(done.stdout.splitlines()[-1])
    assert (used, faults) == (version, 0)
    assert found == [["IA203", "error", "/last"], ["IA209", "note", "/first"], ["IA209", "note", "/notes"]]
