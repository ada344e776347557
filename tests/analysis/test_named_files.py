"""Files that others have named, read inside the application's process."""

from __future__ import annotations

import builtins
import io
import os
from typing import TYPE_CHECKING, Any

from isolation_audit.analysis.named_files import content_of, is_readable, text_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

MOST = 3_000_000


def test_a_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_bytes("é = 1\r\nb = 2\rc = 3\n".encode() + b"\xff")
    assert text_of(str(file), MOST) == "é = 1\nb = 2\nc = 3\n\ufffd"
    large = b"# line\n" * 400_000  # more than is read at once
    file.write_bytes(large)
    assert content_of(str(file), MOST) == large
    assert content_of(str(file), len(large) - 1) is None
    file.write_bytes(b"")
    assert (content_of(str(file), MOST), text_of(str(file), MOST)) == (b"", "")


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in (str(pipe), str(tmp_path), str(tmp_path / "missing"), "with\0nul", "/dev/zero"):
        assert not is_readable(name, MOST)
        assert (content_of(name, MOST), text_of(name, MOST)) == (None, "")


def test_nothing_that_the_application_has_exchanged_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "source.py"
    file.write_text("a = 1\n")
    asked: list[str] = []

    def exchanged(name: str) -> Any:
        def refuse(*_words: Any, **_named: Any) -> Any:
            asked.append(name)
            raise RuntimeError(name)

        return refuse

    with monkeypatch.context() as patched:
        for owner, name in ((os, "open"), (os, "read"), (os, "fstat"), (os, "stat"), (os, "close"), (io, "open")):
            patched.setattr(owner, name, exchanged(name))
        for name in ("open", "len"):
            patched.setattr(builtins, name, exchanged(name))
        text = text_of(str(file), MOST)
    assert (text, asked) == ("a = 1\n", [])
