"""Whether a change is good: it compiles, its modules import, a command passes."""

from __future__ import annotations

import shlex
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from isolation_audit.exceptions import UsageError
from isolation_audit.source.migrate.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from isolation_audit.source.migrate.planning import Change, Plan

_COMPILE = "import sys; compile(sys.stdin.buffer.read(), sys.argv[1], 'exec', dont_inherit=True)"
_IMPORT = "import importlib, sys; sys.path[:0] = sys.argv[2:]; importlib.import_module(sys.argv[1])"


class Invalid(Exception):  # noqa: N818 - a verdict on a change
    """A change that must not stay, and why."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What a group has to pass. ``python`` is the target's interpreter; times are in seconds."""

    python: str = sys.executable
    smoke: bool = False
    command: str = ""
    timeout: float = 600.0
    _said: dict[tuple[str, ...], Verdict] = field(default_factory=dict, repr=False, compare=False)
    """What the command said last, by its words, of a tree that was found good."""

    def compile(self, change: Change) -> None:
        """Compile the new content.

        Raises:
            Invalid: it does not compile.
        """
        if self.python == sys.executable:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(change.after, change.shown, "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                raise Invalid(f"{change.shown} would not compile: {error}") from None
            return
        self._run(
            [self.python, "-I", "-c", _COMPILE, change.shown], f"{change.shown} would not compile", data=change.after
        )

    def before(self, plan: Plan, group: list[Change]) -> None:
        """Ask the command about the tree as it is: what fails already is not the change's fault.

        Raises:
            Invalid: it takes too long.
        """
        words = self._command(plan, group)
        if words and words not in self._said:
            self._said[words] = self._asked(words, plan)

    def after(self, plan: Plan, group: list[Change]) -> str:
        """What can only be checked with the files in place; gives a remark, where there is one.

        Raises:
            Invalid: a module does not import, or the command says something worse than before.
        """
        if self.smoke:
            modules = plan.source.modules
            for change in group:
                name = modules.name(change.path)
                stem = change.path.removesuffix(".py").removesuffix("/__init__")
                roots = [stem.removesuffix(name.replace(".", "/")), plan.source.tree.base]
                self._run(
                    [self.python, "-c", _IMPORT, name, *roots], f"{name} does not import", cwd=plan.source.tree.base
                )
        words = self._command(plan, group)
        if not words:
            return ""
        verdict, before = self._asked(words, plan), self._said[words]
        if worse := verdict.worse_than(before):
            raise Invalid(f"{' '.join(words)} failed: {worse}")
        self._said[words] = verdict
        return f"{' '.join(words)} failed before the change, and says nothing new after it" if verdict.code else ""

    def _command(self, plan: Plan, group: list[Change]) -> tuple[str, ...]:
        files = [change.shown for change in group]
        words: list[str] = []
        for word in shlex.split(self.command):
            if word == "{files}":
                words += map(_as_a_file, files)
            elif word == "{tests}":
                words += map(_as_a_file, _tests_of(plan, files))
            else:
                words.append(word)
        return tuple(words)

    def _asked(self, words: Sequence[str], plan: Plan) -> Verdict:
        done = self._done(words, f"{' '.join(words)} failed", cwd=plan.source.tree.base)
        said = (done.stdout + b"\n" + done.stderr).decode("utf-8", "replace").splitlines()
        return Verdict(done.returncode, tuple([line.strip() for line in said if line.strip()]))

    def _run(self, command: list[str], failure: str, *, data: bytes = b"", cwd: str | None = None) -> None:
        done = self._done(command, failure, data=data, cwd=cwd)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).decode("utf-8", "replace").splitlines()
            raise Invalid(f"{failure}: {said[-1] if said else f'exit code {done.returncode}'}")

    def _done(
        self, command: Sequence[str], failure: str, *, data: bytes = b"", cwd: str | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - the user's own interpreter and command
                command, input=data, cwd=cwd, capture_output=True, timeout=self.timeout, check=False
            )
        except subprocess.TimeoutExpired:
            raise Invalid(f"{failure}: it took longer than {self.timeout:.0f} s") from None
        except OSError as error:
            raise UsageError(f"can't run {command[0]}: {error.strerror}") from None


def _as_a_file(name: str) -> str:
    """A file's name that no command takes for an option, or for a file of options (``-c.py``, ``@more.py``)."""
    return name if name[:1].isalnum() or name[:1] in "_/" else f"./{name}"


def _tests_of(plan: Plan, files: list[str]) -> list[str]:
    """Tests among the files, and tests named after one of them."""
    stems = {PurePosixPath(file).stem for file in files}
    tests = []
    for file in plan.source.files.values():
        stem = PurePosixPath(file.shown).stem
        is_test = stem.startswith("test_") or stem.endswith("_test")
        if is_test and (file.shown in files or stem.removeprefix("test_").removesuffix("_test") in stems):
            tests.append(file.shown)
    return sorted(tests)
