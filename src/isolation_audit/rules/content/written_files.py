"""Files: what a unit of work reads of them is an input; one that another's work has overwritten in between is a leak.

A file whose name comes from the client, such as an upload's, is two users' at once where both send the same name: each
writes it, and the first one reads what the second has written. Whoever keeps a store in a file reads it before writing,
and is let alone.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import beneath, is_installed, is_standard
from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.inputs.background import background_of
from isolation_audit.instrument.stacks import DEEP, capture, is_ours
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.inputs import FILE, STORE, Input
from isolation_audit.model.owner_records import Record
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.content.folders_of_users import Asked, asked_with, forget_lists
from isolation_audit.vocabulary.outside import FilesOpened

if TYPE_CHECKING:
    from types import FrameType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User

_PATHS: Final = 10_000
"""Files of which the last writer is remembered, and files of one unit."""

_FILES_AT_START: Final = 50
"""Files that are read before the first request and are remembered, and the characters that are kept of them all."""
_ALL_AT_START: Final = 2_000_000

_LARGEST: Final = 1_000_000
"""Bytes of a file that is read again to be searched."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR
_LIBRARIES: Final = ("pathlib.py", "tempfile.py", "shutil.py", "aiofiles", "anyio", "asyncio", "threading.py")
_CODE: Final = (".py", ".pyc", ".so", ".html", ".jinja", ".j2", ".mo", ".css", ".js")
_SYSTEM: Final = ("/proc/", "/sys/", "/dev/", "/usr/", "/etc/")


_account: Final = pattern(r"[^\s:]+:\S.*").fullmatch
_hashed: Final = pattern(r"[^:]+:(?:[^:]+:)?(?:\$\w+\$|\{\w+\}|[0-9a-f]{32,}(?:$|:)).*").fullmatch
"""Lines as htpasswd and htdigest write them."""


@dataclass(slots=True, eq=False, repr=False)
class Overwritten:
    """``reader``'s work has written a file, ``writer``'s has overwritten it, and then the first one has read it."""

    reader: User
    writer: User
    record: Record
    stack: RawStack


class _Written:
    """The last writing of a file."""

    __slots__ = ("__weakref__", "blind", "number", "place", "user")

    def __init__(self, number: int, user: User, place: RawStack, *, blind: bool) -> None:
        self.number = number
        self.user = user
        self.place = place
        self.blind = blind
        """The unit had not read the file before: what it has written is its own alone."""


class Files(FilesOpened):
    """The files of one audit: by path, which nobody keeps longer than they are among the latest."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._written: dict[str, _Written] = {}
        self._numbers = count(1)
        self._background = runtime.part(background_of)
        self._at_start: dict[str, str | None] = {}
        """Files that were read before the first request, and what is in them, once that was searched."""
        self._left = _ALL_AT_START

    def opened(self, path: Any, flags: Any) -> None:
        """A file is opened."""
        if type(path) is not str or type(flags) is not int:
            return
        inputs = current_inputs()
        if inputs is None:
            if not self._background.started and not flags & _WRITING:
                self._read_at_start(path)
            return
        if not _may_be_data(path):
            return
        user = self.runtime.ambient.current()
        if user is None or user.kind is not Kind.USER:
            return
        path = os.path.abspath(path)  # noqa: PTH100 - following links would ask the disk
        if not flags & _WRITING:
            self._read(path, inputs, user)
        elif flags & os.O_TRUNC:
            self._write(path, inputs, user)
        else:
            inputs.files.setdefault(path, 0)  # it may be read as well as written

    def _read_at_start(self, path: str) -> None:
        """What the application reads before its first request, a catalogue say, is there for all."""
        path = os.path.abspath(path)  # noqa: PTH100 - following links would ask the disk
        if len(self._at_start) < _FILES_AT_START and path not in self._at_start and _may_be_data(path):
            self._at_start[path] = None
            self._background.receive(Input(FILE, path, texts=self._text_at_start))

    def _text_at_start(self, path: str) -> str:
        text = self._at_start[path]
        if text is None:
            text = self._at_start[path] = _plain_text(path)[: self._left]
            self._left -= len(text)
        return text

    def _write(self, path: str, inputs: Inputs, user: User) -> None:
        blind = inputs.files.get(path) != 0
        place = beneath(capture(DEEP), _LIBRARIES)
        written = self._written[path] = _Written(next(self._numbers), user, place, blind=blind)
        drop_oldest(self._written, _PATHS)
        if blind:
            inputs.files[path] = written.number
        drop_oldest(inputs.files, _PATHS)

    def _read(self, path: str, inputs: Inputs, user: User) -> None:
        own, last = inputs.files.setdefault(path, 0), self._written.get(path)
        drop_oldest(inputs.files, _PATHS)
        if own and last is not None and last.number != own and last.blind and not same(last.user, user):
            inputs.files[path] = last.number  # once
            record = Record(self)
            record.owner, record.origin, record.origin_label = last.user, last.place, "overwritten for"
            stack = beneath(capture(self.runtime.config.limits.stack), _LIBRARIES)
            self.runtime.publish(Overwritten(user, last.user, record, stack))
        else:
            library = _is_opened_by_library()
            one = Input(FILE, path, texts=_plain_text if library else _text)
            if inputs.strange:
                forget_lists(inputs.strange, path)
            asked = asked_with(path, user, self.runtime.users.known, inputs.files)
            if asked is not None:
                one.question, one.asked = asked, Asked.texts
                inputs.strange.append(one)
            inputs.receive(one)
            if library:
                inputs.receive(Input(STORE, path, texts=_binary_text))


def _may_be_data(path: str) -> bool:
    return not path.endswith(_CODE) and not path.startswith(_SYSTEM) and not is_installed(path)


def _is_opened_by_library() -> bool:
    """True where an installed package opens a file for itself, as a search index does, and none of the application."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a frame
    while frame is not None and (is_ours(frame.f_code) or is_standard(frame.f_code.co_filename)):
        frame = frame.f_back
    return frame is not None and is_installed(frame.f_code.co_filename)


def _plain_text(path: str) -> str:
    """A text; nothing of what is binary."""
    text = _text(path)
    return "" if "\0" in text else text


def _binary_text(path: str) -> str:
    text = _text(path)
    return text if "\0" in text else ""


def _text(path: str) -> str:
    """What is in the file now, if it is not too large."""
    try:
        if not Path(path).is_file():  # a pipe would wait
            return ""
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
    return "" if _is_of_passwords(path, text) else text


def _is_of_passwords(path: str, text: str) -> bool:
    """True for everybody's passwords: who somebody is was looked up there, and that brings in nobody else."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    accounts = [_account(line) for line in lines]
    return bool(lines) and ("passw" in Path(path).name.lower() or all(map(_hashed, lines))) and all(accounts)
