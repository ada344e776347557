"""What is in compressed bodies, however they are cut."""

from __future__ import annotations

import gzip
import sys
import zlib
from types import SimpleNamespace

import pytest

from isolation_audit.content.compressed import unpacking

TEXT = b'{"owner": "alice", "note": "' + b"tea and cake " * 500 + b'"}'


def raw_deflate() -> bytes:
    writer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return writer.compress(TEXT) + writer.flush()


def zstandard() -> bytes:
    return pytest.importorskip("zstandard").ZstdCompressor().compress(TEXT)


def brotli() -> bytes:
    return pytest.importorskip("brotli").compress(TEXT)


BODIES = {
    "gzip": ("gzip", lambda: gzip.compress(TEXT)),
    "deflate": ("deflate", lambda: zlib.compress(TEXT)),
    "deflate without a head": ("deflate", raw_deflate),
    "br": ("br", brotli),
    "zstd": ("zstd", zstandard),
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(("encoding", "body"), BODIES.values(), ids=BODIES)
def test_each_encoding_is_read_part_by_part(encoding, body, size) -> None:
    packed = body()
    reader = unpacking(encoding, 1_000_000)
    parts = [reader.part(packed[start : start + size]) for start in range(0, len(packed), size)]
    assert b"".join(parts) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_something_else_says_so_once_and_gives_nothing(encoding) -> None:
    reader = unpacking(encoding, 1_000)
    assert reader.part(b"\xff\xfenot compressed at all") is None
    assert reader.part(b"more") == b""


def test_no_more_is_given_than_was_asked_for() -> None:
    reader = unpacking("gzip", 100)
    assert reader.part(gzip.compress(b"x" * 10_000_000)) == b"x" * 100
    assert reader.part(b"rest") == b""


def test_a_library_that_the_application_has_not_loaded_is_not_imported(monkeypatch) -> None:
    for name in ("brotli", "brotlicffi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert unpacking("br", 100) is None
    assert unpacking("compress", 100) is None
    other = SimpleNamespace(Decompressor=lambda: SimpleNamespace(decompress=lambda data: data[::-1]))
    monkeypatch.setitem(sys.modules, "brotlicffi", other)
    assert unpacking("br", 100).part(b"abc") == b"cba"
