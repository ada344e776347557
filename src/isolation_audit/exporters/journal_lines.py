"""Lines of the journal: one JSON object each, with a checksum at its end, by which a line that was cut is known."""

from __future__ import annotations

import json
from typing import Any, Final
from zlib import crc32

from isolation_audit.analysis.patterns import pattern
from isolation_audit.exporters.report import finite

SCHEMA: Final = 1

_end: Final = pattern(rb',"crc":"([0-9a-f]{8})"\}\Z')
_BEGIN: Final = b'{"kind":"'
_LENGTH: Final = len(b',"crc":"00000000"}')


def line(record: dict[str, Any]) -> bytes:
    """A record as a line with its end. Whoever reads JSON lines reads it; ``crc`` is of what is before it."""
    try:
        text = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()[:-1]
    except ValueError:  # a time that the application's clock has given, and that is no number
        text = json.dumps(finite(record), separators=(",", ":"), allow_nan=False).encode()[:-1]
    return b'%s,"crc":"%08x"}\n' % (text, crc32(text))


def whole(text: bytes) -> bytes | None:
    """What can be read of a line, without its end: all of it, where it is as it was written.

    Whoever was killed while writing leaves the beginning of a line, and the next line of another process goes on from
    there: of such a line it is what that one has written. None where there is nothing.
    """
    if is_whole(text):
        return text
    begin = text.find(_BEGIN, 1)
    while begin > 0:
        if is_whole(text[begin:]):
            return text[begin:]
        begin = text.find(_BEGIN, begin + 1)
    return None


def is_whole(text: bytes) -> bool:
    """True for a line, without its end, that is as it was written."""
    end = _end.search(text, max(0, len(text) - _LENGTH))
    return end is not None and int(end[1], 16) == crc32(text[:-_LENGTH])
