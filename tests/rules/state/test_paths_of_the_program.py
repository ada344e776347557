"""Where a program runs is nobody's data: a store that the first user's work opens is no leak for its folder's name."""

from __future__ import annotations

from isolation_audit.rules.state.literals import Literals


def test_parts_of_the_folder_are_known(monkeypatch, tmp_path) -> None:
    folder = tmp_path / "srv-data" / "Notes_App 7"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    literals = Literals()
    assert literals.is_of_paths("srv-data notes")
    assert literals.is_of_paths("app 7")
    assert not literals.is_of_paths("srv-data other")
    assert not literals.is_of_paths("account 4711")
