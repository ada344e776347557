"""Secrets in other letters' case, and inside of what is encoded."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from isolation_audit.content import secrets
from isolation_audit.content.witness import ContentWitness
from isolation_audit.model.bindings import Bindings
from isolation_audit.model.users import Users


@pytest.fixture
def witness(monkeypatch):
    monkeypatch.setattr(secrets, "_owners", {})
    monkeypatch.setattr(secrets, "_canaries", {})
    users = Users()
    return ContentWitness(users, Bindings())


def owners(witness, text):
    return [mark.user.id for mark in witness.marks_of_text(text)[0] if mark.secret]


@pytest.mark.parametrize(
    "write",
    [
        str,
        str.upper,
        str.title,
        lambda text: f"see {text}, please",
        lambda text: json.dumps({"note": f'"{text}"\n'}),
        lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
        lambda text: quote(f"/{text}/ü"),
        lambda text: b64encode(text.encode()).decode(),
        lambda text: urlsafe_b64encode(f'{{"note": "{text.upper()}"}}'.encode()).decode().rstrip("="),
        lambda text: f"data:text/plain;base64,{b64encode(f'a note with {text} inside'.encode()).decode()}",
        lambda text: urlsafe_b64encode(zlib.compress(f"a note with {text} inside".encode())).decode(),
    ],
)
def test_a_canary_is_found_however_it_is_written(witness, write):
    assert owners(witness, write(secrets.canary("alice"))) == ["alice"]


def test_what_is_no_canary_is_not(witness):
    canary = secrets.canary("alice")
    assert owners(witness, canary[:-1]) == []
    assert owners(witness, b64encode(canary[:-1].encode()).decode()) == []
    assert owners(witness, "nothing") == []


def test_two_secrets_that_differ_by_case_alone_stay_two(witness):
    secrets.secret("alice", "AbCdEfGh12345")
    secrets.secret("bob", "aBcDeFgH12345")
    assert owners(witness, "AbCdEfGh12345") == ["alice"]
    assert owners(witness, "aBcDeFgH12345") == ["bob"]
    assert owners(witness, "abcdefgh12345") == []
