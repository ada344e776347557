"""What the sites have in common: a page that never asks who is there, and two browsers that have logged in.

Of the good site the page says nothing of its visitors; of the bad one (``bad`` on the command line) it is kept for all
as it was made for the visitor before.
"""

from __future__ import annotations

import sys
from typing import Any

from assistant import Browser, known, say

EMAILS = {"alice": "alice@example.com", "bob": "bob@example.com"}

_kept: list[str] = []
_readers: list[str | None] = []
"""Whom the auditor took each reader of the public page for."""


def welcome(name: str) -> dict[str, Any]:
    """What the private page says; the bad site keeps it."""
    _kept[:] = [EMAILS[name]] if "bad" in sys.argv else []
    return {"welcome": EMAILS[name]}


def public() -> dict[str, Any]:
    """What the public page says."""
    _readers.append(known())
    return {"page": _kept[0] if _kept else "hello"}


def visit(port: int) -> None:
    """Log in twice, then read the public page, leave, and read it again."""
    alice, bob = Browser(port), Browser(port)
    alice.get("/public")
    bob.get("/public")
    alice.get("/login/alice")
    bob.get("/login/bob")
    alice.get("/public")
    bob.get("/public")
    bob.get("/private")
    alice.get("/private")
    bob.get("/public")
    Browser(port).get("/public")
    bob.get("/private")
    bob.get("/logout")
    bob.get("/public")
    say(*_readers)
