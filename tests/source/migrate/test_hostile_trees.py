"""Trees that want more than to be migrated: planted journals, links, repositories that run programs, names of files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from doors import cli, command
from hostile import snapshot
from isolation_audit.exceptions import UsageError
from isolation_audit.source.migrate.applying import apply_plan, recover, roll_back
from isolation_audit.source.migrate.journal import Journal, JournalEntry, run_named, runs
from isolation_audit.source.migrate.planning import make_plan
from isolation_audit.source.migrate.validation import Checks
from isolation_audit.source.scan.user_folders import state_folder
from trees import CONFIG, OLD, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

USE = "from app.old import Engine\n\nengine = Engine()\n"
NEW = "from app.new import UserEngine\n\nengine = UserEngine()\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree, with neighbours that are none of its business."""
    write_tree(tmp_path / "around", {"notes.txt": "mine\n", "code.py": USE, "inner/more.py": USE})
    return write_tree(tmp_path / "tree", {**OLD, "isolation-audit.toml": CONFIG, "chat.py": USE})


def applied(tree: Path, *words: str, **variables: str):
    return command("migrate", "--apply", *words, cwd=tree, environment=variables)


def entry(tree: Path, path: str, before: bytes, after: bytes) -> dict[str, object]:
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in (("before", before), ("after", after))}
    return {"root": str(tree), "path": path, **digests, "mtime_ns": 0}


@pytest.mark.parametrize("planted", ["created.pth", "notes.txt"])
@pytest.mark.parametrize("how", ["absolute", "up"])
@pytest.mark.parametrize("option", ["--apply", "--rollback"])
def test_a_journal_in_the_tree_is_nobodys(tree: Path, planted: str, how: str, option: str) -> None:
    around = tree.parent / "around"
    run = tree / ".isolation-audit" / "migrations" / "20200101-000000-abcdef"
    known = (around / planted).read_bytes() if (around / planted).exists() else None
    path = str(around / planted) if how == "absolute" else f"../around/{planted}"
    after = hashlib.sha256(known).hexdigest() if known is not None else ""
    file = {"path": path, "before": "payload", "after": after, "mode": 0o4755, "mtime_ns": 0}
    events = [{"event": "begin", "group": 0, "files": [file]}]
    events += [{"event": "done", "group": 0}] if option == "--rollback" else []
    write_tree(run, {"payload": "import os\n", "journal.jsonl": "".join(json.dumps(one) + "\n" for one in events)})
    before = snapshot(tree.parent, without=tree)
    words = ["--rollback", "last"] if option == "--rollback" else ["--apply"]
    done = command("migrate", *words, cwd=tree)
    assert done.code == (2 if option == "--rollback" else 0), done.err
    assert snapshot(tree.parent, without=tree) == before


@pytest.mark.parametrize(
    "path",
    ["../around/notes.txt", "/etc/hostname", "a/../../around/notes.txt", "", ".", "..", "a//b", "link/notes.txt"],
)
def test_not_even_our_own_journal_leads_out(tree: Path, path: str) -> None:
    (tree / "link").symlink_to(tree.parent / "around")
    journal = Journal.create(tree)
    payload, known = b"payload", b"mine\n"
    (journal.folder / hashlib.sha256(payload).hexdigest()).write_bytes(payload)
    event = {"event": "begin", "group": 0, "files": [entry(tree, path, payload, known)]}
    (journal.folder / "journal.jsonl").write_text(json.dumps(event) + "\n")
    before = snapshot(tree.parent)
    with pytest.raises(OSError, match=r"leads out|is a link|regular|directory"):
        recover(tree)
    assert snapshot(tree.parent) == before


def test_the_mode_is_that_of_the_file(tree: Path) -> None:
    (tree / "chat.py").chmod(0o640)
    assert applied(tree).code == 0
    (tree / "chat.py").chmod(0o600)
    assert command("migrate", "--rollback", "last", cwd=tree).code == 0
    assert (tree / "chat.py").read_text() == USE
    assert stat.S_IMODE((tree / "chat.py").stat().st_mode) == 0o600


def test_journals_are_the_users_alone(tree: Path) -> None:
    assert applied(tree).code == 0
    (run,) = runs(tree)
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((run.folder / "journal.jsonl").stat().st_mode) == 0o600
    assert not list(tree.rglob(".*")), "nothing of ours is left in the tree"


