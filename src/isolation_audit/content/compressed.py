"""Compressed bodies, part by part as they are sent: what is in them.

gzip and deflate are the standard library's. Brotli and Zstandard are read with the library that the application has
loaded to write them; nothing is imported for it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

Unpack = Callable[[bytes, int], bytes]
"""What is in some bytes, but no more than so many: one byte of a hostile body may stand for a hundred thousand."""

_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32

_BROTLI: Final = (("brotli", "process"), ("brotlicffi", "decompress"))
_ZSTANDARD: Final = ("compression.zstd", "backports.zstd", "pyzstd")

_BROTLI_SLICE: Final = 16
_ZSTANDARD_SLICE: Final = 256
"""Bytes that are unpacked at once by a reader that knows no limit: a few MB at most come of them."""

_LARGEST_WINDOW: Final = 8 * 1024 * 1024
"""Bytes that a reader of Zstandard may look back: what RFC 9659 allows in HTTP."""

_HEADLESS: Final = 1024
"""So many bytes that give nothing and are no mistake are no deflate without a head."""


class Unpacking:
    """One body. ``most`` is how many bytes of it are given, whatever it says it holds."""

    __slots__ = ("_begun", "_left", "_unpack")

    def __init__(self, unpack: Unpack, most: int, *, headless: bool = False) -> None:
        self._unpack = unpack
        self._left = most
        self._begun: bytes | None = b"" if headless else None
        """What has come so far and given nothing, where it may have no head: so some servers send deflate."""

    def part(self, data: bytes) -> bytes | None:
        """What is in the next part; None where it is not what it is called."""
        if self._left <= 0 or not data:
            return b""
        begun, self._begun = self._begun, None
        try:
            found = self._unpack(data, self._left)
        except Exception:  # each library has errors of its own
            if begun is None:
                self._end()
                return None
            self._unpack = _of_zlib(-zlib.MAX_WBITS)
            return self.part(begun + data)
        if begun is not None and not found and len(begun) < _HEADLESS:
            self._begun = begun + data
        self._left -= len(found)
        if self._left <= 0:
            self._end()
        return found

    def _end(self) -> None:
        self._left = 0
        self._unpack = _nothing  # readers keep what they were given and have not given back


def unpacking(encoding: str, most: int) -> Unpacking | None:
    """What reads a body with this ``Content-Encoding``; None where nothing does."""
    if encoding in ("gzip", "x-gzip"):
        return Unpacking(_of_zlib(_GZIP), most)
    if encoding == "deflate":
        return Unpacking(_of_zlib(_ZLIB_OR_GZIP), most, headless=True)
    unpack = _brotli() if encoding == "br" else _zstandard() if encoding == "zstd" else None
    return None if unpack is None else Unpacking(unpack, most)


def _nothing(_data: bytes, _most: int) -> bytes:
    return b""


def _of_zlib(bits: int) -> Unpack:
    return zlib.decompressobj(bits).decompress


def _brotli() -> Unpack | None:
    for name, method in _BROTLI:
        module: Any = sys.modules.get(name)
        if module is None:
            continue
        unpack: Any = getattr(module.Decompressor(), method)
        try:
            unpack(b"", output_buffer_limit=1)
        except TypeError:  # before 1.2
            return _in_slices(unpack, _BROTLI_SLICE)
        return lambda data, most: bytes(unpack(data, output_buffer_limit=most)[:most])
    return None


def _zstandard() -> Unpack | None:
    library: Any = sys.modules.get("zstandard")
    if library is not None:
        reader = library.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()
        return _in_slices(reader.decompress, _ZSTANDARD_SLICE, lambda: getattr(reader, "eof", False))
    found: Any = next((sys.modules[name] for name in _ZSTANDARD if name in sys.modules), None)
    if found is None:
        return None
    unpack: Unpack = found.ZstdDecompressor().decompress
    return unpack


def _in_slices(unpack: Callable[[bytes], bytes], size: int, is_over: Callable[[], bool] = lambda: False) -> Unpack:
    """``unpack`` for some bytes at a time, until enough has come of them."""

    def unpacked(data: bytes, most: int) -> bytes:
        found, left = [], most
        for start in range(0, len(data), size):
            if left <= 0 or is_over():
                break
            found.append(unpack(data[start : start + size]))
            left -= len(found[-1])
        return b"".join(found)[:most]

    return unpacked
