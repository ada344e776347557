"""Whole applications under ``isolation-audit run``, with real servers: what is blind says so, what is not does not."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from doors import SCHEMA, clean_environment, cli

REPORTS = jsonschema.Draft202012Validator(SCHEMA)
SETUPS = Path(__file__).with_name("setups")

BLIND: dict[str, tuple[str, str, str]] = {
    "unknown_framework": ("", "blind", "none of the 3 messages had a known user"),
    "unknown_buffers": ("", "blind", "the program itself on port"),
    "unknown_senders": ("", "blind", "none of the 3 messages had a known user"),
    "unknown_handlers": ("", "blind", "none of the 3 messages had a known user"),
    "unknown_lines": ("", "blind", "none of the 3 messages had a known user"),
    "gunicorn_asgi": ("", "blind", "gunicorn's own ASGI worker is at work and not watched (3 requests)"),
    "eventlet_server": ("", "blind", "eventlet's WSGI server is at work and not watched (3 requests)"),
    "opaque_tokens": ("", "blind", "none of the 3 requests had a known user"),
    "typo_in_a_path": (
        '[[engines]]\ntarget = "blind:Engine"\nowner = ["args.usr_id"]\n',
        "partly blind",  # that all engines are nobody's is IA103
        "args.usr_id of [[engines]] blind:Engine: owner gave no value in 2 call(s)",
    ),
    "silent_scope": (
        '[[scopes]]\ntarget = "blind:work"\nuser = ["args.user.id"]\n',
        "blind",
        "args.user.id of [[scopes]] blind:work: user gave no value in 2 call(s)",
    ),
}

NEEDED = {"eventlet_server": "eventlet", "gunicorn_asgi": "gunicorn.asgi"}
"""The library that they need. Beside eventlet others, as sentry-sdk, import it: it is tried where somebody has it."""

HEALTHY = ("fastapi", "starlette", "django", "flask", "http", "aiohttp", "socketio")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False  # what it would be in is not there


def audited(folder: Path, program: str, name: str, config: str = "", *options: str) -> tuple[dict[str, Any], int, str]:
    words = []
    if config:
        (folder / "isolation-audit.toml").write_text(config)
        words = ["--config", str(folder / "isolation-audit.toml")]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "isolation_audit", "run", *words, *options),
            *("--report", str(folder), "--", str(SETUPS / program), name),
        ],
        env=clean_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    report = json.loads((folder / "report.json").read_text())
    REPORTS.validate(report)
    return report, done.returncode, done.stderr


@pytest.mark.parametrize("name", BLIND)
def test_what_is_not_seen_is_said(tmp_path: Path, name: str) -> None:
    config, verdict, reason = BLIND[name]
    if name in NEEDED and not _is_there(NEEDED[name]):
        pytest.skip(f"{NEEDED[name]} is not installed")
    report, code, shown = audited(tmp_path, "blind.py", name, config, "--fail-on", "partly-blind")
    coverage = report["coverage"]
    assert coverage["verdict"] == verdict, shown
    assert any(row["reason"].startswith(reason) for row in coverage["reasons"]), coverage["reasons"]
    assert code == 4
    assert report["summary"]["findings"]["IA904"] == 1
    first = next(line for line in shown.splitlines() if line.startswith("isolation-audit: ") and "blind" in line)
    assert first.startswith(f"isolation-audit: {verdict}: ")
    assert "remedy: " in shown
    assert "isolation-audit: no findings\n" not in shown


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_seen_is_audited(tmp_path: Path, name: str) -> None:
    pytest.importorskip(name)
    report, code, shown = audited(tmp_path, "healthy.py", name, "", "--fail-on", "partly-blind")
    assert (report["coverage"]["verdict"], report["coverage"]["reasons"], code) == ("audited", [], 0), shown
    assert report["findings"] == []
    kind = "messages" if name == "socketio" else "requests"
    assert report["coverage"][kind]["seen"] >= report["coverage"][kind]["known"] >= 3
    library = {"aiohttp": "aiohttp_web", "fastapi": "starlette", "http": "http_server"}.get(name, name)
    assert report["coverage"]["libraries"].get(library)
    assert "isolation-audit: audited\n" in shown
    assert "isolation-audit: no findings\n" in shown
    gate = cli("gate", str(tmp_path), cwd=tmp_path)
    assert (gate.code, gate.out.decode()) == (0, "the gate is open\n  coverage: audited\n")


def test_a_plain_script_is_idle_and_no_failure(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("print('hello')\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "isolation_audit",
            "run",
            "--fail-on",
            "partly-blind",
            "--report",
            ".",
            "--",
            "plain.py",
        ],
        env=clean_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert json.loads((tmp_path / "report.json").read_text())["coverage"]["verdict"] == "idle"
    assert "isolation-audit: idle: no request" in done.stderr
