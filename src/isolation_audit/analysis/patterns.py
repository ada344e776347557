"""Regular expressions that are compiled when they are first asked: most processes never ask most of them."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class _Pattern:
    """Looks like ``re.Pattern``. Once it is compiled, a method is found as fast as there."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        text, flags = self._given
        compiled = re.compile(text, flags)
        for method in ("fullmatch", "match", "search", "findall", "finditer", "sub", "split"):
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As ``re.compile``, but a mistake in ``text`` is told when it is first used."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
