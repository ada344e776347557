"""Which places a function fills when they are empty: read off its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.analysis.lazy_names import LazyName, read, stores_something

if TYPE_CHECKING:
    from types import CodeType

LAZY = {
    "global": ("def f():\n global _x\n if _x is None:\n  _x = object()\n return _x", "_x"),
    "truth": ("def f():\n global _x\n if not _x:\n  _x = object()\n return _x", "_x"),
    "early return": ("def f():\n global _x\n if _x is not None:\n  return _x\n _x = object()\n return _x", "_x"),
    "or": ("def f():\n global _x\n _x = _x or object()\n return _x", "_x"),
    "by another name": ("def f():\n global _x\n x = _x\n if x is None:\n  x = _x = object()\n return x", "_x"),
    "across an await": ("async def f(c):\n global _x\n if _x is None:\n  _x = await c()\n return _x", "_x"),
    "no such name": ("def f():\n global _x\n try:\n  return _x\n except NameError:\n  _x = object()", "_x"),
    "class attribute": ("def f(cls):\n if cls._i is None:\n  cls._i = cls()\n return cls._i", "cls._i"),
    "hasattr": ("def f(cls):\n if not hasattr(cls, '_i'):\n  cls._i = cls()\n return cls._i", "cls._i"),
    "named class": ("def f():\n if C._i is None:\n  C._i = C()\n return C._i", "C._i"),
    "type of self": ("def f(self):\n if type(self)._i is None:\n  type(self)._i = C()", "self.__class__._i"),
    "entry": ("def f(u):\n if u not in _d:\n  _d[u] = C()\n return _d[u]", "_d[u]"),
    "entry under a path": (
        "def f(context):\n key = context.user.id\n x = _d.get(key)\n if x is None:\n  x = _d[key] = C()\n return x",
        "_d[context.user.id]",
    ),
    "entry of an attribute": ("def f(cls):\n if cls not in cls._d:\n  cls._d[cls] = C()", "cls._d[cls]"),
    "no such entry": ("def f():\n try:\n  return _d['a']\n except KeyError:\n  _d['a'] = C()", "_d['a']"),
    "by way of a local": (
        "def f(request):\n s = request.app.state\n if getattr(s, 'x', None) is None:\n  s.x = C()\n return s.x",
        "request.app.state.x",
    ),
    "globals": ("def f():\n if '_x' not in globals():\n  globals()['_x'] = C()\n return _x", "globals()['_x']"),
}

EAGER = {
    "reset": "def f():\n global _x\n _x = None",
    "reads only": "def f():\n if _x is None:\n  raise LookupError\n return _x",
    "local": "def f(x=None):\n if x is None:\n  x = object()\n return x",
    "another name": "def f():\n global _y\n if _x is None:\n  return None\n _y = object()",
    "another attribute": "def f(self):\n if self.a is None:\n  self.b = 1",
    "setdefault": "def f(u):\n return _d.setdefault(u, C()) if u else None",
    "a key that is made": "def f(u):\n key = u.lower()\n if key not in _d:\n  _d[key] = C()\n return _d[key]",
    "a rebound parameter": "def f(u):\n if u not in _d:\n  u = u + 'x'\n  _d[u] = C()\n return _d[u]",
    "registers": "def f(c):\n _d[c.id] = c",
    "looks afterwards": "def f():\n global _x\n _x = object()\n if _x is None:\n  raise LookupError",
}


def compiled(source: str, name: str = "f"):
    namespace: dict[str, object] = {}
    exec(compile(source, "app.py", "exec"), namespace)
    return namespace[name].__code__  # type: ignore[attr-defined]


def lazy_name(code: CodeType) -> LazyName | None:
    """The first place that a function fills when it is asked."""
    return next(iter(read(code).lazy), None) if stores_something(code) else None


@pytest.mark.parametrize("case", LAZY)
def test_lazy(case: str) -> None:
    source, expected = LAZY[case]
    assert str(lazy_name(compiled(source))) == expected


@pytest.mark.parametrize("case", EAGER)
def test_eager(case: str) -> None:
    assert lazy_name(compiled(EAGER[case])) is None


def test_a_modules_own_getattr_is_asked_for_what_is_not_there() -> None:
    source = "def __getattr__(name):\n globals()[name] = made = C()\n return made"
    assert str(lazy_name(compiled(source, "__getattr__"))) == "globals()[name]"


def test_names_of_the_function_around() -> None:
    source = "def g():\n x = None\n def f():\n  nonlocal x\n  if x is None:\n   x = C()\n  return x\n return f\nf = g()"
    assert str(lazy_name(compiled(source))) == "x"


def test_what_one_function_asks_for_and_another_fills() -> None:
    filling = read(compiled("async def f():\n global _x\n _x = await make()"))
    asking = read(compiled("async def f():\n if _x is None:\n  await fill()\n return _x"), filling.stored)
    assert not asking.lazy
    assert not filling.lazy
    assert asking.asked & filling.stored


def test_a_constant_is_not_asked_for_anything() -> None:
    class Hostile:
        def __hash__(self) -> int:
            raise AssertionError("asked")

    code = compiled(LAZY["entry under a path"][0])
    assert str(lazy_name(code.replace(co_consts=(*code.co_consts, Hostile())))) == "_d[context.user.id]"