def test_a_state_folder_that_others_could_write_to_is_refused(tree: Path, tmp_path: Path) -> None:
    states = tmp_path / "states"
    (states / "isolation-audit").mkdir(parents=True)
    (states / "isolation-audit").chmod(0o777)
    done = applied(tree, XDG_STATE_HOME=str(states))
    assert done.code == 2
    assert "others can write to" in done.err
    (states / "isolation-audit").rmdir()
    (states / "isolation-audit").symlink_to(tmp_path / "around")
    assert "is not a folder of yours" in applied(tree, XDG_STATE_HOME=str(states)).err
    inside = applied(tree, XDG_STATE_HOME=str(tree / "state"))
    assert inside.code == 2
    assert "is in the tree" in inside.err
    assert (tree / "chat.py").read_text() == USE


def test_links_that_leave_are_not_followed(tree: Path) -> None:
    around = tree.parent / "around"
    (tree / "vendored").symlink_to(around / "inner")
    (tree / "code.py").symlink_to(around / "code.py")
    (tree / "settings.toml").symlink_to(around / "notes.txt")
    write_tree(tree, {"real/part.py": USE})
    (tree / "second").symlink_to("real")  # stays inside
    before = snapshot(around)
    done = applied(tree)
    assert done.out == b"changed chat.py\nchanged real/part.py\n", done.err
    assert "note: vendored is a link to a folder outside of the tree: not followed\n" in done.err
    assert snapshot(around) == before
    told = command("scan", cwd=tree)
    assert "note: vendored is a link to a folder outside of the tree: not followed" in told.out.decode()
    assert "code.py:1:1: warning[IA807] not read: it is a link that leaves the tree" in told.out.decode()
    report = json.loads(command("scan", "--format", "json", cwd=tree).out)
    assert report["summary"]["source"]["not_followed"] == ["vendored"]


def test_what_the_user_names_is_read_wherever_it_is(tree: Path) -> None:
    inner = tree.parent / "around" / "inner"
    assert applied(tree, str(inner)).out.decode() == f"changed {inner}/more.py\n"
    assert (inner / "more.py").read_text() == NEW
    assert command("migrate", "--rollback", "last", cwd=tree).out.decode() == f"restored {inner}/more.py\n"
    assert (inner / "more.py").read_text() == USE
    (tree / "inner").symlink_to(inner)  # named, and still decided by the tree
    done = applied(tree, "inner")
    assert (done.code, done.out) == (2, b"")
    assert "is a link that leaves the tree; name the place that it leads to" in done.err
    assert (inner / "more.py").read_text() == USE


def test_a_folder_that_becomes_a_link_is_not_gone_through(tree: Path) -> None:
    write_tree(tree, {"part/more.py": USE})
    plan = make_plan(scan_tree(tree).source, lambda _: True)
    (tree / "part").rename(tree.parent / "was")
    (tree / "part").symlink_to(tree.parent / "around" / "inner")
    before = snapshot(tree.parent / "around")
    result = apply_plan(plan, Checks())
    assert result.changed == ["chat.py"]
    assert "leads out of the tree" in result.refused[0][1]
    assert snapshot(tree.parent / "around") == before


@pytest.mark.parametrize("when", ["apply", "restore"])
def test_a_folder_that_becomes_a_link_between_two_steps(tree: Path, when: str) -> None:
    write_tree(tree, {"part/more.py": USE})
    result = apply_plan(make_plan(scan_tree(tree).source, lambda _: True), Checks())
    assert "part/more.py" in result.changed
    inner = tree.parent / "around" / "inner"
    (inner / "more.py").write_text(NEW)
    (tree / "part").rename(tree / "was")
    (tree / "part").symlink_to(inner)
    before = snapshot(tree.parent / "around")
    if when == "restore":
        with pytest.raises(OSError, match="is a link"):
            roll_back(run_named(tree, "last"))
    else:
        journal = Journal.create(tree)
        with pytest.raises(OSError, match="is a link"):
            journal.put(JournalEntry(**entry(tree, "part/more.py", NEW.encode(), b"x")), b"x")
    assert snapshot(tree.parent / "around") == before


# git


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "EXECUTED"


@pytest.fixture
def evil(tmp_path: Path, marker: Path) -> Path:
    program = tmp_path / "evil.sh"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {marker}\nexit 1\n")
    program.chmod(0o755)
    return program


def git(tree: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], cwd=tree, check=True, capture_output=True)


