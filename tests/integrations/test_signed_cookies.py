"""Users in cookies that the application signs or encrypts by itself, with itsdangerous or cryptography."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from cryptography.fernet import Fernet
from itsdangerous import BadSignature, Serializer, URLSafeSerializer, URLSafeTimedSerializer
from servers import serving
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

KEY = Fernet.generate_key()


class Encrypted:
    """Signs like the others do, by encryption."""

    def dumps(self, value: Any) -> str:
        return Fernet(KEY).encrypt(json.dumps(value).encode()).decode()

    def loads(self, text: str) -> Any:
        return json.loads(Fernet(KEY).decrypt(text.encode()))


SIGNERS = {
    "plain": URLSafeSerializer("a secret of the tests"),
    "timed": URLSafeTimedSerializer("a secret of the tests"),
    "encrypted": Encrypted(),
}
SHAPES = {
    "claims": lambda user: {"user_id": user, "theme": "dark"},
    "nested": lambda user: {"a": {"id": user, "name": "A Person"}},
    "named": lambda user: {"user": user},
    "whole": lambda user: user,
}


class Site:
    """``/note`` keeps one a user, and with ``leaking`` gives everybody the first."""

    def __init__(self, signer: Any, cookie: str, *, leaking: bool = False) -> None:
        self._signer, self._cookie, self._leaking = signer, cookie, leaking
        self._kept: list[Any] = []
        self.app = Starlette(routes=[Route("/note", self._note), Route("/who", self._who)])

    async def _who(self, request: Any) -> JSONResponse:
        try:
            self._signer.loads(request.cookies[self._cookie])
        except BadSignature:
            return JSONResponse("no")
        return JSONResponse(known())

    async def _note(self, request: Any) -> JSONResponse:
        self._signer.loads(request.cookies[self._cookie])
        self._kept.append({"owner": known(), "word": "tea"})
        return JSONResponse(self._kept[0 if self._leaking else -1])

    async def visits(self, path: str, *contents: Any) -> list[str]:
        """What a visitor with each content in the cookie is told."""
        async with serving(self.app) as url:
            said = []
            for content in contents:
                text = content if type(content) is bytes else self._signer.dumps(content)
                text = text.decode() if type(text) is bytes else text
                browser = Browser(url, cookie=f"{self._cookie}={text}")
                try:
                    said.append(await browser.get(path))
                finally:
                    browser.close()
            return said


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_user_in_a_cookie(audited, signer: str, shape: str) -> None:
    site = Site(SIGNERS[signer], "remember_user")
    contents = [SHAPES[shape](user) for user in ("alice", "bob")]
    done = audited(lambda: site.visits("/who", *contents), NAMED)
    assert [json.loads(one) for one in done.result] == ["alice", "bob"]
    assert done.findings == {}


@pytest.mark.parametrize("leaking", [True, False])
def test_a_note_that_is_kept_for_everybody(audited, leaking: bool) -> None:
    site = Site(SIGNERS["timed"], "visit", leaking=leaking)
    done = audited(lambda: site.visits("/note", {"user_id": "alice"}, {"user_id": "bob"}), NAMED)
    assert ["alice" in one for one in done.result] == [True, leaking]
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert tally.requests == tally.requests_named == 2


@pytest.mark.parametrize(
    ("cookie", "content"),
    [
        ("theme_of_the_visitor_page", "dark"),
        ("csrf_token_for_the_forms", "a1b2c3d4e5f6a7b8c9d0"),
        ("basket_of_this_browser", {"items": [1, 2, 3], "total": 7}),
        ("remember_user", {"theme": "dark"}),
        ("remember_user", True),
        ("remember_user", None),
        ("remember_user", [1, 2]),
    ],
)
def test_what_names_nobody(audited, cookie: str, content: Any) -> None:
    site = Site(SIGNERS["plain"], cookie)
    done = audited(lambda: site.visits("/who", content), NAMED)
    assert [json.loads(one) for one in done.result] == [None]
    assert done.auditor.runtime.tally.requests_named == 0


def test_a_signature_that_does_not_fit_tells_nothing(audited) -> None:
    site = Site(SIGNERS["plain"], "remember_user")
    forged = URLSafeSerializer("another secret").dumps({"user_id": "alice"})
    done = audited(lambda: site.visits("/who", str(forged).encode()), NAMED)
    assert [json.loads(one) for one in done.result] == ["no"]
    assert done.auditor.runtime.tally.requests_named == 0


def test_what_the_request_did_not_come_with_is_somebody_elses(audited) -> None:
    """As a link that invites somebody is."""
    invitation = Serializer("a secret").dumps({"user_id": "carol"})

    class Inviting(Site):
        async def _who(self, request: Any) -> JSONResponse:
            assert Serializer("a secret").loads(invitation)
            return JSONResponse(known())

    done = audited(lambda: Inviting(SIGNERS["plain"], "other").visits("/who", {"x": 1}), NAMED)
    assert [json.loads(one) for one in done.result] == [None]
