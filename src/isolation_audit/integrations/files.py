"""Files that are opened, whoever opens them: the interpreter tells of each."""

from __future__ import annotations

import sys
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any
from weakref import ref

from isolation_audit.instrument.barrier import inside, raised_by_signal
from isolation_audit.rules.content.written_files import Files, opened
from isolation_audit.rules.provenance.inputs import receiver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

_PLACE = "the hook for files"


class FilesIntegration:
    """The integration. There is no callable to watch: ``open`` is known to everybody under a name of their own."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """None; the hook hears of files as long as the audit runs."""
        if receiver(runtime) is not None and sys.implementation.name == "cpython":
            opened.listen(partial(_hear, ref(runtime.part(Files))))
        yield from ()


def _hear(audit: ref[Files], path: Any, flags: Any) -> None:
    """Behind a barrier of its own: no probe holds back what goes wrong."""
    files, me = audit(), get_ident()
    if files is None or not files.runtime.running or me in inside:
        return
    try:
        inside.add(me)
        files.opened(path, flags)
    except Exception as error:
        if raised_by_signal(error):
            raise
        if files.runtime.barrier.fault(_PLACE, error):
            opened.listen(None)
    finally:
        inside.discard(me)


integration = FilesIntegration()
