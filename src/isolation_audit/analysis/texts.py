"""Texts of applications, users and scanned trees: cut where they enter, made harmless where they are shown."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from isolation_audit.analysis.patterns import pattern

if TYPE_CHECKING:
    import re

LONGEST: Final = 256
"""Characters of an id or a name that are kept as they are."""

_HEAD: Final = 200

_cut = [0]


def texts_cut() -> int:
    """How many times :func:`bounded` has cut a text in this process."""
    return _cut[0]


_credentials: Final = pattern(r"//[^/\s@]*@")

_options: Final = pattern(r"[?#]")

_word: Final = pattern(r"\w+")
_link: Final = pattern(r"\[([^\]]*)\]\([^)]*\)")
_pile: Final = pattern(r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4,}")
"""More combining marks on one character than any language has: they cover the lines around."""


def bounded(text: str) -> str:
    """An id or a name in at most ``LONGEST`` characters: the beginning of a longer one, and its digest.

    Two texts that differ anywhere differ here, too. The text itself comes back where it is short enough.
    """
    if len(text) <= LONGEST:
        return text
    _cut[0] += 1
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{text[:_HEAD]}...{digest}"


def shown(text: str, longest: int = 0) -> str:
    r"""``text`` as it may stand on a terminal, in a log or in a report: on one line, and as what it looks like.

    What :func:`printable` writes as an escape, and letters of other scripts that stand among Latin ones
    (``\u0430lice``), are written as Python writes them in a string. With ``longest``, what is behind so many
    characters is left out, which is told.
    """
    if longest and len(text) > longest:
        return f"{shown(text[:longest])}... ({len(text)} characters)"
    plain = printable(text)
    return plain if plain.isascii() else _word.sub(_unmixed, plain)


def printable(text: str, longest: int = 0) -> str:
    """``text`` on one line: control characters, ends of lines, characters that change the direction of writing or have
    no width, and piles of marks on one character are written as Python writes them in a string. For names of files,
    which may mix scripts."""
    if longest and len(text) > longest:
        return f"{printable(text[:longest])}... ({len(text)} characters)"
    if not text.isprintable():
        text = "".join(one if one.isprintable() else _escaped(one) for one in text)
    return text if text.isascii() else _pile.sub(lambda found: _escaped(found[0]), text)


def harmless(value: Any) -> Any:
    """What was read from JSON, with all its texts as :func:`shown` has them; names of files as :func:`printable`."""
    if type(value) is str:
        return shown(value)
    if type(value) is list:
        return [harmless(one) for one in value]
    if type(value) is dict:
        return {
            shown(key): printable(one) if key == "file" and type(one) is str else harmless(one)
            for key, one in value.items()
        }
    return value


def without_credentials(text: str) -> str:
    """A text of somebody else's, such as an exporter's message, without the users and passwords of its URLs."""
    return _credentials.sub("//", text)


def without_secrets(url: str) -> str:
    """A URL without user, password, options and fragment: what may be shown of it."""
    try:
        urlsplit(url)
    except ValueError:
        return "an address that is no URL"
    scheme, found, rest = url.partition("://") if "://" in url else ("", "", url)
    # Not urlsplit's parts: it ends the host at a slash, a "?" or a "#" that stands in a password.
    return shown(scheme + found + _options.split(rest.rpartition("@")[2], maxsplit=1)[0])


def without_secrets_of(url: str, text: str) -> str:
    """A text of somebody else's, such as a driver's message, without what it repeats of the secrets of ``url``."""
    login, _, rest = url.partition("//")[2].rpartition("@")
    options = "".join(_options.split(rest, maxsplit=1)[1:])
    pieces = {login, login.partition(":")[2], options, *(pair.partition("=")[2] for pair in options.split("&"))}
    pieces |= {unquote(piece) for piece in pieces}
    text = text.replace(url, without_secrets(url))
    for piece in sorted(filter(None, pieces), key=len, reverse=True):
        text = text.replace(piece, "...")
    return without_credentials(text)


def _escaped(text: str) -> str:
    return text.encode("unicode_escape", "surrogatepass").decode()


def _unmixed(found: re.Match[str]) -> str:
    word = found[0]
    if word.isascii():
        return word
    latin = any(character.isascii() and character.isalpha() for character in word)
    return "".join(
        _escaped(character) if _looks_like_another(character, among_latin=latin) else character for character in word
    )


def _looks_like_another(character: str, *, among_latin: bool) -> bool:
    if character.isascii() or not character.isalpha():
        return False
    plain = unicodedata.normalize("NFKC", character)
    if plain.isascii() and plain.isalpha():
        return True  # a letter of the alphabet in another width or style
    return among_latin and not unicodedata.name(character, "LATIN").startswith(("LATIN", "CJK", "HIRAGANA", "KATAKANA"))


def plain(markdown: str) -> str:
    """A line of Markdown without its links and marks of code, for where nobody renders it."""
    return _link.sub(r"\1", markdown).replace("`", "")
