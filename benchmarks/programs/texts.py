"""Identifiers of several forms, and JSON texts that name their own user now and then."""

from __future__ import annotations

import json
import random
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SENTENCE = (
    "the answer is computed from several records of the last quarter and a note says that nothing was found in the "
    "archive while the search for other values took longer than expected so please try again with fewer words"
)

FORMS: dict[str, Callable[[str, int, random.Random], str]] = {
    "prefixed": lambda name, place, _draw: f"user-{name}{place}",
    "uuid": lambda _name, _place, draw: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
    "e-mail": lambda name, place, _draw: f"{name}.{place}@example.org",
    "hex": lambda _name, _place, draw: f"{draw.getrandbits(96):024x}",
    "name and digits": lambda name, place, _draw: f"{name}{place}",
    "name": lambda name, place, _draw: name + letters(place),
}


def letters(number: int) -> str:
    """The number, written in letters."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def identifiers(form: str, number: int) -> list[str]:
    """Identifiers of one form, all different."""
    draw = random.Random(1)
    names = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(number)]
    return [FORMS[form](name, place, draw) for place, name in enumerate(names)]


def text(mine: str, size: int) -> str:
    """About ``size`` characters of JSON that names its own user now and then."""
    draw = random.Random(2)
    records: list[dict[str, object]] = []
    while len(json.dumps(records)) < size:
        said = " ".join(draw.choices(SENTENCE.split(), k=40)) + "."
        records.append({"id": draw.randrange(10**6), "owner": mine, "text": said})
    return json.dumps(records)