def test_nothing_of_the_repository_runs(tree: Path, evil: Path, marker: Path) -> None:
    write_tree(tree, {".gitattributes": "* filter=evil diff=evil\n"})
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "begin")
    values = {
        "core.fsmonitor": evil, "core.hooksPath": evil.parent, "core.pager": evil, "pager.ls-tree": evil,
        "filter.evil.clean": evil, "filter.evil.smudge": evil, "filter.evil.process": evil, "diff.evil.textconv": evil,
        "diff.external": evil, "core.sshCommand": evil, "core.editor": evil, "alias.ls-tree": f"!{evil}",
        "remote.origin.promisor": "true", "remote.origin.partialCloneFilter": "blob:none", "uploadpack.hook": evil,
        "remote.origin.url": f"ext::{evil}", "remote.origin.uploadpack": evil, "protocol.ext.allow": "always",
        "extensions.partialClone": "origin", "credential.helper": evil, "gpg.program": evil,
    }  # fmt: skip
    included = tree / ".git" / "more"
    for name, value in values.items():
        subprocess.run(["git", "config", "-f", str(included), name, str(value)], check=True)
    subprocess.run(["git", "config", "-f", str(tree / ".git" / "config"), "include.path", "more"], check=True)
    for hook in ("post-index-change", "fsmonitor-watchman", "reference-transaction", "post-checkout"):
        (evil.parent / hook).symlink_to(evil)
    os.utime(tree / "chat.py")  # what git knows of the file is stale: status would ask the filter
    subprocess.run(["git", "status"], cwd=tree, capture_output=True, check=False)
    assert marker.exists(), "the bait does not work"
    marker.unlink()
    history = command("progress", "--history", "h.jsonl", cwd=tree)
    assert history.code == 0, history.err
    assert json.loads((tree / "h.jsonl").read_text())["commit"]
    done = applied(tree)
    assert (done.code, done.out) == (0, b"changed chat.py\n"), done.err
    assert not marker.exists(), marker.read_text()


def test_a_missing_object_is_not_fetched(tree: Path, evil: Path, marker: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", ".")
    git(tree, "commit", "-qm", "begin")
    for name, value in (
        ("remote.origin.url", tree), ("remote.origin.uploadpack", evil), ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"), ("core.repositoryFormatVersion", "1"),
    ):  # fmt: skip
        git(tree, "config", name, str(value))
    listed = subprocess.run(["git", "rev-parse", "HEAD^{tree}"], cwd=tree, capture_output=True, text=True, check=True)
    name = listed.stdout.strip()
    (tree / ".git" / "objects" / name[:2] / name[2:]).unlink()
    done = applied(tree)
    assert (done.code, done.out) == (2, b"")
    assert "add --allow-dirty" in done.err
    assert not marker.exists()
    assert applied(tree, "--allow-dirty").code == 0


def test_a_repository_that_git_can_not_read_is_no_clean_one(tree: Path) -> None:
    (tree / ".git").mkdir()
    done = applied(tree)
    assert (done.code, done.out) == (2, b"")
    assert "git can't tell" in done.err


def test_each_file_is_asked_of_its_own_repository(tree: Path) -> None:
    around = tree.parent / "around"
    for folder in (tree, around):
        git(folder, "init", "-q")
        git(folder, "add", ".")
        git(folder, "commit", "-qm", "begin")
    git(tree, "worktree", "add", "-q", str(tree.parent / "second"))
    assert applied(tree, ".", str(around)).code == 0
    assert applied(tree.parent / "second").out == b"changed chat.py\n"
    git(around, "checkout", "-q", ".")
    (around / "code.py").write_text(USE + "# mine\n")
    done = applied(tree, str(around), "--allow-dirty")
    assert done.code == 0
    git(around, "checkout", "-q", ".")
    (around / "code.py").write_text(USE + "# mine\n")
    refused = applied(tree, str(around))
    assert (refused.code, refused.out) == (2, b"")
    assert "code.py would change and are not committed" in refused.err


def test_a_root_that_has_become_a_link_is_not_gone_into(tree: Path) -> None:
    inner = tree.parent / "around" / "inner"
    assert applied(tree, str(inner)).code == 0
    inner.rename(tree.parent / "was")
    inner.symlink_to(tree.parent / "was")
    with pytest.raises(OSError, match="is a link now"):
        roll_back(run_named(tree, "last"))


def test_line_ends_of_the_working_tree_are_no_change(tree: Path) -> None:
    (tree / "chat.py").write_bytes(USE.replace("\n", "\r\n").encode())
    git(tree, "-c", "init.defaultBranch=main", "init", "-q")
    git(tree, "-c", "core.autocrlf=true", "add", ".")
    git(tree, "commit", "-qm", "begin")
    assert applied(tree).code == 0
    assert (tree / "chat.py").read_bytes() == NEW.replace("\n", "\r\n").encode()


# Names


def test_names_of_files_are_no_options(tree: Path, tmp_path: Path) -> None:
    write_tree(tree, {"-c.py": USE, "@more.py": USE, "--exitfirst.py": USE, "test_chat.py": "", "+x.py": USE})
    said = tmp_path / "said"
    listing = f"{sys.executable} -c \"import sys; open('{said}', 'a').write(repr(sys.argv[1:]) + '\\n')\" {{files}}"
    done = applied(tree, "--check", listing)
    assert done.code == 0, done.err
    words = {word for line in said.read_text().splitlines() for word in json.loads(line.replace("'", '"'))}
    assert words == {"./-c.py", "./@more.py", "./--exitfirst.py", "./+x.py", "chat.py"}


# Pipes, and what is not a file


@pytest.mark.parametrize("name", ["CODEOWNERS", "pipe.py", "IMPORTS.md", "ratchet.json", "history.jsonl"])
def test_a_pipe_holds_nobody_up(tree: Path, name: str) -> None:
    write_tree(tree, {"isolation-audit.toml": CONFIG + '[scan]\nregistry = "IMPORTS.md"\n'})
    os.mkfifo(tree / name)
    assert command("scan", cwd=tree).code == 1
    words = {"ratchet.json": "--ratchet", "history.jsonl": "--history"}
    if name in words:
        done = command("progress", words[name], name, cwd=tree)
        assert done.code == 2
        assert f"can't read {name}" in done.err


@pytest.mark.parametrize(
    ("words", "file"),
    [
        (["scan", "--output", "out.txt"], "out.txt"),
        (["scan", "--output", "out/out.txt"], "out"),
        (["progress", "--ratchet", "out.json"], "out.json"),
        (["progress", "--ratchet", "out/r.json"], "out"),
        (["progress", "--history", "out.jsonl"], "out.jsonl"),
        (["progress", "--history", "out/h.jsonl"], "out"),
        (["progress", "--metrics", "out.prom"], "out.prom"),
        (["progress", "--output", "out.md", "--format", "markdown"], "out.md"),
        (["migrate", "--shard-by", "owner", "--output", "out"], "out"),
        (["migrate", "--shard-by", "owner", "--output", "patches"], "patches/nobody.patch"),
    ],
)
def test_nothing_is_written_through_a_link_of_the_tree(tree: Path, words: list[str], file: str) -> None:
    around = tree.parent / "around"
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).symlink_to(around / "made.txt" if "." in file else around)
    before = snapshot(around)
    done = command(*words, cwd=tree)
    assert done.code == 2, done.out
    assert "it is a link, or lies behind one" in done.err
    assert snapshot(around) == before


