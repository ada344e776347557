"""What frameworks have for users, read without running their code."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import UUID

import pytest

from isolation_audit.model.user_names import UNRESOLVED, Name, name_in_authorization, name_of, plain_id

UUID_TEXT = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@pytest.mark.parametrize(
    ("value", "text"),
    [("alice", "alice"), (" alice ", "alice"), (7, "7"), (UUID(UUID_TEXT), UUID_TEXT), ("x" * 128, "x" * 128)],
)
def test_ids_are_texts_numbers_and_uuids(value, text):
    assert plain_id(value) == text


def test_a_uuid_beside_the_name_is_looked_for_like_a_name_and_a_number_is_not():
    person = SimpleNamespace(username="alice", id=UUID(UUID_TEXT), pk=7)
    assert name_of(person) == Name("alice", (UUID_TEXT,), ("7",))


@pytest.mark.parametrize(
    "value", [None, "", "  ", True, False, 1.5, b"alice", [], "anonymous", "Guest", "null", "AnonymousUser", "x" * 129]
)
def test_what_stands_for_nobody_is_no_id(value):
    assert plain_id(value) is None


class Slotted:
    __slots__ = ("email", "username")


@dataclass(slots=True)
class Record:
    id: int
    email: str


class Lazy:
    """As Django's SimpleLazyObject: asking it for anything runs the application's code."""

    def __init__(self, wrapped):
        self.__dict__["_wrapped"] = wrapped

    def __getattr__(self, name):
        raise AssertionError("asked")


class Expired:
    """As an object whose fields have to be fetched again."""

    def __init__(self):
        self.state = object()

    @property
    def username(self):
        raise AssertionError("queried")


class Session(dict):
    def __getitem__(self, key):
        raise AssertionError("noted that it was read")

    get = __contains__ = __iter__ = keys = items = __getitem__


class Properties:
    """As users of Starlette's authentication are written: fields of its own, and properties that others read."""

    def __init__(self, user_id):
        self._user_id = user_id
        self._is_admin = False

    @property
    def identity(self):
        raise AssertionError("asked")


class Hidden:
    def __init__(self, username):
        self.__username = username
        self.__role = "editor"


class HiddenSlot:
    __slots__ = ("_email", "_secret")


def hidden_slot():
    made = HiddenSlot()
    made._email = "a@b.c"
    return made


def slotted():
    made = Slotted()
    made.username = "alice"
    return made


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ("alice", Name("alice")),
        (Properties(7), Name("7")),
        (Hidden("alice"), Name("alice")),
        (hidden_slot(), Name("a@b.c")),
        (SimpleNamespace(_id=3, username="alice"), Name("alice")),
        (SimpleNamespace(_state="x", _user=object()), None),
        (SimpleNamespace(identity="alice", display_name="Alice L.", is_authenticated=True), Name("alice")),
        (SimpleNamespace(_user=SimpleNamespace(_held={"identity": "alice"}, identity="alice")), Name("alice")),
        ({"identity": "alice", "display_name": "Alice L."}, Name("alice")),
        ({"sub": "auth0|7", "email": "a@example.com"}, Name("a@example.com")),
        (Session(id=7), Name("7")),
        (SimpleNamespace(id=7, username="alice", email="a@example.com"), Name("alice", ("a@example.com",))),
        (SimpleNamespace(id=7, username=None, email="a@example.com"), Name("a@example.com")),
        (SimpleNamespace(username="anonymous", id=None), None),
        (slotted(), Name("alice")),
        (Record(7, "a@example.com"), Name("a@example.com")),
        (Lazy(SimpleNamespace(id=7)), Name("7")),
        (Lazy(object()), UNRESOLVED),
        (Lazy(None), UNRESOLVED),
        (Expired(), None),
        (object(), None),
        (["alice"], None),
        (None, None),
        # A number and one word: what people log in with. "Alice Liddell" may be two persons' name.
        (SimpleNamespace(id=7, name="alice.liddell"), Name("7", ("alice.liddell",))),
        (SimpleNamespace(id=7, name="Alice Liddell"), Name("7")),
        (
            SimpleNamespace(id="3c7d3603f9154f78be6ecc9718d0c9ad", name="alice.liddell"),
            Name("3c7d3603f9154f78be6ecc9718d0c9ad", ("alice.liddell",)),
        ),
        (SimpleNamespace(id="room-of-alice", name="alice.liddell"), Name("room-of-alice")),
        (SimpleNamespace(id=7, name="al", email="a@example.com"), Name("a@example.com")),
        # What a token says of its user, beside the program that comes with it.
        (SimpleNamespace(username="desktop", access_token=SimpleNamespace(claims={"sub": "alice"})), Name("alice")),
        (SimpleNamespace(username="desktop", access_token=SimpleNamespace(claims={})), Name("desktop")),
        (SimpleNamespace(username="desktop", access_token="opaque"), Name("desktop")),
        # An object around the row of the database.
        (
            SimpleNamespace(settings={}, orm_user=SimpleNamespace(id=7, name="alice.liddell")),
            Name("7", ("alice.liddell",)),
        ),
        (SimpleNamespace(user=SimpleNamespace(id=7), other_user=SimpleNamespace(id=8)), None),
        (SimpleNamespace(user=SimpleNamespace(user=SimpleNamespace(id=7))), None),
        (SimpleNamespace(user=None), None),
    ],
    ids=map(str, range(27)),
)
def test_a_user_is_called_by_its_most_telling_field(person, name):
    found = name_of(person)
    assert (Name(found.id, found.aliases) if isinstance(found, Name) else found) == name


