"""What searching a payload costs: microseconds a KB, by the number and the form of live identifiers.

Run it as ``python benchmarks/content.py [ROUNDS]``. Beside it, where it is installed, stands an Aho-Corasick automaton
(ahocorasick_rs), which looks for all identifiers at once, without minding word boundaries. The variants are timed in
turn, round after round, and each keeps its best round.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import platform
import random
import sys
import time
from typing import TYPE_CHECKING

from isolation_audit.content.index import Index, Mark
from isolation_audit.content.payload import Gathering
from isolation_audit.identity.users import User

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 8 * 1024
CALLS = 20
NUMBERS = (10, 100_000)
SENTENCE = (
    "the answer is computed from several records of the last quarter and a note says that nothing was found in the "
    "archive while the search for other values took longer than expected so please try again with fewer words"
)


def identifiers(form: str, number: int) -> list[str]:
    """Identifiers of one form, all different."""
    draw = random.Random(1)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(number)]
    if form == "prefixed":
        return [f"user-{name}{place}" for place, name in enumerate(names)]
    if form == "words":
        return [f"{name}{place}" for place, name in enumerate(names)]
    return [f"{name}.{place}@example.org" for place, name in enumerate(names)]


def text(mine: str) -> str:
    """About SIZE characters of JSON that names its own user now and then."""
    draw = random.Random(2)
    records = []
    while len(json.dumps(records)) < SIZE:
        records.append(
            {"id": draw.randrange(10**6), "owner": mine, "text": " ".join(draw.choices(SENTENCE.split(), k=40)) + "."}
        )
    return json.dumps(records)


def variants() -> dict[tuple[str, int, str], Callable[[], object]]:
    """(form, number of identifiers, who searches) -> one search."""
    made: dict[tuple[str, int, str], Callable[[], object]] = {}
    for form in ("prefixed", "words", "e-mail"):
        for number in NUMBERS:
            known = identifiers(form, number)
            searched = text(known[0])
            index = Index()
            for one in known:
                index.add(one, Mark(User(one)))
            made[form, number, "index"] = lambda index=index, searched=searched: index.find(searched)
            if importlib.util.find_spec("ahocorasick_rs") is not None:
                import ahocorasick_rs

                automaton = ahocorasick_rs.AhoCorasick(known)
                made[form, number, "automaton"] = lambda automaton=automaton, searched=searched: (
                    automaton.find_matches_as_indexes(searched)
                )
    return made


def measure(timed: dict[tuple[str, int, str], Callable[[], object]], times: int) -> dict[tuple[str, int, str], float]:
    """Best microseconds a KB of each."""
    best = dict.fromkeys(timed, float("inf"))
    gc.disable()
    for _ in range(times):
        for name, run in timed.items():
            start = time.perf_counter_ns()
            for _ in range(CALLS):
                run()
            best[name] = min(best[name], (time.perf_counter_ns() - start) / CALLS / 1000 / (SIZE / 1024))
        gc.collect()
    gc.enable()
    return best


def main() -> None:
    """Measure and print."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    best = measure(variants(), times)
    print(f"CPython {platform.python_version()}, JSON text of {SIZE // 1024} KB, best of {times} rounds; µs a KB")
    print(f"{'':10}{'live':>9}{'index':>9}{'automaton':>11}{'ratio':>8}")
    for form, number, who in best:
        if who != "index":
            continue
        mine, other = best[form, number, "index"], best.get((form, number, "automaton"))
        beside = "" if other is None else f"{other:11.2f}{mine / other:7.1f}x"
        print(f"{form:10}{number:9,}{mine:9.2f}{beside}")
    if not any(who == "automaton" for _form, _number, who in best):
        print("ahocorasick_rs is not installed: nothing to compare with")
    payload = {"agent": "triage", "status": "done", "steps": [{"tool": "search", "found": n} for n in range(10)]}
    walk = {("walk", 0, "index"): lambda: Gathering(payload).texts}
    print(f"walking a payload of 45 values: {measure(walk, times)['walk', 0, 'index'] * SIZE / 1024:.1f} µs")


if __name__ == "__main__":
    main()
