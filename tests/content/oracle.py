"""The plain search for identifiers that the index is compared with: every identifier by itself, at every place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"


def found_in(text: str, identifiers: Iterable[str]) -> set[str]:
    """The identifiers that stand in ``text`` for themselves, as it is written, as JSON, and as a part of a URL.

    One that stands only inside of longer ones that are found as well is none.
    """
    found = {one for one in identifiers for plain in readings(text) if stands(alike(plain), alike(one))}
    return {one for one in found if not only_inside(one, found, text)}


def only_inside(identifier: str, found: Iterable[str], text: str) -> bool:
    longer = [one for one in found if identifier in one and one != identifier]
    for one in sorted(longer, key=lambda name: (-len(name), name)):
        text = text.replace(one, "\0")
    return bool(longer) and identifier not in text


def alike(text: str) -> str:
    """Signs beyond ASCII are all the same."""
    return re.sub(r"[^\w\x00-\x7f]", "\x1f", text)


def readings(text: str) -> Iterable[str]:
    for plain in (text, re.sub(r"((?:\\u[0-9a-fA-F]{4})+)|\\[\\\"nrt/bf]", unescaped, text), unquote(text)):
        yield plain
        yield re.sub(f"[{UNSPACED}]", " ", plain)


def unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return " "
    return bytes.fromhex(match[1].replace("\\u", "")).decode("utf-16-be", "replace")


def stands(text: str, identifier: str) -> bool:
    if re.fullmatch(r"[\w-]+", identifier):
        words = re.findall(r"[\w-]+", text)
        return identifier in words or identifier in [word.strip("-_") for word in words]
    places = [match.start() for match in re.finditer(f"(?={re.escape(identifier)})", text)]
    return any(
        not re.search(r"[^\W_]\Z", text[:place].rstrip("-_.+"))
        and not re.match(r"[^\W_]", text[place + len(identifier) :].lstrip("-_."))
        for place in places
    )
