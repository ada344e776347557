"""The application may exchange builtins; what rewritten code calls does not call them."""

from __future__ import annotations

import builtins

import pytest
from test_events import Notebook, rewritten

from isolation_audit.instrument.barrier import Barrier
from isolation_audit.instrument.rewrite import listener

USED = sorted(
    {"len", "type", "isinstance", "issubclass", "getattr", "setattr", "hasattr", "id", "repr", "hash", "vars", "next"}
    | {
        "iter",
        "list",
        "dict",
        "tuple",
        "set",
        "range",
        "any",
        "int",
        "str",
        "bytes",
        "slice",
        "enumerate",
        "isinstance",
    }
)
SOURCE = """
class A: pass
a, d, l = A(), {}, []
def f():
 a.x = 1; d['y'] = 2; l.append(3); d.update(z=4); l[0:1] = [5, 6]; l.extend([7])
 return a.x, d['y'], l[0], l[1:], d.get('z'), l.pop()
"""
EXCHANGED = "exchanged"


@pytest.fixture
def listening():
    notebook, barrier = Notebook(), Barrier()
    listener.listen(notebook, barrier)
    yield notebook
    listener.listen(None)
    assert dict(barrier.counts) == {}


@pytest.mark.parametrize("name", USED)
def test_builtins_of_the_application_are_not_called(listening, name):
    names = rewritten(SOURCE)
    expected, result = _told(listening, names), eval("(1, 2, 5, [6, 7], 4, 7)")
    listening.lines.clear()
    original, called = builtins.__dict__[name], []

    def exchanged(*_values, **_named):
        called.append(name)
        raise TypeError(EXCHANGED)

    again = rewritten(SOURCE)  # whose sites are to be unpacked anew
    function = again["f"]
    builtins.__dict__[name] = exchanged
    try:
        found = function()
    finally:
        builtins.__dict__[name] = original
    assert found == result
    assert called == []
    assert listening.lines == expected


def _told(notebook, names):
    names["f"]()
    return list(notebook.lines)
