"""Which functions make a global or a class attribute when it is not there yet."""

from __future__ import annotations

import pytest

from isolation_audit.analysis.lazy_names import LazyName, lazy_name

LAZY = {
    "global": ("def f():\n global _x\n if _x is None:\n  _x = object()\n return _x", LazyName("_x")),
    "truth": ("def f():\n global _x\n if not _x:\n  _x = object()\n return _x", LazyName("_x")),
    "early return": (
        "def f():\n global _x\n if _x is not None:\n  return _x\n _x = object()\n return _x",
        LazyName("_x"),
    ),
    "or": ("def f():\n global _x\n _x = _x or object()\n return _x", LazyName("_x")),
    "across an await": (
        "async def f(c):\n global _x\n if _x is None:\n  _x = await c()\n return _x",
        LazyName("_x"),
    ),
    "class attribute": ("def f(cls):\n if cls._i is None:\n  cls._i = cls()\n return cls._i", LazyName("_i", "cls")),
    "hasattr": (
        "def f(cls):\n if not hasattr(cls, '_i'):\n  cls._i = cls()\n return cls._i",
        LazyName("_i", "cls"),
    ),
    "named class": ("def f():\n if C._i is None:\n  C._i = C()\n return C._i", LazyName("_i", "C")),
}

EAGER = {
    "reset": "def f():\n global _x\n _x = None",
    "reads only": "def f():\n if _x is None:\n  raise LookupError\n return _x",
    "local": "def f(x=None):\n if x is None:\n  x = object()\n return x",
    "another name": "def f():\n global _y\n if _x is None:\n  return None\n _y = object()",
    "another attribute": "def f(self):\n if self.a is None:\n  self.b = 1",
}


def compiled(source: str):
    namespace: dict[str, object] = {}
    exec(compile(source, "app.py", "exec"), namespace)
    return namespace["f"].__code__  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", LAZY)
def test_lazy(case: str) -> None:
    source, expected = LAZY[case]
    assert lazy_name(compiled(source)) == expected


@pytest.mark.parametrize("case", EAGER)
def test_eager(case: str) -> None:
    assert lazy_name(compiled(EAGER[case])) is None
