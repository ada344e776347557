"""``make obs``: run all checks, print each by its number and name, and end with 1 if one has failed.

With ``--full``, as in ``make obs-full``, also those that are tests of ``make test``; that of rule 10 comes after it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from grafana.checks import files, tests
from grafana.checks.live import Live
from grafana.stack.servers import StackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[[], Iterator[str]]

ELSEWHERE = {
    10: "`make obs-full`, which needs Chromium and npm",
    15: f"`make test`, {' and '.join(tests.SAME_OVER_BOTH)}, with a real OTLP agent",
    18: f"`make test`, {' and '.join(tests.SARIF_AND_XDIST)}",
}
"""Rules that need what these checks do without, and what checks them."""


def main() -> int:
    """The exit code."""
    failed, full = 0, "--full" in sys.argv[1:]
    try:
        failed = _run(full=full)
    except StackError as error:
        print(f"FAILED the servers: {error}", flush=True)
        failed = 1
    print("all checks passed" if not failed else f"{failed} check(s) failed", flush=True)
    return 1 if failed else 0


def _run(*, full: bool) -> int:
    """How many have failed."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="isolation-audit-obs-") as name, ExitStack() as stack:
        for check in _checks(Path(name), stack, full=full):
            begun = time.monotonic()
            try:
                problems = list(check())
            except StackError as error:
                problems = [str(error)]
            failed += bool(problems)
            print(f"{'FAILED' if problems else 'ok':6} {check.__doc__} ({time.monotonic() - begun:.1f} s)", flush=True)
            for problem in problems:
                print(f"       {problem}", flush=True)
    for rule, where in ELSEWHERE.items() if not full else ():
        print(f"       {rule}. is checked by {where}", flush=True)
    return failed


def _checks(folder: Path, stack: ExitStack, *, full: bool) -> Iterator[Check]:
    """All of them; those beside servers in the order in which things happen there."""
    yield files.rules_are_accepted
    yield files.every_alert_is_tested
    yield files.dashboards_are_clean
    yield files.metrics_and_users_agree
    yield files.alerts_say_everything
    yield files.managed_alerts_are_the_same
    yield files.generated_files_are_fresh
    if full:
        yield tests.protocols_say_the_same
        yield tests.sarif_is_valid_and_workers_find_the_same
    live = Live(folder, stack)
    yield live.metrics_are_accepted
    yield live.everything_is_zero_at_first
    yield live.a_crossing_reaches_the_webhook
    yield live.two_workers_add_up
    yield live.nothing_private_leaves
    yield live.every_panel_has_data
    yield live.series_do_not_depend_on_users
    yield live.it_resolves
    yield live.blind_and_down_fire


if __name__ == "__main__":
    sys.exit(main())
