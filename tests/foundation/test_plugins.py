"""Rules and exporters of other packages: found through entry points, used like ours, and alone when they fail."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from isolation_audit import Auditor, ConfigError, UsageError
from isolation_audit.config import parse_config
from isolation_audit.exporters import configured as ways_out
from isolation_audit.foundation.plugins import EXPORTERS, RULES, plugins
from isolation_audit.rules import OURS, all_monitors, all_rules, unusable
from isolation_audit.rules.content.mails import Mails
from isolation_audit.vocabulary.outside import MailsSent

ROOT = Path(__file__).parents[2]
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]

RULE = """\
from isolation_audit.extending import Monitor, Example, Rule, Severity, observes

class Posted:
    pass

class PostMonitor(Monitor):
    rules = (
        Rule("POST1", "posted", Severity.NOTE, "Something was posted.", "It may matter.", "look at it",
             Example("", "", "")),
    )

    @observes(Posted)
    def on_posted(self, posted):
        self.report("POST1", "posted by {ambient}")

class NoMonitor:
    pass
"""

EXPORTER = """\
import json

class PostSink:
    name = "post"

    def __init__(self, path):
        self._path = path

    def drain(self, batch):
        with open(self._path, "a") as file:
            for entry in batch.entries:
                file.write(json.dumps(entry.as_dict()["rule"]) + "\\n")

    def close(self):
        pass

def exporter(settings):
    return PostSink(settings.options["path"])

def broken(settings):
    raise RuntimeError("no way")
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """``installed(source, group, **entries)``: a distribution on the import path with the module ``post_audit``."""
    folder = tmp_path / "site"
    folder.mkdir()

    def install(source: str, group: str, **entries: str) -> Path:
        (folder / "post_audit.py").write_text(source)
        made = folder / "post_audit-1.0.dist-info"
        made.mkdir()
        (made / "METADATA").write_text("Metadata-Version: 2.1\nName: post-audit\nVersion: 1.0\n")
        lines = [f"{name} = post_audit:{value}" for name, value in entries.items()]
        (made / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
        monkeypatch.syspath_prepend(folder)
        return folder

    yield install
    sys.modules.pop("post_audit", None)


def test_our_own_are_declared_like_those_of_others() -> None:
    assert DECLARED[RULES] == {OURS.name: OURS.value}
    assert DECLARED[EXPORTERS] == {name: one.value for name, one in ways_out.OURS.items()}
    assert {one.name for one in plugins(RULES)} == {OURS.name}
    assert {one.name for one in plugins(EXPORTERS)} == set(ways_out.OURS)


def test_a_rule_of_another_package_is_one_of_the_rules(installed) -> None:
    installed(RULE, RULES, POST="PostMonitor")
    assert list(all_rules())[-1] == "POST1"
    with Auditor(parse_config({})) as auditor:
        from post_audit import Posted  # type: ignore[import-not-found]

        auditor.runtime.publish(Posted())
        assert auditor.snapshot()["summary"]["findings"] == {"POST1": 1}
    assert auditor.runtime.barrier.counts == {}


@pytest.mark.parametrize("code", ["POST1", "POST*", "POST[12]"])
def test_it_is_switched_off_by_its_code(installed, code: str) -> None:
    installed(RULE, RULES, POST="PostMonitor")
    with Auditor(parse_config({"select": {"disable": [code]}})) as auditor:
        from post_audit import Posted

        auditor.runtime.publish(Posted())
    assert auditor.recorder.counts["POST1"] == 0


HEARS = "    hears = (('MailsSent', 'post_audit:Posts'), ('PostsSent', 'post_audit:Posts'))\n    rules = ("
LISTENS = RULE.replace("    rules = (", HEARS).replace("PostMonitor", "ListeningMonitor")
LISTENS += """
class PostsSent:
    pass

class Posts(PostsSent):
    def __init__(self, runtime):
        self.of = runtime
"""


def test_a_rule_listens_to_what_its_own_integration_tells_and_takes_none_of_ours_away(installed) -> None:
    installed(LISTENS, RULES, POST="ListeningMonitor")
    with Auditor(parse_config({})) as auditor:
        from post_audit import Posts, PostsSent

        runtime = auditor.runtime
        assert type(runtime.listener(PostsSent)) is Posts
        assert runtime.listener(PostsSent) is runtime.listener(PostsSent)
        assert runtime.listener(PostsSent).of is runtime
        assert type(runtime.listener(MailsSent)) is Mails
        assert runtime.barrier.counts == {"monitor ListeningMonitor": 1}
        (finding,) = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA903"]
        assert "monitor ListeningMonitor" in finding.message


def test_a_code_of_a_package_that_is_not_installed_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="'POST1' matches no rule"):
        parse_config({"select": {"disable": ["POST1"]}})


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("LETTER", "PostMonitor", "the code POST1 has to be LETTER and a number"),
        ("POST", "NoMonitor", "leads to no monitor that declares rules"),
        ("POST", "Absent", "has no attribute 'Absent'"),
    ],
)
def test_rules_that_cannot_be_used_are_a_fault_and_ours_go_on(installed, name: str, value: str, why: str) -> None:
    ours = all_monitors()
    installed(RULE, RULES, **{name: value})
    assert all_monitors() == ours
    assert why in str(unusable()[name])
    with Auditor(parse_config({})) as auditor:
        pass
    (finding,) = [entry.finding for entry in auditor.recorder.entries() if entry.finding.rule == "IA903"]
    assert f"rules {name}" in finding.message


