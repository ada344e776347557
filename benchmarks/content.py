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
import uuid
from functools import partial
from typing import TYPE_CHECKING

from isolation_audit.content.index import Index, Mark
from isolation_audit.content.payload import Gathering
from isolation_audit.model.users import User

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (1, 16)
CHARACTERS = 150_000
"""What one timing searches in all."""
NUMBERS = (10, 1_000, 100_000)
SENTENCE = (
    "the answer is computed from several records of the last quarter and a note says that nothing was found in the "
    "archive while the search for other values took longer than expected so please try again with fewer words"
)


FORMS: dict[str, Callable[[str, int, random.Random], str]] = {
    "prefixed": lambda name, place, _draw: f"user-{name}{place}",
    "UUID": lambda _name, _place, draw: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
    "e-mail": lambda name, place, _draw: f"{name}.{place}@example.org",
    "hex": lambda _name, _place, draw: f"{draw.getrandbits(96):024x}",
    "name, digits": lambda name, place, _draw: f"{name}{place}",
    "name": lambda name, place, _draw: name + letters(place),
}

Timed = dict[tuple[str, int, int, str], "Callable[[], object]"]
"""Form, number of identifiers, KB of text, who searches -> one search."""


def letters(number: int) -> str:
    """The number, written in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def identifiers(form: str, number: int) -> list[str]:
    """Identifiers of one form, all different."""
    draw = random.Random(1)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(number)]
    return [FORMS[form](name, place, draw) for place, name in enumerate(names)]


def text(mine: str, size: int) -> str:
    """About ``size`` characters of JSON that names its own user now and then."""
    draw = random.Random(2)
    records = []
    while len(json.dumps(records)) < size:
        records.append(
            {"id": draw.randrange(10**6), "owner": mine, "text": " ".join(draw.choices(SENTENCE.split(), k=40)) + "."}
        )
    return json.dumps(records)


def variants(automaton: Callable[[list[str]], Callable[[str], object]] | None) -> Timed:
    """All searches, of a form beside each other."""
    made: Timed = {}
    for form in FORMS:
        for number in NUMBERS:
            known = identifiers(form, number)
            index = Index()
            for one in known:
                index.add(one, Mark(User(one)))
            searches = {"index": index.find}
            if automaton is not None:
                searches["automaton"] = automaton(known)
            for size in SIZES:
                searched = text(known[0], size * 1024)
                for who, search in searches.items():
                    made[form, number, size, who] = partial(search, searched)
    return made


def aho_corasick() -> Callable[[list[str]], Callable[[str], object]] | None:
    """What makes an automaton's search, where it is installed."""
    if importlib.util.find_spec("ahocorasick_rs") is None:
        return None
    import ahocorasick_rs

    return lambda known: ahocorasick_rs.AhoCorasick(known).find_matches_as_indexes


def measure(timed: Timed, times: int) -> dict[tuple[str, int, int, str], float]:
    """Best microseconds a KB of each."""
    best = dict.fromkeys(timed, float("inf"))
    gc.disable()
    for _ in range(times):
        for name, run in timed.items():
            size = name[2]
            calls = CHARACTERS // (size * 1024)
            start = time.perf_counter_ns()
            for _ in range(calls):
                run()
            best[name] = min(best[name], (time.perf_counter_ns() - start) / calls / 1000 / size)
        gc.collect()
    gc.enable()
    return best


def main() -> None:
    """Measure and print."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    automaton = aho_corasick()
    best = measure(variants(automaton), times)
    print(f"CPython {platform.python_version()}, JSON text, best of {times} rounds; µs a KB")
    sizes = "".join(f"{f'index, {size} KB':>15}{'automaton':>11}{'ratio':>7}" for size in SIZES)
    print(f"{'':14}{'live':>8}{sizes}")
    for form in FORMS:
        for number in NUMBERS:
            line = f"{form:14}{number:8,}"
            for size in SIZES:
                mine, other = (best.get((form, number, size, who)) for who in ("index", "automaton"))
                line += f"{mine:15.2f}" + (f"{other:11.2f}{mine / other:6.1f}x" if mine and other else " " * 18)
            print(line)
    if automaton is None:
        print("ahocorasick_rs is not installed: nothing to compare with")
    payload = {"agent": "triage", "status": "done", "steps": [{"tool": "search", "found": n} for n in range(10)]}
    walk = measure({("walk", 0, 1, "index"): lambda: Gathering(payload).texts}, times)
    print(f"walking a payload of 45 values: {walk['walk', 0, 1, 'index']:.1f} µs")


if __name__ == "__main__":
    main()
