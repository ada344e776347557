"""Secrets of the configuration and of users: none of them in any output, and files for their owner's eyes only."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from doors import CONFIG, clean_environment

if TYPE_CHECKING:
    from doors import Project

PASSWORD = "Planted9Password"


def test_a_weak_key_is_told_before_the_program_starts(project: Project) -> None:
    for weak in ("", "staging"):
        done = project.run("-c", "print('up')", environment=clean_environment(ISOLATION_AUDIT_KEY=weak))
        assert (done.code, done.out) == (2, b"")
        assert done.err.startswith("error: ISOLATION_AUDIT_KEY is too easy to guess"), done.err


WATCH = """\
import os, pathlib, shop
import isolation_audit

shop.cross()
isolation_audit.current().flush()
folder = pathlib.Path(os.environ["ISOLATION_AUDIT_REPORT"], "processes")
print(*(oct(one.stat().st_mode & 0o777) for one in (folder, *folder.glob("*.json"))))
"""


def test_files_are_for_their_owner_alone(project: Project) -> None:
    project.write("isolation-audit.toml", CONFIG + '[journal]\npath = "logs/of/journal.jsonl"\n')
    done = project.script(WATCH)
    assert done.code == 0, done.err
    assert done.out.split() == [b"0o700", b"0o600"]
    modes = {
        name: stat.S_IMODE((project.folder / name).stat().st_mode)
        for name in ("out", "out/report.json", "logs", "logs/of", "logs/of/journal.jsonl")
    }
    assert modes == {
        "out": 0o700,
        "out/report.json": 0o600,
        "logs": 0o700,
        "logs/of": 0o700,
        "logs/of/journal.jsonl": 0o600,
    }


def test_passwords_of_addresses_are_in_no_output(project: Project) -> None:
    """Nobody listens at these addresses, which is told; who may log in there is not."""
    project.write(
        "isolation-audit.toml",
        CONFIG
        + f'[otlp]\nendpoint = "http://user:{PASSWORD}@127.0.0.1:9/x?token={PASSWORD}"\nprotocol = "http/protobuf"\n'
        f'[bindings]\nstore = "redis://user:{PASSWORD}@127.0.0.1:9/0"\n',
    )
    done = project.script("import shop, time\nshop.cross()\ntime.sleep(0.5)\n")
    assert done.code == 0, done.err
    assert "http://127.0.0.1:9/x" in done.err
    assert "redis://127.0.0.1:9/0" in done.err
    assert PASSWORD not in done.err
    assert PASSWORD not in (project.folder / "out" / "report.json").read_text()
