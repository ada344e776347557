"""What rewritten code tells of, case by case, and that it does the same as the original."""

from __future__ import annotations

import textwrap

import pytest

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite import listener, sites
from isolation_audit.instrument.rewrite.loading import Loading


class Notebook:
    """A listener that keeps what it was told, as short lines."""

    def __init__(self) -> None:
        self.inside: object = "a unit"
        self.lines: list[str] = []

    def unit(self):
        return self.inside

    def wrote(self, _unit, container, kind, key, value, site):
        self.lines.append(f"wrote {kind} {key} {value!r}")

    def read(self, _unit, container, kind, key, value, site):
        use = sites.site(site).use
        if kind not in ("global", "default") or use != sites.NAVIGATED:  # the way to what is looked at begins at one
            self.lines.append(f"read {kind} {key} {value!r} {use}")

    def born(self, _unit, obj):
        self.lines.append(f"born {type(obj).__name__}")


@pytest.fixture
def notebook():
    notebook, barrier = Notebook(), Barrier()
    listener.listen(notebook, barrier)
    yield notebook
    listener.listen(None)
    assert barrier.total == 0


def rewritten(source: str, name: str = "program") -> dict:
    names: dict = {"__name__": name}
    code = Loading((), Barrier()).code(textwrap.dedent(source).encode(), f"{name}.py")
    exec(code, names)
    return names


def told(notebook: Notebook, source: str, call: str) -> list[str]:
    names = rewritten(source)
    eval(call, names)
    return notebook.lines


