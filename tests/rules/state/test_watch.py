"""What is noted of reads and writes: what goes on, not what is only looked at; within bounds, and keeping nothing."""

import gc
import weakref

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import Audit, Config, Report
from isolation_audit.instrument.rewrite import sites
from isolation_audit.rules.state import watch
from isolation_audit.rules.state.watch import StateWatch

UNITS = 2_000


class Basket:
    pass


def test_ended_units_leave_nothing_behind():
    number = sites.first_of(b"", "/srv/shop.py")
    sites.add(number, "/srv/shop.py", [(1, "put", "basket.text", sites.WRITTEN, ())])
    held = []
    with Auditor(Config(audit=Audit(depth="state"), report=Report(terminal=False))) as auditor:
        monitor = auditor.runtime.part(StateWatch)
        for count in range(UNITS):
            with user_scope(f"user-{count % 7}"):
                basket = Basket()
                unit = monitor.unit()
                assert unit is not None
                monitor.wrote(unit, basket, "attribute", "text", f"order {count}", number)
                held.append(weakref.ref(basket))
        del basket
        gc.collect()
        assert not [one for one in held if one() is not None]
        assert len(monitor.records) == 0
        assert monitor.units.open == {}
    assert auditor.runtime.barrier.counts == {}


LOOKS = """
    class Box:
        def __init__(self):
            self.text = ""
            self.inner = None

    box = Box()
    boxes = []

    def put(text):
        box.text = text
        inner = box.inner = Box()
        inner.text = text
        boxes.append({{"text": text}})

    def handle(user, text):
        if user == "alice":
            put(text)
            return "kept"
        {look}
    """


@pytest.mark.parametrize(
    "look",
    [
        "return box.text",
        "return [box.text]",
        "print(box.text); return 1",
        'return f"so far: {box.text}"',
        "return box.inner.text",
        "inner = box.inner\n        return inner.text",
        'return boxes[-1]["text"]',
        'return [one["text"] for one in boxes]',
        "return getattr(box, 'text')",
        "return vars(box)['text']",
    ],
)
def test_what_goes_on_is_told(audited, look):
    findings, _said = audited(LOOKS.format(look=look))
    assert {one.rule for one in findings} == {"IA402"}
    assert {one.site_label for one in findings} == {"read here"}
    assert {one.origin.top.function for one in findings} == {"put"}


@pytest.mark.parametrize(
    "look",
    [
        "return len(boxes)",
        'return sum(one["text"] == text for one in boxes)',
        "box.text = text\n        return box.text",
        "own = Box()\n        own.text = text\n        return own.text",
    ],
)
def test_what_is_only_looked_at_or_ones_own_is_silent(audited, look):
    assert audited(LOOKS.format(look=look))[0] == []


def test_a_unit_that_reads_very_much_is_judged_by_its_first_reads(audited, monkeypatch):
    monkeypatch.setattr(watch, "_READS", 1)
    look = "first = [box.text]\n        return [first, box.inner.text, boxes[-1]]"
    assert len(audited(LOOKS.format(look=look))[0]) == 1
