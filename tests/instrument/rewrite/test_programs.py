"""Whole programs at depth ``state``: scripts, modules, packages that are named, and what undoing leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite.loading import Loading

MODULE = """
class A:
    def set(self, value):
        self.value = value
a = A()
"""
PROGRAM = """
import keeps

class B(keeps.A):
    def get(self):
        return self.value

def told(function):
    return any(type(one).__name__ == "Flag" for one in function.__code__.co_consts)

b = B()
b.set(3)
print(__name__, __spec__ is None, b.get(), told(keeps.A.set), told(B.get), told(told))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name, text in {"keeps.py": MODULE, "program.py": PROGRAM}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> str:
    environ = {**os.environ, "ISOLATION_AUDIT_DEPTH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "isolation_audit", "run", *words], text=True, capture_output=True, env=environ
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--depth", "state", "--", "program.py"], "__main__ True 3 True True True"),
        (["--depth", "state", "--", "-m", "program"], "__main__ False 3 True True True"),
        (["--depth", "calls", "--", "program.py"], "__main__ True 3 False False False"),
    ],
)
def test_functions_of_a_program_and_its_modules(folder, words, expected):
    assert run(*words) == expected


def test_which_modules(tmp_path):
    loading = Loading(("marshmallow", "a.b"), Barrier())
    assert loading.wants("app.views", str(tmp_path / "app/views.py"))
    assert loading.wants("marshmallow.fields", "/env/site-packages/marshmallow/fields.py")
    assert loading.wants("a.b.c", "/env/site-packages/a/b/c.py")
    assert loading.wants(
        "autogen_core.model_context._buffer", "/env/site-packages/autogen_core/model_context/_buffer.py"
    )
    assert not loading.wants("autogen_core.runtime", "/env/site-packages/autogen_core/runtime.py")
    bare = Loading((), Barrier(), libraries=False)
    assert not bare.wants("marshmallow.schema", "/env/site-packages/marshmallow/schema.py")
    assert not loading.wants("a.bc", "/env/site-packages/a/bc.py")
    assert not loading.wants("json", os.__file__.replace("os.py", "json/__init__.py"))
    assert not loading.wants("test_views", str(tmp_path / "test_views.py"))
    assert not loading.wants("isolation_audit.auditor", str(tmp_path / "auditor.py"))
    assert not loading.wants("fast", str(tmp_path / "fast.so"))


def test_undo(folder, monkeypatch):
    from importlib.machinery import SourceFileLoader

    monkeypatch.syspath_prepend(str(folder))
    before = dict(vars(SourceFileLoader))
    loading = Loading((), Barrier())
    loading.start()
    monkeypatch.delitem(sys.modules, "keeps", raising=False)
    try:
        import keeps

        rewritten = keeps.A.set.__code__.co_consts
    finally:
        loading.stop()
    assert dict(vars(SourceFileLoader)) == before
    assert len(rewritten) > 1
    monkeypatch.delitem(sys.modules, "keeps")
    import keeps

    assert keeps.A.set.__code__.co_consts == (None,)
    assert loading.rewritten == ["keeps"]


def test_undo_beside_others_who_replace_the_same(monkeypatch):
    from importlib.machinery import SourceFileLoader

    def theirs(self, fullname):
        return None

    monkeypatch.setattr(SourceFileLoader, "get_code", theirs)
    loading = Loading((), Barrier())
    loading.start()
    assert SourceFileLoader.get_code is not theirs
    loading.stop()
    assert SourceFileLoader.__dict__["get_code"] is theirs


def test_a_module_that_can_t_be_compiled_fails_as_ever(folder, monkeypatch):
    (folder / "broken.py").write_text("def f(:\n  pass\n")
    monkeypatch.syspath_prepend(str(folder))
    loading = Loading((), Barrier())
    loading.start()
    try:
        with pytest.raises(SyntaxError) as raised:
            import broken  # noqa: F401
    finally:
        loading.stop()
    assert raised.value.filename == str(folder / "broken.py")


def test_tracebacks_of_imports_have_no_frame_of_ours(folder):
    (folder / "fails.py").write_text("def f():\n    self.x = 1\nf()\n")
    (folder / "broken.py").write_text("def f(:\n  pass\n")
    (folder / "tries.py").write_text(
        textwrap.dedent("""
        import traceback
        for name in ("fails", "broken"):
            try:
                __import__(name)
            except Exception:
                print(traceback.format_exc())
        """)
    )
    bare = subprocess.run([sys.executable, "tries.py"], text=True, capture_output=True).stdout.strip()
    assert run("--depth", "state", "--", "tries.py") == bare


def test_modules_that_stay_as_they_are_are_told(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "keeps", raising=False)
    import keeps

    told = []
    loading = Loading((), Barrier(), lambda what, why: told.append((what, why)))
    monkeypatch.setattr(loading, "wants", lambda name, _file: name == "keeps")
    loading.start()
    loading.stop()
    assert keeps.A
    assert [what for what, _why in told] == ["keeps"]
    assert "imported before" in told[0][1]


def test_a_late_auditor_says_so(folder):
    (folder / "late.py").write_text("import keeps\nimport isolation_audit.auto\nkeeps.a.set(1)\n")
    environ = {**os.environ, "ISOLATION_AUDIT_DEPTH": "state"}
    (folder / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    done = subprocess.run([sys.executable, "late.py"], text=True, capture_output=True, env=environ)
    assert "IA902" in done.stderr
    assert "__main__, keeps" in done.stderr


def test_nothing_watches_for_a_program_that_runs_already(folder):
    (folder / "isolation-audit.toml").write_text('[audit]\ndepth = "state"\n')
    program = "import sys, isolation_audit.auto; print(sys.getprofile())"
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert done.stdout == "None\n"
    assert run("--depth", "state", "--", "-c", "import sys; print(sys.getprofile())") == "None"