CONTEXT_VARIABLE = """
import contextvars
v = contextvars.ContextVar('v', default=[])
def f(): v.get().append(1)
def g(): return v.get()
"""
WRITTEN_IN_PYTHON = """
import collections
d, l = collections.UserDict(), collections.UserList()
def f(): d['x'] = 1; l.append(2)
def g(): return d.get('x'), l[0]
"""
FIELDS = """
class A: pass
a = A()
def f(): a.__dict__.update(x=1); object.__setattr__(a, 'y', 2)
def g(): return dict(vars(a)), dict(a.__dict__), list(a.__dict__.values())
def h(): return a.__dict__.get('y')
"""
CASES = {
    "attribute": (
        "class A: pass\na = A()\ndef f(o): o.x = 1\ndef g(o): return o.x",
        "(f(a), g(a))",
        ["wrote attribute x 1", "read attribute x 1 returned"],
    ),
    "private name": (
        "class _A:\n def f(self): self.__x = 1; return self.__x\na = _A()",
        "a.f()",
        ["wrote attribute _A__x 1", "read attribute _A__x 1 returned"],
    ),
    "birth": ("class A:\n def __init__(self): self.x = 1", "A()", ["born A"]),
    "class attribute": (
        "class A: x = None\ndef f(): A.x = 1\ndef g(): return A().x",
        "(f(), g())",
        ["wrote attribute x 1", "read attribute x 1 returned"],
    ),
    "slot": (
        "class A: __slots__ = ('x',)\na = A()\ndef f(): a.x = 1; print(a.x)",
        "f()",
        ["wrote attribute x 1", "read attribute x 1 passed"],
    ),
    "global": (
        "x = 0\ndef f():\n global x\n x = 1\ndef g(): return x",
        "(f(), g())",
        ["wrote global x 1", "read global x 1 returned"],
    ),
    "item": (
        "d = {}\ndef f(k): d[k] = 1\ndef g(k): return d[k], d['k']",
        "(f('k'), g('k'))",
        ["wrote item k 1", "read item k 1 returned", "read item k 1 returned"],
    ),
    "item with a computed key": (
        "d = {}\ndef f(k): d[k.upper()] = 1\ndef g(k): return d[k.upper()]",
        "(f('k'), g('k'))",
        ["wrote item K 1", "read item K 1 returned"],
    ),
    "unpacking": (
        "class A: pass\na = A()\nd = {}\ndef f(): a.x, (d['y'], *a.z) = 1, (2, 3)",
        "f()",
        ["wrote attribute x 1", "wrote item y 2", "wrote attribute z [3]"],
    ),
    "loop's target": ("d = {}\ndef f():\n for d['x'] in (1,): pass", "f()", ["wrote item x 1"]),
    "added": ("class A: x = 1\na = A()\ndef f(): a.x += 1", "f()", ["wrote attribute x 2"]),
    "list": (
        "l = []\ndef f(): l.append(1); l.insert(0, 2)\ndef g(): return l.pop(), l[0]",
        "(f(), g())",
        ["wrote element None 1", "wrote element None 2", "read element -1 1 returned", "read element 0 2 returned"],
    ),
    "dict": (
        "d = {}\ndef f(): d.update(a=1); d.setdefault('b', 2)\ndef g(): return d.get('a'), d.pop('b')",
        "(f(), g())",
        ["wrote item a 1", "wrote item b 2", "read item a 1 returned", "read item b 2 returned"],
    ),
    "set and deque": (
        "import collections\ns = set()\nq = collections.deque()\ndef f(): s.add(1); q.append(2); return q.popleft()",
        "f()",
        ["wrote element None 1", "wrote element None 2", "read element 0 2 returned"],
    ),
    "extended by a generator": (
        "l = []\ndef f(): l.extend(x for x in (1, 2))",
        "f()",
        ["wrote element None 1", "wrote element None 2"],
    ),
    "thread local": (
        "import threading\nt = threading.local()\ndef f(): t.x = 1; return t.x",
        "f()",
        ["wrote thread local x 1", "read thread local x 1 returned"],
    ),
    "getattr and setattr": (
        "class A: pass\na = A()\ndef f(): setattr(a, 'x', 1); return getattr(a, 'x')",
        "f()",
        ["wrote attribute x 1", "read attribute x 1 returned"],
    ),
    "navigation": (
        "class A: pass\na = A()\na.b = A()\ndef f(): a.b.x = 1; a.b = a.b\ndef g(): return a.b.x",
        "(f(), g())",
        [
            "wrote attribute x 1",
            "read attribute b",
            "wrote attribute b",
            "read attribute b",
            "read attribute x 1 returned",
        ],
    ),
    "a closure's variable": (
        "def make():\n x = 0\n def f():\n  nonlocal x\n  x = 1\n def g(): return x\n return f, g\nf, g = make()",
        "(f(), g())",
        ["wrote cell x 1", "read cell x 1 returned"],
    ),
    "a closure's container": (
        "def make():\n l = []\n def f(): l.append(1)\n def g(): return list(l)\n return f, g\nf, g = make()",
        "(f(), g())",
        ["wrote element None 1", "read cell l [1] returned"],
    ),
    "a generator's container": (
        "def talk():\n l = []\n while 1:\n  x = yield list(l)\n  l.append(x)\nt = talk()\nnext(t)\ndef f(): t.send(1)",
        "f()",
        ["wrote element None 1", "read cell l [1] yielded"],
    ),
    "a generator's variable": (
        "def talk():\n x = 0\n while True:\n  y = yield x\n  x = y\nt = talk()\nnext(t)\ndef f(): return t.send(1)",
        "f()",
        [f"{told} carried x {n}" for n in (0, 1) for told in ("wrote", "read")],
    ),
    "a part of a list": (
        "l = [0]\ndef f(): l[len(l):] = [1]; l[:0] = iter((2,))\ndef g(): return l[1:]",
        "(f(), g())",
        ["wrote element None 1", "wrote element None 2", "read part None [0, 1] returned"],
    ),
    "all of an object's fields": (
        FIELDS,
        "(f(), g(), h())",
        [
            *("wrote attribute x 1", "read global a", "wrote attribute y 2", "read global a"),
            *("read all None", "read all None", "read all None", "read attribute y 2 returned"),
        ],
    ),
    "a mutable default": (
        "def f(v, kept=[]):\n kept.append(v)\n return kept",
        "f(1)",
        ["wrote element None 1", "read default kept [1] returned"],
    ),
    "the list of an attribute that nobody sets": (
        "class A:\n kept = []\ndef f():\n l = A.kept\n l.append(1)\ndef g(): return A.kept",
        "(f(), g())",
        ["wrote element None 1", "read attribute kept [1] returned"],
    ),
    "a key that is computed, added to": (
        "d = {'K': 1}\ndef f(k): d[k.upper()] += 1",
        "f('k')",
        ["wrote item K 2"],
    ),
    "context variable's default": (
        CONTEXT_VARIABLE,
        "(f(), g())",
        ["read context variable None [] nav", "wrote element None 1", "read context variable None [1] returned"],
    ),
    "environment": (
        "import os\ndef f(): os.environ['ISOLATION_AUDIT_TRY'] = 'x'; return os.environ.pop('ISOLATION_AUDIT_TRY')",
        "f()",
        ["wrote environ ISOLATION_AUDIT_TRY 'x'", "read environ ISOLATION_AUDIT_TRY 'x' returned"],
    ),
    "the standard library's own containers": (
        WRITTEN_IN_PYTHON,
        "(f(), g())",
        ["wrote item x 1", "wrote element None 2", "read item x 1 returned", "read element 0 2 returned"],
    ),
    "an object's fields": (
        "class A: pass\na = A()\ndef f(): a.__dict__['x'] = 1; a.x = 2\ndef g(): return a.__dict__['x'], vars(a)['x']",
        "(f(), g())",
        [*["wrote attribute x"] * 2, "read attribute x 2 returned", "read global a", "read attribute x 2 returned"],
    ),
    "a local name that flows": (
        "d = {}\ndef f(): d['x'] = 1\ndef g():\n y = d['x']\n return y",
        "(f(), g())",
        ["wrote item x 1", "read item x 1 returned"],
    ),
    "a local name that does not flow": (
        "d = {}\ndef f(): d['x'] = [1]\ndef g():\n y = d['x']\n for z in y: pass",
        "(f(), g())",
        ["wrote item x [1]", "read item x [1] navigated", "read all None [1] navigated"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_told(notebook, case):
    source, call, expected = CASES[case]
    lines = told(notebook, source, call)
    assert len(lines) == len(expected)
    for line, words in zip(lines, expected, strict=True):
        assert line.startswith(words)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_told_outside_of_units(notebook, case):
    notebook.inside = None
    source, call, _expected = CASES[case]
    assert told(notebook, source, call) == []


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_told_where_nobody_listens(case):
    source, call, _expected = CASES[case]
    plain: dict = {"__name__": "program"}
    exec(textwrap.dedent(source), plain)
    assert repr(eval(call, rewritten(source)))[:10] == repr(eval(call, plain))[:10]


def test_a_proxy_that_makes_itself_is_no_fault(notebook):
    kind = pytest.importorskip("werkzeug.local").LocalProxy
    store = "object.__setattr__(new, '_get_current_object', list)"
    names = rewritten(f"def f(kind):\n  new = kind.__new__(kind)\n  {store}\n  return new")
    assert names["f"](kind) == []
