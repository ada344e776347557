"""Our entry in W3C's header ``baggage``, beside the entries of others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.model.baggage import pseudonym_in, with_pseudonym

ALICE, BOB = "a" * 12, "b" * 12


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("", None),
        (f"isolation_audit.user={ALICE}", ALICE),
        (f"key=value, isolation_audit.user = {ALICE} ;property=1,other=x", ALICE),
        (f"other=isolation_audit.user={ALICE}", None),
        ("isolation_audit.user=", None),
        ("isolation_audit.user=alice", None),
        (f"isolation_audit.user={ALICE}b", None),
        ("isolation_audit.user=<script>", None),
        ("k=" + "v" * 10_000 + f",isolation_audit.user={ALICE}", None),
    ],
)
def test_what_a_header_names(header: str, named: str | None) -> None:
    assert pseudonym_in(header) == named


@pytest.mark.parametrize(
    ("header", "pseudonym", "made"),
    [
        (None, None, None),
        (None, ALICE, f"isolation_audit.user={ALICE}"),
        ("k=v;p=1,l=w", ALICE, f"k=v;p=1,l=w,isolation_audit.user={ALICE}"),
        (f"k=v,isolation_audit.user={ALICE}", BOB, f"k=v,isolation_audit.user={BOB}"),
        (f"k=v, isolation_audit.user={ALICE}", None, "k=v"),
        (f"isolation_audit.user={ALICE}", None, None),
    ],
)
def test_ours_takes_its_place_beside_the_others(header: str | None, pseudonym: str | None, made: str | None) -> None:
    assert with_pseudonym(header, pseudonym) == made


@given(st.lists(st.from_regex(r"[a-z]{1,8}=[a-z0-9%;=]{0,12}", fullmatch=True), max_size=6))
def test_the_members_of_others_stay_as_they_are(members: list[str]) -> None:
    header = ",".join(members)
    made = with_pseudonym(header, ALICE)
    assert made is not None
    assert pseudonym_in(made) == ALICE
    assert (with_pseudonym(made, None) or "") == header
