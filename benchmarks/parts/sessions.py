"""What it costs to know a request's user by its session: with few sessions and with many, and their memory."""

from __future__ import annotations

import tracemalloc
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.rows import Effort, Figures, Measured, Row, measures
from benchmarks.timing import interleaved
from isolation_audit.model.learned import LearnedUsers
from isolation_audit.model.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 2_000
NUMBERS = (1_000, 100_000)
HEADERS = [
    ("host", "127.0.0.1:8000"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "theme=dark; csrftoken=Bq0aVb5nRt7pL0aVb5nRt; sessionid=k3J9xQ2mZ7pL0aVb5nRt"),
    ("authorization", "Bearer 9f3c1a7e5d2b4c6a8e0f"),
]


STEPS = {
    "read": "reading a request's cookie and token",
    "look-up": "looking both up",
    "bind": "binding a new session",
}


@measures(
    "sessions",
    [
        *(
            Row(f"session_us[{step}, {number:,} sessions]", what, unit="us")
            for number in NUMBERS
            for step, what in STEPS.items()
        ),
        Row("session_memory_mb", f"{NUMBERS[-1]:,} sessions, with their users", unit="MB"),
    ],
    detail=True,
)
def sessions(effort: Effort) -> Measured:
    """Few sessions, then many."""
    figures: Figures = {}
    for number in NUMBERS:
        held, steps = filled(number)
        runs = {name: partial(repeated, step) for name, step in steps.items()}
        best = interleaved(runs, effort.times(20), dict.fromkeys(runs, TIMES))
        figures |= {f"session_us[{step}, {number:,} sessions]": ns / 1e3 for step, ns in best.items()}
        figures["session_memory_mb"] = held
    return Measured(figures)


def repeated(step: Callable[[], object]) -> None:
    """So often."""
    for _ in range(TIMES):
        step()


def filled(number: int) -> tuple[float, dict[str, Callable[[], object]]]:
    """MB of a table of so many sessions, and the steps that are timed on it."""
    users = Users(limit=number + 1)
    tracemalloc.start()
    learned = LearnedUsers(limit=number)
    for place in range(number):
        user = users.token(f"user-{place}")
        assert user is not None
        learned.learn([learned.digest(f"session-{place}")], user)
    held = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    presented = learned.present(HEADERS, "page=2").all()
    user = users.token("user-0")
    assert user is not None
    learned.learn(presented, user)
    assert learned.user_of(presented) is user
    assert len(learned) == number
    numbers = iter(range(10**9))
    return held, {
        "read": lambda: learned.present(HEADERS, "page=2"),
        "look-up": lambda: learned.user_of(presented),
        "bind": lambda: learned.learn([next(numbers).to_bytes(16, "big")], user),
    }
