"""Files that are opened by ``open`` and ``os.open``: what a request reads of them, and what it writes.

The interpreter would tell of every file by an audit hook. But it can't take such a hook away, and calls it for each
``id()`` and ``sys._getframe()`` of the application as well, which makes them ten times as slow.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.instrument.inputs.receiver import receiver
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.outside import FilesOpened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime

_OPEN: Final = f"{open.__module__}:open"
"""Where the interpreter says it is: under all other names, that in ``builtins`` included, it is replaced with this."""
_OS_OPEN: Final = "os:open"


class FilesIntegration:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """What opens files."""
        if receiver(runtime) is None:
            return
        files = runtime.listener(FilesOpened)
        yield Point(_OPEN, partial(OpenPoint, files))
        yield Point(_OS_OPEN, partial(DescriptorPoint, files))


class OpenPoint(Interceptor):
    """Around ``open``."""

    place = _OPEN

    def __init__(self, files: FilesOpened, layout: Layout) -> None:
        self._files = files
        self._file = layout.optional("file")
        self._mode = layout.optional("mode")

    def before(self, values: Values) -> None:
        """Note which file, and for what."""
        self._files.opened(_path(self._file(values)), flags_of(self._mode(values)))


class DescriptorPoint(Interceptor):
    """Around ``os.open``."""

    place = _OS_OPEN

    def __init__(self, files: FilesOpened, layout: Layout) -> None:
        self._files = files
        self._file = layout.optional("path")
        self._flags = layout.optional("flags")

    def before(self, values: Values) -> None:
        """The same."""
        self._files.opened(_path(self._file(values)), self._flags(values))


def flags_of(mode: Any) -> int:
    """What ``open`` asks the operating system for, by its mode: ``rw+``."""
    if type(mode) is not str:
        return os.O_RDONLY
    if "w" in mode or "x" in mode:
        return os.O_WRONLY | os.O_TRUNC
    return os.O_RDWR if "a" in mode or "+" in mode else os.O_RDONLY


def _path(file: Any) -> Any:
    """The path as a text, where no code of the application has to be asked for it."""
    return str(file) if issubclass(type(file), PurePath) and type(file).__module__.startswith("pathlib") else file


integration = FilesIntegration()
