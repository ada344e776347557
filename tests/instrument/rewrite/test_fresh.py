"""Which containers of a function nobody else can have while they are changed."""

import ast

import pytest

from isolation_audit.instrument.rewrite.fresh import fresh

FRESH = {
    "filled and returned": "x = []\nfor y in z: x.append(y)\nreturn x",
    "returned inside of a call": "x = {}\nx['a'] = 1\nreturn answer(x)",
    "returned early": "x = []\nif y: return x\nx.append(1)\nreturn x",
    "looked at": "x = {}\nx['a'] = 1\nif 'a' in x and len(x): return sorted(x)",
    "made anew in each turn": "for y in z:\n  x = {}\n  x['a'] = y\n  keep(x)",
    "handed on when it is full": "x = [1]\nx.append(2)\nself.kept = x",
    "gone through": "x = dict(y)\nfor k in x: x[k] = 1\nreturn f'{x}'",
}
NOT_FRESH = {
    "kept, and changed afterwards": "x = []\nself.kept = x\nx.append(1)",
    "handed on, and changed afterwards": "x = []\nkeep(x)\nx.append(1)",
    "handed on and changed in one loop": "x = []\nfor y in z:\n  x.append(y)\n  keep(x)",
    "handed on while it is changed": "x = []\nx.append(keep(x))",
    "changed by what cleans up": "x = []\ntry:\n  return x\nfinally:\n  x.append(1)",
    "another name for it": "x = []\ny = x\nx.append(1)",
    "something else as well": "x = []\nif y: x = self.kept\nx.append(1)",
    "of an inner function": "x = []\ndef f(): return x\nx.append(1)\nreturn f",
    "of a lambda": "x = []\nx.append(1)\nreturn lambda: x",
    "added to": "x = []\nx += y",
    "a loop's variable": "x = []\nfor x in z: x.append(1)",
    "made elsewhere": "x = make()\nx.append(1)",
    "of a generator": "x = []\nwhile 1:\n  x.append((yield x))",
    "of a loop that waits": "x = []\nwhile 1:\n  x.append(await y)",
    "an argument": "a = []\na.append(1)",
}


def of(body):
    source = "async def f(a, y, z):\n" + "".join(f"  {line}\n" for line in body.splitlines())
    if "yield" in source:
        source = source.removeprefix("async ")
    (function,) = ast.parse(source).body
    return fresh(function, {"a", "y", "z"})


@pytest.mark.parametrize("case", FRESH)
def test_needs_no_report(case):
    assert of(FRESH[case]) == {"x"}


@pytest.mark.parametrize("case", NOT_FRESH)
def test_is_told_of(case):
    assert of(NOT_FRESH[case]) == set()
