"""The .pth file of ``activate``: with it, ``ISOLATION_AUDIT=1`` audits every Python process of the environment."""

from __future__ import annotations

import sysconfig
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from isolation_audit.foundation.environment import ON, SWITCH

NAME = "isolation_audit_activate.pth"

_START = f"""\
try:
    from isolation_audit.activate import from_environment
    from_environment()
except Exception as error:
    if sys.stderr is not None and not hasattr(sys, '_isolation_audit_failed'):
        sys._isolation_audit_failed = True
        remedy = 'install isolation-audit again, or delete {NAME}'
        print('isolation-audit: not active:', ' '.join(f'{{error}}; {{remedy}}'.split()), file=sys.stderr)
"""
"""Python 3.11 reads a .pth file twice; what went wrong is told once."""

_LINE = f"import os, sys; os.environ.get({SWITCH!r}, '').lower() in {ON} and exec({_START!r})\n"
"""Where the variable asks for nothing, this is all that runs. A .pth may import on one line only."""


def pth_file() -> Path:
    """Where the .pth of this environment is, or would be."""
    return Path(sysconfig.get_path("purelib")) / NAME


def install() -> Path:
    """Put the .pth into this environment; from then on ``ISOLATION_AUDIT=1`` is enough.

    Raises:
        OSError: the environment can't be written to.
    """
    path = pth_file()
    path.write_text(_LINE, encoding="utf-8")
    _record(path, installed=True)
    return path


def remove() -> bool:
    """Take the .pth out of this environment again; False when there was none.

    Raises:
        OSError: the environment can't be written to.
    """
    path = pth_file()
    existed = path.exists()
    path.unlink(missing_ok=True)
    _record(path, installed=False)
    return existed


def _record(path: Path, *, installed: bool) -> None:
    """Have ``pip uninstall`` remove the file with the package: it removes what the package's RECORD names.

    Where there is no RECORD, or none that can be written, the file stays behind, and says so when it is asked.
    """
    with suppress(OSError, metadata.PackageNotFoundError):
        record = _record_beside(path)
        if record is None:
            return
        entry = f"{path.name},,\n"
        lines = [line for line in record.read_text(encoding="utf-8").splitlines(keepends=True) if line != entry]
        temporary = record.with_name("RECORD.isolation-audit")
        temporary.write_text("".join([*lines, entry] if installed else lines), encoding="utf-8")
        temporary.replace(record)


def _record_beside(path: Path) -> Path | None:
    """The RECORD of the package where it is installed in the same folder, and not in another that this one sees."""
    for file in metadata.distribution("isolation-audit").files or ():
        record = Path(str(file.locate()))
        if record.name == "RECORD" and record.parents[1].resolve() == path.parent.resolve() and record.is_file():
            return record
    return None