def test_outside_of_the_tree_the_user_decides(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "reports").symlink_to(tmp_path / "around")
    (tmp_path / "around" / "link.txt").symlink_to("notes.txt")
    assert command("scan", "--output", str(tmp_path / "reports" / "found.txt"), cwd=tree).code == 1
    assert "chat.py" in (tmp_path / "around" / "found.txt").read_text()
    assert command("scan", "--output", str(tmp_path / "around" / "link.txt"), cwd=tree).code == 1
    assert "chat.py" in (tmp_path / "around" / "notes.txt").read_text()
    assert b"chat.py" in cli("scan", "--output", "/dev/stdout", cwd=tree).out


@pytest.mark.parametrize("name", [".isolation-audit", ".isolation-audit/scan.json"])
def test_a_scan_leaves_the_tree_as_it_was(tree: Path, name: str) -> None:
    around = tree.parent / "around"
    (tree / name).parent.mkdir(exist_ok=True)
    (tree / name).symlink_to(around if name == ".isolation-audit" else around / "notes.txt")
    before = snapshot(tree.parent)
    assert command("scan", cwd=tree).code == 1
    assert command("migrate", cwd=tree).code == 1
    assert snapshot(tree.parent) == before


def test_globs_of_the_tree_take_no_time(tree: Path) -> None:
    deep = "/".join(["a"] * 40)
    write_tree(tree, {f"{deep}/x.py": USE, "CODEOWNERS": "**/" * 60 + "nothing @nobody\n"})
    assert command("scan", cwd=tree).code == 1


def test_a_journal_of_another_tree_says_nothing_of_this_one(tree: Path, tmp_path: Path) -> None:
    assert applied(tree).code == 0
    other = write_tree(tmp_path / "other", {**OLD, "isolation-audit.toml": CONFIG, "chat.py": NEW})
    assert state_folder(other) != state_folder(tree)
    with pytest.raises(UsageError, match="no migration to roll back"):
        run_named(other, "last")
