"""What it costs to know a request's user by its session: the look-up with few and with many sessions, and its memory.

Run it as ``python benchmarks/sessions.py [SESSIONS]``. A row a number of sessions: microseconds of processor time to
read the cookie and the token of a request, to look both up, and to bind a new session; megabytes of the full table.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from typing import TYPE_CHECKING

from isolation_audit.model.learned import LearnedUsers
from isolation_audit.model.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 5
TIMES = 20_000
HEADERS = [
    ("host", "127.0.0.1:8000"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br"),
    ("cookie", "theme=dark; csrftoken=Bq0aVb5nRt7pL0aVb5nRt; sessionid=k3J9xQ2mZ7pL0aVb5nRt"),
    ("authorization", "Bearer 9f3c1a7e5d2b4c6a8e0f"),
]


def best(step: Callable[[], object]) -> float:
    """Microseconds of one call, in the best round."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES):
            step()
        times.append(time.process_time() - begun)
    return min(times) / TIMES * 1e6


def row(sessions: int) -> tuple[int, float, float, float, float]:
    """One number of sessions."""
    users = Users(limit=sessions + 1)
    tracemalloc.start()
    learned = LearnedUsers(limit=sessions)
    for number in range(sessions):
        user = users.token(f"user-{number}")
        assert user is not None
        learned.learn([learned.digest(f"session-{number}")], user)
    held = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    assert len(learned) == sessions
    presented = learned.present(HEADERS, "page=2").all()
    user = users.token("user-0")
    assert user is not None
    learned.learn(presented, user)
    assert learned.user_of(presented) is user
    assert len(learned) == sessions
    numbers = iter(range(10**9))
    return (
        sessions,
        best(lambda: learned.present(HEADERS, "page=2")),
        best(lambda: learned.user_of(presented)),
        best(lambda: learned.learn([next(numbers).to_bytes(16, "big")], user)),
        held,
    )


def main() -> None:
    """Print the rows."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"{'sessions':>9}  {'read':>8}  {'look-up':>8}  {'bind':>8}  {'memory':>8}")
    for sessions in (1_000, 10_000, most):
        number, read, found, bind, held = row(sessions)
        print(f"{number:>9,}  {read:>5.2f} us  {found:>5.2f} us  {bind:>5.2f} us  {held:>5.1f} MB")


if __name__ == "__main__":
    main()
