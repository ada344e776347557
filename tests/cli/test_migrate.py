"""``isolation-audit migrate``: the diff, applying, going back, and users' mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from doors import clean_environment, cli, command
from trees import CONFIG, OLD, write_tree

USE = "from app.old import Engine\n\nengine = Engine()\n"
EXAMPLE = Path(__file__).parents[2] / "examples" / "agent_chat"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path, {**OLD, "isolation-audit.toml": CONFIG, "chat.py": USE})


def git(tree: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], cwd=tree, check=True, capture_output=True)


def test_a_diff_by_default(tree: Path) -> None:
    done = cli("migrate", cwd=tree)
    assert done.code == 1, done.err
    assert done.out.decode() == (
        "--- a/chat.py\n+++ b/chat.py\n@@ -1,3 +1,3 @@\n-from app.old import Engine\n+from app.new import UserEngine\n"
        " \n-engine = Engine()\n+engine = UserEngine()\n"
    )
    assert done.err == "1 file to change, 0 places left to you\n"
    assert (tree / "chat.py").read_text() == USE


def test_the_diff_is_a_patch(tree: Path) -> None:
    write_tree(tree, {"chat.py": USE.rstrip("\n"), "other.py": USE})
    git(tree, "init", "-q")
    patch = command("migrate", cwd=tree).out
    subprocess.run(["git", "apply", "-"], cwd=tree, input=patch, check=True)
    assert command("migrate", cwd=tree).code == 0
    assert (tree / "chat.py").read_text() == "from app.new import UserEngine\n\nengine = UserEngine()"


def test_apply_and_roll_back(tree: Path) -> None:
    done = command("migrate", "--apply", cwd=tree)
    assert (done.code, done.out) == (0, b"changed chat.py\n")
    run = done.err.split()[-1]
    assert "UserEngine" in (tree / "chat.py").read_text()
    again = command("migrate", "--apply", cwd=tree)
    assert (again.code, again.out, again.err) == (0, b"", "0 files changed, 0 places left to you\n")
    back = command("migrate", "--rollback", run, cwd=tree)
    assert (back.code, back.out) == (0, b"restored chat.py\n")
    assert (tree / "chat.py").read_text() == USE
    assert command("migrate", "--rollback", "last", cwd=tree).code == 2


def test_what_is_left_has_its_reason(tree: Path) -> None:
    write_tree(tree, {"chat.py": USE + "kinds = [Engine]\n"})
    done = command("migrate", "--apply", cwd=tree)
    assert done.code == 1
    assert "chat.py:4: left to you (value of app.old:Engine): what is done with the class can't be seen\n" in done.err
    assert (tree / "chat.py").read_text() == (
        "from app.old import Engine\nfrom app.new import UserEngine\n\nengine = UserEngine()\nkinds = [Engine]\n"
    )


def test_uncommitted_changes_are_refused(tree: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "begin")
    write_tree(tree, {"chat.py": USE + "# mine\n", "elsewhere.py": "x = 1\n"})
    done = command("migrate", "--apply", cwd=tree)
    assert done.code == 2
    assert done.err == ("error: chat.py would change and are not committed; commit them, or add --allow-dirty\n")
    assert command("migrate", "--apply", "--allow-dirty", cwd=tree).code == 0
    git(tree, "checkout", "-q", "chat.py")
    assert command("migrate", "--apply", cwd=tree).code == 0


def test_phases_owners_and_numbers_of_files(tree: Path) -> None:
    write_tree(
        tree,
        {
            "isolation-audit.toml": CONFIG + '[scan]\nphases = { P0 = ["core"] }\n',
            "CODEOWNERS": "core/ @core\nchat.py @chat/team\n",
            "core/a.py": USE,
            "core/b.py": USE,
        },
    )

    def changed(*options: str) -> set[str]:
        lines = command("migrate", *options, cwd=tree).out.decode().splitlines()
        return {line[6:] for line in lines if line.startswith("+++ ")}

    assert changed() == {"chat.py", "core/a.py", "core/b.py"}
    assert changed("--phase", "P0") == {"core/a.py", "core/b.py"}
    assert changed("--owner", "@chat/team") == {"chat.py"}
    assert changed("--max-files", "1") == {"chat.py"}
    done = command("migrate", "--shard-by", "owner", "--output", "patches", cwd=tree)
    assert sorted(path.name for path in (tree / "patches").iterdir()) == ["chat-team.patch", "core.patch"]
    assert done.out.decode().splitlines() == ["patches/chat-team.patch", "patches/core.patch"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rollback", "nothing"], "no migration 'nothing'; there are none"),
        (["--phase", "P9"], "no phase 'P9'"),
        (["--shard-by", "owner"], "--shard-by and --output go together"),
        (["--output", "x"], "--shard-by and --output go together"),
        (["--apply", "--python", "no-such-python"], "can't run no-such-python"),
        (["--apply", "--check", "no-such-command"], "can't run no-such-command"),
        (["--max-files", "0"], "max-files"),
        (["nowhere"], "can't scan"),
    ],
)
def test_mistakes_are_no_tracebacks(tree: Path, words: list[str], message: str) -> None:
    done = command("migrate", *words, cwd=tree)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert (tree / "chat.py").read_text() == USE


def test_the_example_migrates_itself(tmp_path: Path) -> None:
    copy = tmp_path / "agent_chat"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    done = cli("migrate", "--apply", "--smoke", cwd=copy)
    assert (done.code, done.out) == (0, b"changed agent_chat/service.py\n"), done.err
    source = (copy / "agent_chat" / "service.py").read_text()
    assert "return await UserExecutionEngine.create_from_legacy(registry, bridge, context)" in source
    # What is left are the faults of names that the demo puts in on purpose: no deprecated engine is among them.
    left = cli("scan", "--format", "json", cwd=copy)
    assert left.code == 1, left.err
    found = [(one["rule"], one["site"]["file"]) for one in json.loads(left.out)["findings"]]
    assert found == [(rule, "agent_chat/faults/names.py") for rule in ("IA812", "IA810")]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_migrated_example_crosses_nobody(tmp_path: Path) -> None:
    """The demo, with the migrated copy in the place of the example: its legacy service has become the user engine's."""
    root = EXAMPLE.parents[1]
    shutil.copytree(root / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    copy = tmp_path / "examples" / "agent_chat"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert cli("migrate", "--apply", cwd=copy).code == 0
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "demo", "--json"],
        cwd=tmp_path,
        env=clean_environment(PYTHONPATH=str(tmp_path / "src")),
        capture_output=True,
        timeout=380,
        check=False,
    )
    legacy = json.loads(done.stdout)["engines"]["legacy"]
    assert legacy["events_total"] > 0
    for figure in ("foreign_events_seen_by_clients", "crossing_events", "deprecated_engines_built"):
        assert legacy[figure] == 0
