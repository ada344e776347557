"""Finding the file, and every way in which a file can be no configuration."""

from __future__ import annotations

import os
import sys
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pytest

from isolation_audit.config import Config, Target, default_config, files, find_config, load_config, parse_config
from isolation_audit.config.locator import Lines
from isolation_audit.exceptions import ConfigError

if TYPE_CHECKING:
    from types import FrameType

GOOD = '[[engines]]\ntarget = "app:Engine"\n'
OURS = '[tool.isolation_audit]\nengines = [{ target = "app:Engine" }]\n'


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ISOLATION_AUDIT_CONFIG", raising=False)
    monkeypatch.delenv("ISOLATION_AUDIT_DEPTH", raising=False)


class TestFind:
    def test_the_working_folder_and_its_parents(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        deep = tmp_path / "a" / "b"
        deep.mkdir(parents=True)
        monkeypatch.chdir(deep)
        assert find_config() is None
        (tmp_path / "isolation-audit.toml").write_text(GOOD)
        assert find_config() == tmp_path / "isolation-audit.toml"
        assert find_config(tmp_path / "a") == tmp_path / "isolation-audit.toml"
        assert find_config(str(deep / "file.py")) == tmp_path / "isolation-audit.toml"

    def test_the_nearest_folder_wins(self, tmp_path: FilePath) -> None:
        (tmp_path / "isolation-audit.toml").write_text(GOOD)
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "pyproject.toml").write_text(OURS)
        assert find_config(tmp_path / "a") == tmp_path / "a" / "pyproject.toml"

    def test_our_own_file_wins_within_a_folder(self, tmp_path: FilePath) -> None:
        (tmp_path / "isolation-audit.toml").write_text(GOOD)
        (tmp_path / "pyproject.toml").write_text(OURS)
        assert find_config(tmp_path) == tmp_path / "isolation-audit.toml"

    @pytest.mark.parametrize(
        "text", ['[project]\nname = "x"\n', "not toml at all", "tool = 5\n", '[tool.ruff]\nx = "y"\n']
    )
    def test_a_pyproject_without_our_table_is_passed_over(self, tmp_path: FilePath, text: str) -> None:
        (tmp_path / "pyproject.toml").write_text(text)
        assert find_config(tmp_path) is None

    @pytest.mark.parametrize("text", [OURS, "[tool.isolation-audit]\n", "[tool.isolation_audit]\nx = \n"])
    def test_a_broken_or_misspelt_one_counts(self, tmp_path: FilePath, text: str) -> None:
        (tmp_path / "pyproject.toml").write_text(text)
        assert find_config(tmp_path) == tmp_path / "pyproject.toml"

    def test_a_folder_of_that_name_is_no_file(self, tmp_path: FilePath) -> None:
        (tmp_path / "isolation-audit.toml").mkdir()
        (tmp_path / "pyproject.toml").mkdir()
        assert find_config(tmp_path) is None

    def test_the_environment_comes_first(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "isolation-audit.toml").write_text(GOOD)
        monkeypatch.setenv("ISOLATION_AUDIT_CONFIG", str(tmp_path / "absent.toml"))
        found = find_config(tmp_path)
        assert found == tmp_path / "absent.toml"
        with pytest.raises(ConfigError, match="does not exist"):
            load_config(found)

    def test_an_empty_variable_names_nothing(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ISOLATION_AUDIT_CONFIG", "")
        (tmp_path / "isolation-audit.toml").write_text(GOOD)
        assert find_config(tmp_path) == tmp_path / "isolation-audit.toml"

    def test_the_working_folder_may_be_gone(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert find_config() is None
        with pytest.raises(ConfigError, match="does not exist"):
            load_config(tmp_path / "x.toml")


class TestLoad:
    @pytest.mark.parametrize(
        ("name", "text"), [("isolation-audit.toml", GOOD), ("pyproject.toml", OURS), ("x.toml", GOOD)]
    )
    def test_both_forms(self, tmp_path: FilePath, name: str, text: str) -> None:
        (tmp_path / name).write_text(text)
        config = load_config(str(tmp_path / name))
        assert config.engines[0].target == Target("app", "Engine")
        assert config.source == tmp_path / name

    def test_a_relative_name(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "x.toml").write_text('[report]\ndirectory = "out"\n')
        monkeypatch.chdir(tmp_path)
        config = load_config("x.toml")
        assert config.source == tmp_path / "x.toml"
        assert config.report.directory == tmp_path / "out"

    @pytest.mark.parametrize("text", ["\ufeff" + GOOD, GOOD.replace("\n", "\r\n")])
    def test_editors_of_windows(self, tmp_path: FilePath, text: str) -> None:
        (tmp_path / "x.toml").write_bytes(text.encode())
        assert load_config(tmp_path / "x.toml").engines

    def test_an_empty_depth_in_the_environment(self, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ISOLATION_AUDIT_DEPTH", "deep")
        (tmp_path / "x.toml").write_text(GOOD)
        with pytest.raises(ConfigError, match=r"^environment: ISOLATION_AUDIT_DEPTH: 'deep' is not a depth; "):
            load_config(tmp_path / "x.toml")


NO_CONFIG = [
    (b"", "file: is empty; "),
    (b" \n\t\n", "file: is empty; "),
    (b"# nothing\n", "file: says nothing; "),
    (b"\x00\x01\x02", "file: is not text (it has NUL bytes); save it as UTF-8"),
    (GOOD.encode("utf-16"), "file: is not text (it has NUL bytes); save it as UTF-8"),
    ("[a]\nb = 'é'\n".encode("latin-1"), ":2: file: is not UTF-8 here; "),
    (b"#" * (1024 * 1024 + 1), "file: is larger than 1 MiB; "),
    (b"a = " + b"[" * 10_000 + b"]" * 10_000, ":1: syntax: nests more than 64 levels; "),
    (b"\na" + b".a" * 100_000 + b" = 1", ":2: syntax: nests more than 64 levels; "),
    (b"\n[" + b"a." * 100_000 + b"a]", ":2: syntax: nests more than 64 levels; "),
    (b"a = " + b"{ b = " * 10_000 + b"1" + b"}" * 10_000, ":1: syntax: nests more than 64 levels; "),
    (b"[audit]\ndepth = calls\n", ":2: syntax: not TOML: invalid value at column 9; put quotes around text"),
    (b"[audit]\n\ndepth 'calls'\n", ":3: syntax: not TOML: "),
    (b"[audit]\ndepth = 'a'\ndepth = 'b'\n", "the key is there twice"),
    (b"[engines]\n[engines]\n", ":2: syntax: not TOML: cannot declare ('engines',) twice"),
    (b"[audit]\ndepth = 'calls", "close the quotes"),
    (b"[audit]\ndepth = [1,", ":2: syntax: not TOML: "),
    (b"x = " + b"9" * 5000, "syntax: not TOML: exceeds the limit"),
]


@pytest.mark.parametrize(("content", "expected"), NO_CONFIG, ids=range(len(NO_CONFIG)))
def test_content_that_is_no_configuration(tmp_path: FilePath, content: bytes, expected: str) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    (problem,) = caught.value.problems
    assert problem.startswith(str(file))
    assert expected in problem
    assert "; " in problem
    assert problem.isprintable()


def test_places_that_are_no_file(tmp_path: FilePath) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place, cause in [
        (tmp_path, "is a folder"),
        (tmp_path / "absent.toml", "does not exist"),
        (tmp_path / "pipe", "is not a regular file"),
        (FilePath("/dev/zero"), "is not a regular file"),
        (tmp_path / "loop", "can't be read"),
        (tmp_path / "a\0b", "can't be read"),
        (tmp_path / "a\nb", "does not exist"),
        (tmp_path / ("x" * 5000), "can't be read"),
    ]:
        with pytest.raises(ConfigError) as caught:
            load_config(place)
        (problem,) = caught.value.problems
        assert cause in problem
        assert problem.isprintable()


def test_a_file_that_may_not_be_read(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    file = tmp_path / "x.toml"
    file.write_text(GOOD)
    monkeypatch.setattr(FilePath, "open", refuse)  # root may read everything, whatever the mode says
    with pytest.raises(ConfigError, match="lack of permission; "):
        load_config(file)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[project]\nname = "x"\n', "file: has no table [tool.isolation_audit]; "),
        (
            "[project]\n[tool.isolation-audit]\n",
            ":2: tool.isolation-audit: unknown table 'isolation-audit'; did you mean",
        ),
        ("[tool]\nisolation_audit = 5\n", ":2: tool.isolation_audit: expected a table, not a single value; "),
        ("[tool.isolation_audit]\n", "file: says nothing; "),
        ("tool = 5\n", "file: has no table"),
    ],
)
def test_a_pyproject_that_has_no_configuration(tmp_path: FilePath, text: str, expected: str) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert expected in str(caught.value)


MANY = {
    "emitters": '[[emitters]]\ntarget = "m{}:A"\naddressee = "args.u"\n',
    "engines": '[[engines]]\ntarget = "m{}:A"\nowner = "args.u"\n',
    "deprecations": '[[deprecations]]\ntarget = "m{}:A"\nreplacement = "n{}:B"\n',
}


@pytest.mark.parametrize("kind", MANY)
def test_ten_times_as_many_targets_take_ten_times_the_steps(tmp_path: FilePath, kind: str) -> None:
    def steps(number: int) -> int:
        """Calls of Python functions of ours, and hashes of targets."""
        file = tmp_path / "isolation-audit.toml"
        file.write_text("".join(MANY[kind].format(one, one) for one in range(number)))
        counted = 0

        def count(frame: FrameType, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count)
        try:
            config = load_config(file)
        finally:
            sys.setprofile(None)
        assert len(getattr(config, kind)) == number
        return counted

    assert steps(1_000) < 12 * steps(100)


def test_a_list_of_thousands_of_patterns_is_refused(tmp_path: FilePath) -> None:
    file = tmp_path / "isolation-audit.toml"
    file.write_text(f"{GOOD}[identity]\nplaceholders = {[f'p{number}*' for number in range(1_001)]}\n")
    with pytest.raises(ConfigError, match=r"toml:4: identity.placeholders: has 1,001 values; list 1,000 at most"):
        load_config(file)


def test_the_lines_of_a_file_are_looked_for_once(tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(files, "Lines", lambda text: made.append(text) or Lines(text))
    tmp_path.joinpath("isolation-audit.toml").write_text(GOOD)
    load_config(tmp_path / "isolation-audit.toml")
    assert made == [GOOD]


class TestWithoutAFile:
    def test_it_is_what_an_empty_table_gives(self) -> None:
        assert default_config() == parse_config({}) == Config()

    def test_the_environment_speaks_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ISOLATION_AUDIT_DEPTH", "state")
        assert default_config().audit.depth == "state"
        monkeypatch.setenv("ISOLATION_AUDIT_DEPTH", "deep")
        with pytest.raises(ConfigError, match="ISOLATION_AUDIT_DEPTH"):
            default_config()
