"""What watching costs the calls of libraries: caches and pools, and sends to one, some or all users."""

from __future__ import annotations

from benchmarks.rows import Effort, Figures, Measured, NotMeasured, Row, measures
from benchmarks.timing import figures_in_turn, installed

CACHES = (
    "lru_cache: hit, same user",
    "lru_cache: miss",
    "lru_cache: hit, shared value",
    "cachetools: get, same user",
    "cachetools: set",
    "sqlalchemy: Session.execute",
    "sqlalchemy: Connection.execute",
    "sqlalchemy: temporary row",
    "stream: question and answer",
)
SENDS = (
    "emit to its own user",
    "emit to a room of 10",
    "emit to everyone",
    "websocket.send_text",
    "signal, heard by all",
    "signal, heard by 10 users",
)
CLIENTS = (10, 1_000)


def both(program: str, rounds: int, *words: str) -> dict[str, dict[str, float]]:
    """Bare and audited processes of a program, in turn."""
    commands = {way: ("-m", f"benchmarks.programs.{program}", way, *words) for way in ("bare", "audited")}
    return figures_in_turn(commands, rounds)


def rows(key: str, names: tuple[str, ...], unit: str) -> list[Row]:
    """Two for each call."""
    kinds = (("bare", "a call"), ("added", "added to it"))
    return [Row(f"{key}_{kind}_{unit}[{name}]", what, unit=unit) for name in names for kind, what in kinds]


@measures("caches", rows("cache", CACHES, "ns"), detail=True)
def caches(effort: Effort) -> Measured:
    """Calls of caches, sessions and streams."""
    best = both("caches", effort.times(5))
    figures: Figures = {}
    for name, bare in best["bare"].items():
        figures |= {f"cache_bare_ns[{name}]": bare, f"cache_added_ns[{name}]": best["audited"][name] - bare}
    return Measured(figures)


@measures(
    "addressees",
    rows("send", tuple(f"{name}, {clients:,} clients" for clients in CLIENTS for name in SENDS), "us"),
    detail=True,
)
def addressees(effort: Effort) -> Measured:
    """Sends of a server with few clients and with many."""
    if not installed("socketio", "blinker", "starlette"):
        raise NotMeasured("python-socketio, blinker or starlette is not installed")
    figures: Figures = {}
    for clients in CLIENTS:
        best = both("addressees", effort.times(3), str(clients), str(effort.times(500)))
        for name, bare in best["bare"].items():
            case = f"{name}, {clients:,} clients"
            figures |= {f"send_bare_us[{case}]": bare, f"send_added_us[{case}]": best["audited"][name] - bare}
    return Measured(figures)
