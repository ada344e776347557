"""Integrations are found through entry points, wait for their library, can be switched off, and fail alone."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from isolation_audit import Auditor, integrations
from isolation_audit.config import Config, model

PAGE = (Path(__file__).parents[2] / "docs/reference/integrations.md").read_text(encoding="utf-8")

POSTBOX = """\
class Channel:
    is_open = False

    def put(self, letter):
        return letter
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """``installed(name, source, library)``: a distribution in a folder on the import path, with one integration."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, source: str, **files: str) -> None:
        for file, text in {f"{name}_audit.py": source, **files}.items():
            (tmp_path / file).write_text(text)
        made = tmp_path / f"{name}_audit-1.0.dist-info"
        made.mkdir()
        (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-audit\nVersion: 1.0\n")
        (made / "entry_points.txt").write_text(f"[isolation_audit.integrations]\n{name} = {name}_audit:integration\n")

    yield install
    for module in [name for name in sys.modules if name.startswith("postbox")]:
        del sys.modules[module]


def test_the_documented_integration_of_a_third_party(installed) -> None:
    (example,) = re.findall(r"```python postbox_audit.py\n(.*?)```", PAGE, re.DOTALL)
    assert len(example.splitlines()) <= 45
    installed("postbox", example, **{"postbox.py": POSTBOX})
    with Auditor(Config()) as auditor:
        assert "postbox" not in sys.modules, "the application imports it, or nobody does"
        import postbox  # type: ignore[import-not-found]

        assert postbox.Channel().put("letter") == "letter"
        rows = [row for row in auditor.snapshot()["targets"] if row["target"].startswith("postbox")]
    (entry,) = [entry for entry in auditor.recorder.entries() if entry.finding.rule == "IA307"]
    assert entry.finding.message == "sent on a connection after it had been shut"
    assert entry.finding.site.top.file == __file__
    assert [(row["role"], row["state"]) for row in rows] == [("integration", "applied")]
    assert auditor.runtime.barrier.counts == {}


def test_one_that_breaks_breaks_alone(installed) -> None:
    installed("postbox", "integration = 1 / 0\n")
    with Auditor(Config()) as auditor:
        pass
    assert auditor.runtime.barrier.counts == {"integration postbox": 1}
    assert [one for one in auditor.instrumentation.integrated if one.target.module == "queue"]


NAMELESS = """\
from isolation_audit.integrations import Point
from isolation_audit.instrument.calls.interceptors import Interceptor

class PutPoint(Interceptor):
    def before(self, values):
        raise RuntimeError("and nobody can say where")

class Postbox:
    distribution = since = ""

    def points(self, runtime):
        yield Point("postbox:Channel.put", lambda layout: PutPoint())

integration = Postbox()
"""


def test_a_point_that_does_not_say_where_it_is_is_not_installed(installed) -> None:
    installed("postbox", NAMELESS, **{"postbox.py": POSTBOX})
    with Auditor(Config()) as auditor:
        import postbox  # type: ignore[import-not-found]

        assert postbox.Channel().put("letter") == "letter"
        (row,) = [row for row in auditor.snapshot()["targets"] if row["target"].startswith("postbox")]
    assert row["state"] == "missing"
    assert "'place'" in row["detail"]
    assert auditor.recorder.counts["IA901"] == 1


def test_one_that_is_switched_off_is_not_even_loaded(installed) -> None:
    installed("postbox", "integration = 1 / 0\n")
    with Auditor(Config(integrations=model.Integrations(("postbox",)))) as auditor:
        pass
    assert auditor.runtime.barrier.counts == {}


def test_a_version_that_is_older_than_what_is_known_is_watched_and_says_so(installed, monkeypatch) -> None:
    (example,) = re.findall(r"```python postbox_audit.py\n(.*?)```", PAGE, re.DOTALL)
    installed("postbox", example, **{"postbox.py": POSTBOX})
    monkeypatch.setattr(integrations, "installed", lambda _name: "0.9rc1")
    with Auditor(Config()) as auditor:
        import postbox  # type: ignore[import-not-found]

        assert postbox.Channel().put("letter") == "letter"
        (row,) = [row for row in auditor.snapshot()["targets"] if row["target"].startswith("postbox")]
    assert [entry.finding.rule for entry in auditor.recorder.entries()] == ["IA307"]
    assert (row["state"], row["detail"]) == ("applied", "postbox 0.9rc1 is older than 1.0, the oldest that was tried")


@pytest.mark.parametrize("body", ["    pass\n", "    put = 3\n"])
def test_what_an_older_version_lacks_is_said_and_fails_nothing(installed, monkeypatch, body: str) -> None:
    (example,) = re.findall(r"```python postbox_audit.py\n(.*?)```", PAGE, re.DOTALL)
    installed("postbox", example, **{"postbox.py": "class Channel:\n" + body})
    monkeypatch.setattr(integrations, "installed", lambda _name: "0.9")
    with Auditor(Config()) as auditor:
        import postbox  # type: ignore[import-not-found]  # noqa: F401

        (row,) = [row for row in auditor.snapshot()["targets"] if row["target"].startswith("postbox")]
    assert row["state"] == "absent"
    assert row["detail"].endswith("; postbox 0.9 is older than 1.0, the oldest that was tried")
    assert auditor.recorder.entries() == []


def test_libraries_are_not_imported_and_nobody_else_s_blindness_is_hidden() -> None:
    program = """
import sys
from isolation_audit import Auditor, integrations
from isolation_audit.config import Config
with Auditor(Config()) as auditor:
    assert not {"starlette", "websockets", "fastapi", "uvicorn"} & set(sys.modules), set(sys.modules)
    assert auditor.snapshot()["targets"] == []
    import starlette.applications
    rows = auditor.snapshot()["targets"]
assert rows and {row["role"] for row in rows} == {"integration"}
assert not auditor.recorder.entries(), auditor.recorder.entries()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=280)


def test_what_is_documented_is_what_there_is() -> None:
    own = {
        point.name: point.load()
        for point in metadata.entry_points(group="isolation_audit.integrations")
        if point.value.startswith("isolation_audit.")
    }
    documented = dict(re.findall(r"^\| `(\w+)` \|[^|]+\| ([\d.]+ and later|all) \|", PAGE, re.MULTILINE))
    assert documented == {name: f"{one.since} and later" if one.since else "all" for name, one in own.items()}
    assert all(isinstance(one, object) and one.points(SimpleNamespace()) for one in own.values())
