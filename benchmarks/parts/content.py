"""What searching a payload costs, by the number and the form of live identifiers, beside an automaton written in Rust.

The automaton (ahocorasick_rs) looks for all identifiers at once, without minding word boundaries; it can't learn or
forget one without being built anew.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.programs.texts import FORMS, identifiers, text
from benchmarks.rows import Effort, Measured, Row, at_most, measures
from benchmarks.timing import installed, interleaved
from isolation_audit.content.index import Index, Mark
from isolation_audit.content.payload import Gathering
from isolation_audit.model.users import User

if TYPE_CHECKING:
    from collections.abc import Callable

KILOBYTES = (1, 16)
FEW, MANY = 10, 100_000
CHARACTERS = 64 * 1024
"""What one timing searches in all."""
ROUNDS = 15
_GROWTH, _BESIDE = "content_us_per_kb_100k_over_10", "content_vs_ahocorasick_100k"
_CASES = [(form, size) for form in FORMS for size in KILOBYTES]


def _key(key: str, form: str, size: int) -> str:
    return f"{key}[{form}, {size} KB]"


@measures(
    "content",
    [
        Row(_GROWTH, "time of a search, 100,000 users / 10, worst case", at_most(1.1)),
        Row(_BESIDE, "ours / ahocorasick_rs at 100,000 users, worst case", at_most(0.8)),
        *(Row(_key(_BESIDE, *case), "ours / ahocorasick_rs at 100,000 users", at_most(0.8)) for case in _CASES),
        *(Row(_key(_GROWTH, *case), "100,000 users / 10", at_most(1.1)) for case in _CASES),
        *(Row(_key("content_us_per_kb", *case), "a KB at 100,000 users", unit="us") for case in _CASES),
        Row("content_gathering_us", "walking a payload of 45 values", unit="us"),
    ],
)
def content(effort: Effort) -> Measured:
    """Form by form: index and automaton, few users and many, small text and large."""
    rust = installed("ahocorasick_rs")
    figures = {}
    for form in FORMS:
        timed = _searches(form, max(FEW, round(MANY * min(1.0, effort.scale))), rust=rust)
        calls = {name: max(1, CHARACTERS // (size * 1024)) for name, (size, _search) in timed.items()}
        runs = {name: partial(_repeat, search, calls[name]) for name, (_size, search) in timed.items()}
        best = interleaved(runs, effort.times(ROUNDS), calls)
        for size in KILOBYTES:
            many = best[f"ours, many, {size}"]
            figures[_key(_GROWTH, form, size)] = many / best[f"ours, few, {size}"]
            figures[_key("content_us_per_kb", form, size)] = many / size / 1e3
            if rust:
                figures[_key(_BESIDE, form, size)] = many / best[f"rust, many, {size}"]
    figures |= {
        key: max(figures[_key(key, *case)] for case in _CASES) for key in (_GROWTH, _BESIDE) if rust or key == _GROWTH
    }
    payload = {"agent": "triage", "status": "done", "steps": [{"tool": "search", "found": n} for n in range(10)]}
    walk = interleaved(
        {"walk": partial(_repeat, lambda: Gathering(payload).texts, 20)}, effort.times(ROUNDS), {"walk": 20}
    )
    figures["content_gathering_us"] = walk["walk"] / 1e3
    reason = "ahocorasick_rs is not installed"
    absent = [] if rust else [_BESIDE, *(_key(_BESIDE, *case) for case in _CASES)]
    return Measured(figures, dict.fromkeys(absent, reason))


def _repeat(search: Callable[[], object], calls: int) -> None:
    for _ in range(calls):
        search()


def _searches(form: str, many: int, *, rust: bool) -> dict[str, tuple[int, Callable[[], object]]]:
    known = identifiers(form, many)
    found: dict[str, tuple[int, Callable[[], object]]] = {}
    for amount, number in (("few", FEW), ("many", many)):
        index = Index()
        for one in known[:number]:
            index.add(one, Mark(User(one)))
        for size in KILOBYTES:
            searched = text(known[0], size * 1024)
            assert len(index.find(searched)[0]) == 1
            found[f"ours, {amount}, {size}"] = size, partial(index.find, searched)
    if rust:
        import ahocorasick_rs

        automaton = ahocorasick_rs.AhoCorasick(known)
        for size in KILOBYTES:
            searched = text(known[0], size * 1024)
            found[f"rust, many, {size}"] = size, partial(automaton.find_matches_as_indexes, searched)
    return found