def test_a_monitor_that_cannot_be_made_is_a_fault(installed, monkeypatch) -> None:
    installed(RULE, RULES, POST="PostMonitor")
    monitor = all_monitors()[-1]

    def fail(*_arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(monitor, "__init__", fail)
    with Auditor(parse_config({})) as auditor:
        assert auditor.runtime.barrier.counts == {"monitor PostMonitor": 1}


def sinks(config: dict[str, object]) -> list[str]:
    made = ways_out.configured_sinks(
        parse_config({"report": {"terminal": False}, **config}),
        run_id="",
        pseudonyms=None,  # type: ignore[arg-type]
        snapshot=dict,
        supervised=False,
    )
    return [sink.name for sink in made]


def test_an_exporter_of_another_package_is_used_where_it_is_configured(installed, tmp_path: Path) -> None:
    installed(EXPORTER, EXPORTERS, post="exporter")
    assert sinks({}) == []
    assert "post_audit" not in sys.modules
    assert sinks({"exporters": {"post": {"path": str(tmp_path / "out"), "tags": ["a", "b"], "every": 2}}}) == ["post"]


def test_it_gets_the_findings(installed, tmp_path: Path) -> None:
    folder = installed(EXPORTER, EXPORTERS, post="exporter")
    (tmp_path / "audit.toml").write_text(
        f'[exporters.post]\npath = "{tmp_path}/out"\n[[engines]]\ntarget = "os:Absent"\n'
    )
    program = "import isolation_audit; isolation_audit.instrument('audit.toml'); import os"
    environment = {"PYTHONPATH": str(folder), "PATH": ""}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()] == ["IA901"]


def test_an_exporter_that_is_not_there_or_cannot_start_is_told_before_anything_is_touched(installed) -> None:
    with pytest.raises(UsageError, match=r"exporters\.post: no installed package has such an exporter"):
        sinks({"exporters": {"post": {}}})
    installed(EXPORTER, EXPORTERS, post="broken")
    with pytest.raises(UsageError, match=r"exporters\.post: RuntimeError: no way"):
        sinks({"exporters": {"post": {}}})


@pytest.mark.parametrize("value", [{"inner": 1}, [["list"]], [{}]])
def test_options_are_plain_values(value: object) -> None:
    with pytest.raises(ConfigError, match=r"exporters\.post\.key"):
        parse_config({"exporters": {"post": {"key": value}}})
