"""What is in compressed bodies, however they are cut."""

from __future__ import annotations

import gzip
import resource
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


class Old:
    """A reader of brotlicffi before 1.2, which knows no limit; it notes how much it was given at once."""

    def __init__(self) -> None:
        self.reader = pytest.importorskip("brotli").Decompressor()
        self.given: list[int] = []

    def decompress(self, data: bytes) -> bytes:
        self.given.append(len(data))
        return self.reader.process(data)


def bomb(encoding: str) -> bytes:
    """A body of some KB that holds 200 MB."""
    if encoding in ("br", "br, an old reader"):
        writer = pytest.importorskip("brotli").Compressor(quality=1)
        return b"".join(writer.process(bytes(2**20)) for _ in range(200)) + writer.finish()
    if encoding == "zstd":
        return pytest.importorskip("zstandard").ZstdCompressor().compress(bytes(200 * 2**20))
    return gzip.compress(bytes(200 * 2**20), 1)


@pytest.mark.parametrize("encoding", ["gzip", "br", "br, an old reader", "zstd"])
def test_a_body_that_holds_very_much_is_read_no_further_than_asked_for(encoding, monkeypatch) -> None:
    packed, old = bomb(encoding), Old()
    if encoding == "br, an old reader":
        monkeypatch.delitem(sys.modules, "brotli")
        monkeypatch.setitem(sys.modules, "brotlicffi", SimpleNamespace(Decompressor=lambda: old))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = unpacking(encoding.partition(",")[0], 100_000)
    assert reader.part(packed) == bytes(100_000)
    assert reader.part(b"rest") == b""
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 100
    assert sum(old.given) < len(packed)


def test_what_gives_nothing_is_not_kept_for_ever() -> None:
    reader = unpacking("deflate", 1_000)
    assert reader.part(b"\x78\x9c") == b""
    for _ in range(5_000):
        assert reader.part(b"\0\0\0\xff\xff") == b""
    assert len(reader._begun or b"") < 2_000


def test_a_window_larger_than_http_allows_is_not_read() -> None:
    module = pytest.importorskip("zstandard")
    parameters = module.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    packed = module.ZstdCompressor(compression_params=parameters).compressobj()
    body = packed.compress(b"x" * 1_000) + packed.flush()
    assert unpacking("zstd", 1_000).part(body) is None


def test_a_library_that_the_application_has_not_loaded_is_not_imported(monkeypatch) -> None:
    for name in ("brotli", "brotlicffi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert unpacking("br", 100) is None
    assert unpacking("compress", 100) is None
    other = SimpleNamespace(Decompressor=lambda: SimpleNamespace(decompress=lambda data: data[::-1]))
    monkeypatch.setitem(sys.modules, "brotlicffi", other)
    assert unpacking("br", 100).part(b"abc") == b"cba"
