"""Compressed bodies, part by part as they are sent: what is in them.

gzip and deflate are the standard library's. Brotli and Zstandard are read with the library that the application has
loaded to write them; nothing is imported for it.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_GZIP: Final = zlib.MAX_WBITS | 16
_ZLIB_OR_GZIP: Final = zlib.MAX_WBITS | 32

_BROTLI: Final = (("brotli", "process"), ("brotlicffi", "decompress"))
_ZSTANDARD: Final = ("compression.zstd", "backports.zstd", "pyzstd")


class Unpacking:
    """One body. ``most`` is how many bytes of it are given, whatever it says it holds."""

    __slots__ = ("_begun", "_left", "_unpack")

    def __init__(self, unpack: Callable[[bytes], bytes], most: int, *, headless: bool = False) -> None:
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
            found = self._unpack(data)
        except Exception:  # each library has errors of its own
            if begun is None:
                self._left = 0
                return None
            self._unpack = _bounded(zlib.decompressobj(-zlib.MAX_WBITS), self._left)
            return self.part(begun + data)
        if begun is not None and not found:
            self._begun = begun + data
        self._left -= len(found)
        return found


def unpacking(encoding: str, most: int) -> Unpacking | None:
    """What reads a body with this ``Content-Encoding``; None where nothing does."""
    if encoding in ("gzip", "x-gzip"):
        return Unpacking(_bounded(zlib.decompressobj(_GZIP), most), most)
    if encoding == "deflate":
        return Unpacking(_bounded(zlib.decompressobj(_ZLIB_OR_GZIP), most), most, headless=True)
    unpack = _brotli() if encoding == "br" else _zstandard() if encoding == "zstd" else None
    return None if unpack is None else Unpacking(unpack, most)


def _bounded(reader: Any, most: int) -> Callable[[bytes], bytes]:
    return lambda data: bytes(reader.decompress(data, most))


def _brotli() -> Callable[[bytes], bytes] | None:
    for name, method in _BROTLI:
        module: Any = sys.modules.get(name)
        if module is not None:
            unpack: Callable[[bytes], bytes] = getattr(module.Decompressor(), method)
            return unpack
    return None


def _zstandard() -> Callable[[bytes], bytes] | None:
    library: Any = sys.modules.get("zstandard")
    if library is not None:
        unpack: Callable[[bytes], bytes] = library.ZstdDecompressor().decompressobj().decompress
        return unpack
    found: Any = next((sys.modules[name] for name in _ZSTANDARD if name in sys.modules), None)
    return None if found is None else found.ZstdDecompressor().decompress
