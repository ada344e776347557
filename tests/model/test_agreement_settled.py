"""What is settled between a source and the application is not compared again: the same comes of it."""

from __future__ import annotations

import random

from isolation_audit.model.agreement import Agreement

NAMES = ("alice", "bob", "1", "2")


def told(agreement: Agreement) -> tuple[object, ...]:
    return (
        agreement.agreed,
        agreement.disagreed,
        agreement.pairs,
        agreement.one_language,
        agreement.told,
        agreement.said,
    )


def test_where_it_is_settled_a_comparison_would_only_have_counted_once_more() -> None:
    settled = 0
    for seed in range(300):
        draw, agreement = random.Random(seed), Agreement()
        for _ in range(30):
            one, other = draw.choice(NAMES), draw.choice(NAMES)
            other = one if draw.random() < 0.7 else other
            if not agreement.is_settled(one, other):
                agreement.compare(one, other)
                continue
            settled += 1
            before = told(agreement)
            assert agreement.compare(one, other) == (True, [])
            assert told(agreement) == (before[0] + 1, *before[1:])
            assert not agreement.outvoted
    assert settled > 100
