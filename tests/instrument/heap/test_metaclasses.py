"""The heap is gone through past what metaclasses of the application say."""

from __future__ import annotations

import gc
from types import ModuleType
from typing import Any

from isolation_audit.instrument.heap.parts import parts
from isolation_audit.instrument.heap.sizes import size_of
from isolation_audit.instrument.heap.unseen import unseen_referrers
from isolation_audit.instrument.heap.walk import Walk, Way
from isolation_audit.instrument.rewrite.contents import ABSENT, attribute_of, container_of, item_of
from isolation_audit.rules.lifetime.reach import Reach

SOURCE = """
class Meta(type):
    def refuse(cls, *arguments):
        TOUCHED.append(arguments)
        raise RuntimeError("touched")
    __eq__ = __hash__ = __repr__ = __instancecheck__ = __subclasscheck__ = __bool__ = __len__ = refuse

class Engine(metaclass=Meta):
    def __init__(self, *kept):
        self.kept = kept
    @property
    def __class__(self):
        TOUCHED.append("__class__")
        raise RuntimeError("touched")

class Kept(list, metaclass=Meta):
    pass

TOUCHED = []
"""


def application() -> Any:
    module = ModuleType("application")
    exec(SOURCE, vars(module))
    return module


def test_all_ways_through_the_heap() -> None:
    app = application()
    engine = app.Engine(app.Kept([app.Engine("words")]))
    met = [value for value, _way in Walk(100, 60.0).through([(engine, Way(None, None, ""))])]
    assert "words" in [one for one in met if type(one) is str]
    assert [word for _inner, word, _key in parts(engine)] == [".kept"]
    assert size_of(engine) > object.__sizeof__(engine)
    assert engine not in list(Reach().inside(engine, in_test=True))
    assert app.TOUCHED == []


def test_what_was_frozen() -> None:
    app = application()
    wanted = object()
    app.engine = app.Engine(wanted)
    gc.freeze()
    try:
        holders = list(unseen_referrers({id(app.engine.kept)}, [vars(app)]))
    finally:
        gc.unfreeze()
    assert [holder is vars(app.engine) or holder is app.engine for holder in holders] == [True]
    assert app.TOUCHED == []


def test_what_rewritten_code_tells_of() -> None:
    app = application()
    kept = app.Kept(["words"])
    assert container_of(kept) is kept
    assert container_of(app.Engine()) is ABSENT
    held = item_of(kept, 0)
    assert held is not None
    assert held.value == "words"
    held = attribute_of(app.Engine("words"), "kept")
    assert held is not None
    assert held.value == ("words",)
    assert app.TOUCHED == []
