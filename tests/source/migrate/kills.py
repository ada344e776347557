"""Kills migrations with SIGKILL at random moments, and looks at what is left: ``python kills.py FOLDER TIMES SEED``.

Some of the time others edit the files meanwhile, the disk is full at a random write, and journals are planted in the
tree. A program of its own, because it forks: children apply, edit and restore, the parent kills. Prints a JSON object.
"""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from typing import TYPE_CHECKING

from hostile import snapshot
from isolation_audit.source.migrate.applying import apply_plan, recover, roll_back
from isolation_audit.source.migrate.journal import runs
from isolation_audit.source.migrate.lock import only_one
from isolation_audit.source.migrate.planning import Plan, make_plan
from isolation_audit.source.migrate.validation import Checks
from isolation_audit.source.scan.user_folders import state_folder
from trees import CONFIG, OLD, scan_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = 4


def tree_of_groups() -> dict[str, str]:
    files = {**OLD, "isolation-audit.toml": CONFIG}
    for group in range(GROUPS):
        files[f"g{group}/__init__.py"] = "from app.old import Engine\n"
        for number in range(2):
            files[f"g{group}/part{number}.py"] = f"from g{group} import Engine\n\nengine = Engine()\n# {'x' * 3000}\n"
    return files


def in_child(job: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            job()
            code = 0
        finally:
            os._exit(code)
    return child


def killed_after(child: int, delay: float) -> bool:
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


class Rounds:
    def __init__(self, folder: Path, seed: int) -> None:
        self.draw = random.Random(seed)
        self.tree = write_tree(folder / "tree", tree_of_groups())
        self.around = write_tree(
            folder / "around", {"victim.txt": "mine\n", "inner/code.py": "from app.old import Engine\n"}
        )
        self.edits = folder / "edits"
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        self.plan: Plan = make_plan(scan_tree(self.tree).source, lambda _: True)
        self.before = {change.shown: change.before for change in self.plan.changes}
        self.after = {change.shown: change.after for change in self.plan.changes}
        self.groups = [[change.shown for change in group] for group in self.plan.groups]
        assert sorted(map(len, self.groups)) == [3] * GROUPS, self.groups
        self.surroundings = snapshot(self.around)
        self.counts = dict.fromkeys(
            ("killed", "interrupted groups", "killed while recovering", "full disks", "planted", "edits", "kept aside"),
            0,
        )
        began = time.perf_counter()
        self.apply()
        self.whole = time.perf_counter() - began
        assert all((self.tree / name).read_bytes() == data for name, data in self.after.items())

    def apply(self, full_at: int = 0) -> None:
        if full_at:
            fill_the_disk(full_at)
        with only_one(self.tree):
            recover(self.tree)
            apply_plan(self.plan, Checks())

    def round(self) -> None:
        self.reset()
        edited = self.draw.random() < 0.3
        if self.draw.random() < 0.3:
            self.plant()
        full_at = self.draw.randint(1, 60) if self.draw.random() < 0.3 else 0
        self.counts["full disks"] += bool(full_at)
        editor = self.start_editor() if edited else None
        seed = self.draw.uniform(0, self.whole * 1.05)
        self.counts["killed"] += killed_after(in_child(lambda: self.apply(full_at)), seed)
        if not edited:
            self.check_whole()
        self.counts["interrupted groups"] += sum(len(run.groups("begin")) for run in runs(self.tree))
        if self.draw.random() < 0.3:
            child = in_child(lambda: recover(self.tree))
            self.counts["killed while recovering"] += killed_after(child, self.draw.uniform(0, 0.01))
            if not edited:
                self.check_whole()
        if editor:
            self.stop_editor(editor)
        _, foreign = recover(self.tree)
        if editor:
            self.check_edits()
        else:
            assert foreign == [], foreign
            self.check_groups()
            self.maybe_roll_back()
        leftovers = [path for path in self.tree.rglob(".*.*") if path.name != ".isolation-audit" and path.is_file()]
        assert leftovers == [], leftovers
        assert snapshot(self.around) == self.surroundings

    def reset(self) -> None:
        shutil.rmtree(state_folder(self.tree))
        shutil.rmtree(self.tree / ".isolation-audit", ignore_errors=True)
        for path in self.tree.rglob("*.kept"):
            path.unlink()
        write_tree(self.tree, self.before)

    def plant(self) -> None:
        """A journal in the tree that would have us write elsewhere."""
        self.counts["planted"] += 1
        paths = [str(self.around / "made.txt"), "../around/victim.txt"]
        files = [{"path": path, "before": "payload", "after": "", "mode": 0o4755, "mtime_ns": 0} for path in paths]
        event = json.dumps({"event": "begin", "group": 0, "files": files})
        folder = self.tree / ".isolation-audit" / "migrations" / "20200101-000000-aaaaaa"
        write_tree(folder, {"payload": "x", "journal.jsonl": event + "\n"})

    # Somebody who edits

    def start_editor(self) -> int:
        self.edits.write_text("")
        (self.edits.parent / "stop").unlink(missing_ok=True)
        seed = self.draw.random()
        return in_child(lambda: self.edit(random.Random(seed)))

    def stop_editor(self, editor: int) -> None:
        (self.edits.parent / "stop").touch()
        _, status = os.waitpid(editor, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    def edit(self, draw: random.Random) -> None:
        """Add lines as editors do: a new file in the place of the old one, or the old one written anew."""
        names, number = sorted(self.before), 0
        with self.edits.open("a") as log:
            while not (self.edits.parent / "stop").exists():
                path = self.tree / draw.choice(names)
                number += 1
                line = f"# edit {number}\n"
                text = path.read_text() + line
                if draw.random() < 0.5:
                    path.with_name(path.name + "~").write_text(text)
                    path.with_name(path.name + "~").replace(path)
                else:
                    with path.open("r+") as stream:
                        stream.write(text)
                        stream.truncate()
                log.write(json.dumps([path.relative_to(self.tree).as_posix(), line]) + "\n")
                time.sleep(0.001)

    def check_edits(self) -> None:
        """Each line is in its file, or in the version of it that was put aside."""
        for text in self.edits.read_text().splitlines():
            name, line = json.loads(text)
            path = self.tree / name
            self.counts["edits"] += 1
            if line not in path.read_text():
                aside = [other.read_text() for other in path.parent.glob(f"{path.name}*.kept")]
                assert any(line in other for other in aside), (name, line)
                self.counts["kept aside"] += 1

    # What has to be

    def check_whole(self) -> None:
        """At any moment each file has its old content or its new one."""
        for name, old in self.before.items():
            assert (self.tree / name).read_bytes() in (old, self.after[name]), name

    def check_groups(self) -> None:
        """After recovery whole groups have."""
        for group in self.groups:
            states = {(self.tree / name).read_bytes() == self.after[name] for name in group}
            assert len(states) == 1, group
        self.check_whole()

    def maybe_roll_back(self) -> None:
        if self.draw.random() < 0.3:
            for run in runs(self.tree):
                roll_back(run)
            assert all((self.tree / name).read_bytes() == data for name, data in self.before.items())


def fill_the_disk(at: int) -> None:
    """From its call number ``at`` on, nothing reaches the disk; for children only."""
    sync, calls = os.fsync, iter(range(1, 10**9))

    def full(descriptor: int) -> None:
        if next(calls) >= at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    os.fsync = full


def main(folder: Path, times: int, seed: int) -> None:
    rounds = Rounds(folder, seed)
    while rounds.counts["killed"] < times:  # some come too late
        rounds.round()
    print(json.dumps(rounds.counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
