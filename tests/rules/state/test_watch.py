"""The monitor's own state neither grows nor keeps anything of the application's alive."""

import gc
import weakref

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import Audit, Config, Report
from isolation_audit.instrument.rewrite import sites
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
                assert monitor.unit() is not None
                monitor.wrote(basket, "attribute", "text", f"order {count}", number)
                held.append(weakref.ref(basket))
        del basket
        gc.collect()
        assert not [one for one in held if one() is not None]
        assert len(monitor.records) == 0
        assert monitor.units.open == {}
    assert auditor.runtime.barrier.counts == {}
