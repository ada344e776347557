"""The search for identifiers: found at word boundaries wherever text carries them, and nowhere else."""

from __future__ import annotations

import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolation_audit.content.index import Index, Mark
from isolation_audit.identity.users import User


def index_of(*identifiers: str, mixed: bool = False) -> Index:
    """Each identifier is a user's own; ``mixed`` adds one that no prefix leads to."""
    index = Index()
    for identifier in (*identifiers, *(["zoë"] if mixed else [])):
        assert index.add(identifier, Mark(User(identifier)))
    return index


def found(index: Index, text: str) -> list[str]:
    marks, complete = index.find(text)
    assert complete
    return sorted({mark.user.id for mark in marks})


INSIDE = [
    "{}",
    "from {} to you",
    "({})",
    "{}'s list",
    "{}, and others",
    "said {}.",
    "'{}'",
    "“{}”",
    "…{}…",
    "see {}: done",
    "a={}&b=1",
    "https://host/users/{}/orders?page=2",
    "https://host/?user={}#top",
    "mailto:{}",
    "session:{}:cart",
    "_{}_ in Markdown",
    "**{}**",
    "<!--{}-->",
    "--{}--",
    "{}-",
    "请问{}在吗",
    "line\n{}\tend",
    "{} {}",
]
OUTSIDE = ["{}2", "1{}", "x-{}", "{}-2", "super{}", "{}x", "{}_2", "é{}", "{}é"]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("identifier", ["user-1", "run_17", "alice", "0b9bd1f2-8c62-4f6f-9b3f-7a4b3f7c2f60", "Zoë"])
def test_words(identifier: str, mixed: bool) -> None:
    index = index_of(identifier, mixed=mixed)
    for form in INSIDE:
        text = form.replace("{}", identifier)
        assert found(index, text) == [identifier], text
    for form in OUTSIDE:
        text = form.replace("{}", identifier)
        assert found(index, text) == [], text


@pytest.mark.parametrize(
    "identifier", ["alice@example.org", "a.smith+x@example.org", "auth0|5f7c8ec7c33c", "org:alice", "tenant/alice"]
)
def test_identifiers_of_several_words(identifier: str) -> None:
    index = index_of(identifier, "alicia@example.org", "auth0|5f7c8ec7c33d", "org:alicia")
    for form in INSIDE:
        text = form.replace("{}", identifier)
        assert found(index, text) == [identifier], text
    for form in ("{}2", "1{}", "x.{}", "{}.uk", "{}-2"):
        text = form.replace("{}", identifier)
        assert found(index, text) == [], text


@pytest.mark.parametrize("identifier", ["alice@example.org", "zoë", "org/alice", "user-1"])
def test_encodings(identifier: str) -> None:
    index = index_of(identifier)
    text = f"first\n{identifier}\nlast"
    assert found(index, json.dumps({"text": text})) == [identifier]
    assert found(index, json.dumps({"text": text}, ensure_ascii=False)) == [identifier]
    assert found(index, "https://host/?q=" + quote(identifier, safe="")) == [identifier]


def test_the_word_before_another_identifier_does_not_hide_it() -> None:
    index = index_of("user-1", "user-2", "user-" + "x" * 20)
    assert found(index, "user-1 user-22222222222222222 user-2") == ["user-1", "user-2"]
    assert found(index, "user-1 " + "y" * 12 + " user-22") == ["user-1"]
    assert found(index, "user-user-1 user-user-") == []


@pytest.mark.parametrize("identifier", ["al", "", "7", "12345678", "|||", "x" * 300])
def test_what_is_left_out(identifier: str) -> None:
    index = Index()
    assert not index.add(identifier, Mark(User(identifier)))
    assert len(index) == 0
    assert index.find(f"a {identifier} b") == ([], True)


def test_large_numbers_are_identifiers() -> None:
    assert found(index_of("175928847299117063"), "by 175928847299117063 today") == ["175928847299117063"]


@pytest.mark.parametrize("identifier", ["lobby", "org/lobby"])
def test_what_two_users_have_had_tells_nothing(identifier: str) -> None:
    index = Index()
    for user in ("alice", "bob", "alice"):
        index.add(identifier, Mark(User(user)))
    assert found(index, identifier) == []
    index.forget(identifier)
    index.add(identifier, Mark(User("carol")))
    assert found(index, identifier) == ["carol"]


@pytest.mark.parametrize("identifier", ["user-1", "a@b.org"])
def test_forgotten(identifier: str) -> None:
    index = index_of(identifier)
    index.forget(identifier)
    index.forget(identifier)
    assert (len(index), found(index, identifier), index._heads) == (0, [], {})


def test_identifiers_that_share_their_words() -> None:
    names = [f"{a}.{b}@example.org" for a in ("anna", "ben", "carl", "dora") for b in ("may", "lee", "fox")]
    index = index_of(*names)
    for name in names:
        assert found(index, f"to {name}, please") == [name]
    assert found(index, "anna ben carl may lee fox example org") == []


def test_bounded_whatever_the_text() -> None:
    index = index_of(*(f"{a}.{b}" for a in range(100, 200) for b in range(100, 200)))
    hostile = " ".join(f"{n}" for n in range(100, 200)) * 2_500
    begun = time.perf_counter()
    _marks, complete = index.find(hostile)
    assert not complete
    assert time.perf_counter() - begun < 5


IDS = st.from_regex(r"[a-z]{3,5}[@|:./_-]?[a-z0-9]{2,8}", fullmatch=True)


@given(st.lists(IDS, min_size=1, max_size=20, unique=True), st.data())
def test_each_of_many_is_found_beside_any_text(identifiers: list[str], data: st.DataObject) -> None:
    index = index_of(*identifiers)
    planted = data.draw(st.sampled_from(identifiers))
    before, after = data.draw(st.text(max_size=40)), data.draw(st.text(max_size=40))
    assert planted in found(index, f"{before} {planted} {after}")


@given(st.text(alphabet=st.characters(exclude_categories=["Nd"])))
def test_nothing_in_text_without_it(text: str) -> None:
    assert found(index_of("user-1234", "x9@y8.org", "4711/0815"), text) == []
