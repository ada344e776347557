"""A fork while a thread of the auditor's imports: the child can import the same, and nobody's lock is left behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """\
import os, sys, threading
sys.path.insert(0, ".")
from isolation_audit.process import running_auditor as process
from isolation_audit.foundation.forks import forks

begun = threading.Event()
sys.begun = begun.set

def of_the_auditor():
    with forks.wait():
        import slow

thread = threading.Thread(target=of_the_auditor)
thread.start()
begun.wait()
child = os.fork()
if child == 0:
    import slow
    with forks.wait():
        os._exit(0 if slow.loaded else 1)
thread.join()
with forks.wait():
    print(os.waitpid(child, 0)[1])
"""

SLOW = "import sys, time\nsys.begun()\ntime.sleep(0.5)\nloaded = True\n"


def test_a_fork_waits_for_an_import_of_the_auditors(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
