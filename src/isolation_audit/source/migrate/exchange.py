"""Two files of a folder change places in one step, so that nothing that somebody writes meanwhile is overwritten."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from contextlib import suppress

_SWAP = 2
"""RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS."""

_CAN_NOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


def exchange(folder: int, one: str, other: str) -> bool:
    """Let two names of a folder change places; False where the system or the file system can't.

    Raises:
        OSError: one of them is not there, or the system refuses.
    """
    name = "renameatx_np" if sys.platform == "darwin" else "renameat2"
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        return False
    if function(folder, os.fsencode(one), folder, os.fsencode(other), _SWAP) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CAN_NOT:
        return False
    raise OSError(number, os.strerror(number), one)


def is_being_written(descriptor: int) -> bool:
    """Whether another open file can still write to this one, which is open for reading here.

    Linux grants a lease of reading only where none can; elsewhere nobody knows, and nothing is said.
    """
    import fcntl

    set_lease, set_signal = (getattr(fcntl, name, None) for name in ("F_SETLEASE", "F_SETSIG"))
    if set_lease is None or set_signal is None:
        return False
    try:
        # Whoever opens the file now makes the system send a signal, and the usual one would end this process.
        fcntl.fcntl(descriptor, set_signal, signal.SIGURG)
        fcntl.fcntl(descriptor, set_lease, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    with suppress(OSError):
        fcntl.fcntl(descriptor, set_lease, fcntl.F_UNLCK)
    return False