def bearer(claims):
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"Bearer e30.{part}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Basic " + base64.b64encode(b"alice:open:sesame").decode(), "alice"),
        (bearer({"sub": "alice"}), "alice"),
        (bearer({"sub": 7}), "7"),
        (bearer({"scope": "all"}), None),
        (bearer(["alice"]), None),
        ("Bearer 2YotnFZFEjr1zCsicMWpAA", None),
        ("Bearer a.b.c", None),
        ("Bearer alice", None),
        ("Basic ???", None),
        ("Session " + base64.b64encode(b"alice:2:2YotnFZFEjr1zCsicMWpAA").decode(), "alice"),
        ("Session " + base64.b64encode(b"alice.liddell:7:2YotnF").decode().rstrip("="), "alice.liddell"),
        ("Session " + base64.b64encode(b"2YotnFZFEjr1zCsicMWpAA").decode(), None),
        ("Session " + base64.b64encode(b"now: 2YotnFZFEjr1z\n\x00").decode(), None),
        ("Bearer " + base64.b64encode(b"alice:2YotnFZFEjr1zCsicMWpAA").decode(), None),
        ('Digest username="alice", realm="notes", nonce="dcd98b", uri="/", response="6629fae4"', "alice"),
        ('UsernameToken Realm="x", Username="alice", PasswordDigest="quR/EWLAV4xLf9Zqyw4pDmfV9OY="', "alice"),
        ('Digest realm="notes", nonce="dcd98b"', None),
        ("alice", None),
        ("Token 9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b", None),
        ("", None),
    ],
)
def test_an_authorization_names_a_user_or_nobody(value, name):
    found = name_in_authorization(value)
    assert (None if found is None else found.id) == name


@pytest.mark.parametrize(
    "body", ["[" * 12_000, '{"sub":' * 12_000, '{"sub": 1' + "0" * 5_000 + "}", '{"sub": NaN}', "7"]
)
def test_a_token_that_somebody_has_made_up_names_nobody(body):
    part = base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
    assert name_in_authorization(f"Bearer e30.{part}.c2lnbmF0dXJl") is None


def test_the_columns_of_a_row_of_peewee_are_fields():
    peewee = pytest.importorskip("peewee")

    class Member(peewee.Model):
        username = peewee.CharField()

    assert name_of(Member(id=7, username="alice")) == Name("alice", (), ("7",))
    assert name_of(Member()) is None
