"""Rewritten code on disk, the process that rewrites beside threads, and faults of whoever listens."""

from __future__ import annotations

import os
import sys
import threading
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from told import Counting, output

from isolation_audit.analysis.as_written import as_written
from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite import cache, listener, loading, making, sites
from isolation_audit.instrument.rewrite.loading import Loading

SOURCE = b"""
class A:
    def set(self, x): self.x = x; return self.x
print(A().set(1))
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "application").mkdir()
    return str(tmp_path / "application" / "a.py")


def never(*_given):
    raise AssertionError("it is kept")


def kept(file):
    return sorted((Path(file).parents[1] / "cache/isolation-audit/rewritten").iterdir())


def test_a_module_is_rewritten_once(file, monkeypatch):
    code = Loading((), Barrier()).code(SOURCE, file)
    monkeypatch.setattr(loading, "make", never)
    again = Loading((), Barrier()).code(SOURCE, file)
    assert output(code) == output(again) == "1\n"
    assert again.co_code == code.co_code
    assert len(kept(file)) == 1
    site = sites.site(sites.first_of(SOURCE, file))
    assert (site.file, site.line, site.function, site.expression) == (file, 3, "A.set", "self.x")


@pytest.mark.parametrize("change", ["file", "rewriter", "python"])
def test_what_it_was_made_of(file, monkeypatch, change):
    Loading((), Barrier()).code(SOURCE, file)
    if change == "rewriter":
        monkeypatch.setattr(cache, "VERSION", -1)
    if change == "python":
        monkeypatch.setattr(cache, "MAGIC_NUMBER", b"another")
    Loading((), Barrier()).code(SOURCE, file.replace("a.py", "b.py") if change == "file" else file)
    assert len(kept(file)) == 2


def test_another_content_takes_the_place_of_the_old_one(file):
    Loading((), Barrier()).code(SOURCE, file)
    other = SOURCE.replace(b"set(1)", b"set(2)")
    assert output(Loading((), Barrier()).code(other, file)) == "2\n"
    assert output(Loading((), Barrier()).code(other, file)) == "2\n"
    assert len(kept(file)) == 1


@pytest.fixture
def started(monkeypatch):
    monkeypatch.setattr(cache, "_SETTLED", 0)
    loading = Loading((), Barrier())
    loading.start()
    yield loading
    loading.stop()


def imported(file):
    """What the code of the file prints, as it is imported."""
    code = SourceFileLoader("a", file).get_code("a")
    assert any(type(one) is listener.Flag for one in constants_of(code))
    return output(code)


def constants_of(code):
    for one in code.co_consts:
        yield one
        if type(one) is type(code):
            yield from constants_of(one)


def test_a_file_that_is_what_it_was_is_not_read_again(file, started, monkeypatch):
    Path(file).write_bytes(SOURCE)
    assert imported(file) == "1\n"
    monkeypatch.setattr(SourceFileLoader, "get_data", never)
    monkeypatch.setattr(loading, "_METHODS", ())
    assert imported(file) == "1\n"


def test_a_file_that_was_only_touched_is_not_made_again(file, started, monkeypatch):
    Path(file).write_bytes(SOURCE)
    assert imported(file) == "1\n"
    os.utime(file, (1, 1))
    monkeypatch.setattr(loading, "make", never)
    assert imported(file) == "1\n"
    before = kept(file)[0].read_bytes()
    assert imported(file) == "1\n"
    assert kept(file)[0].read_bytes() == before


def test_a_file_with_another_content_of_the_same_size_and_time_is_made_again(file, started):
    Path(file).write_bytes(SOURCE)
    os.utime(file, (1, 1))
    assert imported(file) == "1\n"
    Path(file).write_bytes(SOURCE.replace(b"set(1)", b"set(2)"))
    os.utime(file, (1, 1))
    assert imported(file) == "2\n"


def test_a_file_that_has_just_been_written_is_read_again(file, started, monkeypatch):
    monkeypatch.setattr(cache, "_SETTLED", 60_000_000_000)
    Path(file).write_bytes(SOURCE)
    assert imported(file) == "1\n"
    monkeypatch.setattr(SourceFileLoader, "get_data", never)
    monkeypatch.setattr(loading, "_METHODS", ())
    with pytest.raises(AssertionError, match="it is kept"):
        SourceFileLoader("a", file).get_code("a")


@pytest.mark.parametrize("kept_on_disk", [True, False])
def test_the_code_as_it_was_written_is_there_for_whoever_reads_it(file, kept_on_disk):
    code = Loading((), Barrier()).code(SOURCE, file)
    if not kept_on_disk:
        kept(file)[0].unlink()
    method, bare = (
        next(one for one in constants_of(whole) if getattr(one, "co_name", "") == "set")
        for whole in (code, compile(SOURCE, file, "exec"))
    )
    written = as_written(method)
    assert listener.Flag in map(type, method.co_consts)
    assert written.co_code == bare.co_code != method.co_code
    assert as_written(written) == written


def test_lambdas_in_one_line_are_not_taken_for_each_other(file):
    code = Loading((), Barrier()).code(b"a, b = lambda x: x.y, lambda x: x.z\nc = lambda x: x.y\n", file)
    one, other, alone = [one for one in code.co_consts if type(one) is type(code)]
    assert (as_written(one), as_written(other)) == (one, other)
    assert as_written(alone) is not alone


@pytest.mark.parametrize("content", [b"", b"nonsense", b"i\x01\x00\x00\x00", b"(\x02\x00\x00\x00NN"])
def test_what_can_t_be_read_is_made_again(file, content):
    Loading((), Barrier()).code(SOURCE, file)
    place = kept(file)[0]
    place.write_bytes(content)
    assert output(Loading((), Barrier()).code(SOURCE, file)) == "1\n"
    assert place.read_bytes() != content


def test_a_folder_that_others_can_write_to_is_not_used(file):
    folder = Path(file).parents[1] / "cache/isolation-audit"
    folder.mkdir()
    folder.chmod(0o777)
    assert output(Loading((), Barrier()).code(SOURCE, file)) == "1\n"
    assert list(folder.iterdir()) == []


def test_old_code_makes_room(file, monkeypatch):
    monkeypatch.setattr(cache, "_MOST", 3)
    for number in range(6):
        Loading((), Barrier()).code(SOURCE + b"#" * number, file)
    assert len(kept(file)) <= 4


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="only the parser of 3.11 is not safe beside threads")
def test_beside_threads_another_process_rewrites(file, monkeypatch):
    made = []
    elsewhere = making._elsewhere
    monkeypatch.setattr(making, "_elsewhere", lambda *given: made.append(given) or elsewhere(*given))
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        code = Loading((), Barrier()).code(SOURCE, file)
    finally:
        over.set()
        thread.join()
    assert len(made) == 1
    assert code.co_code == making.make(SOURCE, file)[0].co_code
    assert output(code) == "1\n"


def test_another_process_that_fails_leaves_the_module_as_it_is(file, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(making.NotMadeError):
        making._elsewhere(SOURCE, file)


class Failing(Counting):
    def wrote(self, *_told):
        raise KeyError("a fault")

    read = born = wrote


def test_faults_of_a_listener_are_counted_and_end_it(file):
    barrier = Barrier(3)
    code = Loading((), barrier).code(SOURCE, file)
    listener.listen(Failing(), barrier)
    try:
        for _ in range(5):
            assert output(code) == "1\n"
        assert barrier.counts["state"] == 3
        assert listener.ear.listener is None
    finally:
        listener.listen(None)


def test_nothing_is_told_while_no_units_run(file):
    counting = Counting()
    code = Loading((), Barrier()).code(SOURCE, file)
    listener.listen(counting)
    try:
        listener.units_run(some=False)
        output(code)
        assert counting.told == 0
        listener.units_run(some=True)
        output(code)
        assert counting.told == 2
    finally:
        listener.listen(None)
    listener.units_run(some=True)
    output(code)
    assert counting.told == 2


def test_a_tree_that_is_too_deep_is_left(file, tmp_path, monkeypatch):
    deep = "x = " + "(" * 90 + "1" + ")" * 90 + "\ndef f(): return " + " + ".join(["a.b"] * 3000) + "\n"
    (tmp_path / "deep_module.py").write_text(deep)
    monkeypatch.syspath_prepend(str(tmp_path))
    barrier = Barrier()
    began = Loading((), barrier)
    began.start()
    try:
        import deep_module
    except RecursionError:  # the interpreter's own compiler may refuse it as well
        deep_module = None
    finally:
        began.stop()
    assert deep_module is None or deep_module.x == 1
    assert barrier.total == 0
