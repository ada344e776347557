"""What clients of servers without HTTP send: lines of text, as a rule, each with a verb before what it says."""

from __future__ import annotations

from typing import Final

from isolation_audit.analysis.patterns import pattern

_verbs: Final = pattern(r"(?m)^([A-Z]{2,}|/[a-z]+) ")


def said(data: bytes) -> str:
    """What has come in as text, with the verbs of its lines (``PUT ...``) apart from what is said with them."""
    return _verbs.sub(r"\1\n", data.decode("utf-8", "replace"))
