"""What ``isolation-audit demo`` shows as its overhead: the example chat in a tight loop, and with a model."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile

from benchmarks.rows import Effort, Measured, NotMeasured, Row, at_most, measures
from benchmarks.timing import clean_environment, installed


@measures(
    "demo",
    [
        Row(
            "demo_overhead", "load time of the user engine, audited / bare, as fast as events can be made", at_most(1.3)
        ),
        Row("demo_overhead_with_model", "the same where the model takes 0.1 s"),
        Row("demo_overhead_legacy", "the same with the legacy engine, whose events are findings"),
    ],
)
def demo(_effort: Effort) -> Measured:
    """The command itself."""
    if not installed("starlette", "uvicorn", "websockets"):
        return Measured(
            missing=dict.fromkeys(("demo_overhead", "demo_overhead_with_model"), "the demo extra is missing")
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "isolation_audit", "demo", "--json", "--report", folder]
        done = subprocess.run(
            command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False, timeout=200
        )
    if done.returncode:
        raise NotMeasured(f"the demo failed: {done.stderr[-1_000:]}")
    engines = json.loads(done.stdout)["engines"]
    return Measured(
        {
            "demo_overhead": engines["user"]["overhead_ratio"],
            "demo_overhead_with_model": engines["user"]["overhead_ratio_with_model"],
            "demo_overhead_legacy": engines["legacy"]["overhead_ratio"],
        }
    )
