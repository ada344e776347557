"""The search for identifiers: found at word boundaries wherever text carries them, and nowhere else."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import found_in, readings

from isolation_audit.content.index import Index, Mark
from isolation_audit.content.shapes.addresses import Addresses
from isolation_audit.content.shapes.mixed import Mixed
from isolation_audit.content.shapes.phrases import Phrases
from isolation_audit.content.shapes.prefixed import Prefixed
from isolation_audit.content.shapes.uuids import Uuids
from isolation_audit.content.shapes.words import Words
from isolation_audit.model.users import User


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
    assert (len(index), found(index, identifier), index._searched) == (0, [], ())


def test_identifiers_that_share_their_words() -> None:
    names = [f"{a}.{b}@example.org" for a in ("anna", "ben", "carl", "dora") for b in ("may", "lee", "fox")]
    index = index_of(*names)
    for name in names:
        assert found(index, f"to {name}, please") == [name]
    assert found(index, "anna ben carl may lee fox example org") == []


def test_a_name_inside_of_a_longer_one_is_another_users() -> None:
    index = index_of("alice", "alice.liddell", "ann", "ann.smith@example.com")
    assert found(index, '{"who": "alice.liddell"}') == ["alice.liddell"]
    assert found(index, "to ann.smith@example.com") == ["ann.smith@example.com"]
    assert found(index, "alice, and alice.liddell") == ["alice", "alice.liddell"]
    assert found(index, "alice. Then ann") == ["alice", "ann"]


def test_bounded_whatever_the_text() -> None:
    index = index_of(*(f"{a}.{b}" for a in range(100, 200) for b in range(100, 200)))
    hostile = " ".join(f"{n}" for n in range(100, 200)) * 2_500
    _marks, complete = index.find(hostile)
    assert not complete


IDS = st.one_of(
    st.from_regex(r"[a-z]{3,5}[@|:./_-]?[a-z0-9]{2,8}", fullmatch=True),
    st.from_regex(r"(user-|run_|org:|auth0\|)[a-c0-3]{1,3}", fullmatch=True),
    st.from_regex(r"[ab][ab.+_-]{0,2}@[ab]{1,2}(\.[ab]{1,2})?", fullmatch=True),
    st.from_regex(r"[0-9a-b]{3,6}(-[0-9a-b]{1,3})?", fullmatch=True),
    st.from_regex(r"[ab ./:]{3,5}", fullmatch=True),
    st.uuids(version=4).map(str),
    st.integers(10**8, 10**11).map(str),
    st.sampled_from(["zoë", "山田", "山田-1", "a—b", "née@b.a", "user-é", "x.山", "_id", "user-a-", "-12a"]),
)
GLUE = st.one_of(
    st.sampled_from(
        ["", " ", "-", "_", ".", "+", ":", "/", "@", "|", '"', "\\n", "\\u00e9", "\\", "%20", "%40", "é", "—", "请"]
    ),
    st.text(alphabet="ab01 -_.@+", max_size=4),
    st.text(max_size=5),
)


@st.composite
def texts(draw: st.DrawFn, identifiers: list[str]) -> str:
    """Identifiers, and parts of them, beside each other and beside what may join them."""
    parts: list[str] = []
    for _ in range(draw(st.integers(0, 5))):
        part = draw(st.sampled_from(identifiers))
        begin, end = draw(st.sampled_from([(0, None), (0, None), (1, None), (0, -1)]))
        parts += [draw(GLUE), draw(GLUE), part[begin:end]]
    text = "".join([*parts, draw(GLUE)])
    return draw(st.sampled_from([text, text, json.dumps(text), quote(text)]))


@settings(max_examples=300)
@given(st.lists(IDS, min_size=1, max_size=12, unique=True).flatmap(lambda ids: st.tuples(st.just(ids), texts(ids))))
def test_equals_the_plain_search(drawn: tuple[list[str], str]) -> None:
    identifiers, text = drawn
    # The index looks past three joints in a row; more of them, as a line in Markdown, may end a word for it.
    assume(not any(re.search(r"[-_.+]{4}", plain) for plain in readings(text)))
    index = Index()
    known = [one for one in identifiers if index.add(one, Mark(User(one)))]
    assert set(found(index, text)) == found_in(text, known)


@given(st.lists(IDS, min_size=1, max_size=20, unique=True), st.data())
def test_finds_what_is_left_after_others_are_forgotten(identifiers: list[str], data: st.DataObject) -> None:
    index = Index()
    known = [one for one in identifiers if index.add(one, Mark(User(one)))]
    left = [one for one in known if data.draw(st.booleans())]
    for one in set(known) - set(left):
        index.forget(one)
    text = " ".join(known)
    assert set(found(index, text)) == found_in(text, left)
    for one in left:
        index.forget(one)
    assert (len(index), index._searched) == (0, ())


@given(st.text(alphabet=st.characters(exclude_categories=["Nd"])))
def test_nothing_in_text_without_it(text: str) -> None:
    assert found(index_of("user-1234", "x9@y8.org", "4711/0815"), text) == []


SHAPED = {
    "user-17": Prefixed,
    "run_5f7c8ec7": Prefixed,
    "auth0|5f7c8ec7c33c": Prefixed,
    "alice@example.org": Addresses,
    "a.smith+x@mail.example.org": Addresses,
    "0b9bd1f2-8c62-4f6f-9b3f-7a4b3f7c2f60": Uuids,
    "5f7c8ec7c33c6c004bbafe82": Mixed,
    "alice42": Mixed,
    "175928847299117063": Mixed,
    "alice": Words,
    "zoë": Words,
    "john.smith": Phrases,
    "x 'y' 100%": Phrases,
}


@pytest.mark.parametrize(("identifier", "shape"), SHAPED.items())
def test_only_its_shape_is_searched_for(identifier: str, shape: type) -> None:
    index = index_of(identifier)
    assert [type(one) for one in index._searched] == [shape]
    assert found(index, f"to {identifier}, please") == [identifier]


def test_prefixes_are_as_many_as_are_worth_it() -> None:
    names = [f"{prefix}-{number}" for prefix in ("ant", "bee", "cat", "dog", "eel", "fox") for number in range(3)]
    index = index_of(*names)
    assert {type(shape) for shape in index._searched} == {Prefixed, Mixed}
    assert found(index, " ".join(names)) == sorted(names)


HOSTILE = [
    "user-",
    "xuser-",
    "user-1_",
    "a@",
    "@",
    "a.+-",
    "0",
    "0 ",
    "0a",
    "a0-",
    "-",
    "1111aaaa-",
    "org:a.",
    "\\u",
    "%",
    "\\n",
    "é—请",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_processor_time_grows_with_the_text_and_not_faster(part: str) -> None:
    index = index_of(*SHAPED)
    small, large = part * (50_000 // len(part)), part * (800_000 // len(part))

    def cost(text: str) -> float:
        """Of this thread alone, in processor time: what runs beside it does not count."""
        begun = time.thread_time()
        index.find(text)
        return time.thread_time() - begun

    # Sixteen times the text; squared it would be 256 times the time.
    assert min(cost(large) for _ in range(2)) < 80 * min(cost(small) for _ in range(3)) + 0.05


def test_what_a_full_shape_refused_is_forgotten_where_it_is() -> None:
    """A prefix has room again after another one has gone; those that were refused before have another shape yet."""
    prefixes = ("aa-", "bb-", "cc-", "dd-")
    index = index_of(*(f"{prefix}one" for prefix in prefixes), "ee-first1")
    index.forget("aa-one")
    assert index.add("ee-second", Mark(User("ee-second")))
    index.forget("ee-first1")
    assert found(index, "aa-one ee-first1 ee-second") == ["ee-second"]
    for left in ("ee-second", *(f"{prefix}one" for prefix in prefixes[1:])):
        index.forget(left)
    assert (len(index), index._searched, index._refused) == (0, (), {})


def test_all_identifiers_of_a_user_share_what_they_say() -> None:
    index, alice = Index(), User("alice-1")
    index.add("alice-1", index.mark_of(alice))
    assert index.mark_of(alice) is index.mark_of(alice)
    assert index.mark_of(alice) == Mark(alice)
    assert index.mark_of(User("alice-1")) is not index.mark_of(alice), "another token of that id"
    index.add("alice-1", Mark(alice, secret=True))
    assert not index.mark_of(alice).secret
