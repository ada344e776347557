"""Ten thousand units of work over one state: threads, forks, copies, pickles, recycled identities, and no growth."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

UNITS = 10_000
RECORDS = 4_000

APP = """
import copy, pickle
from collections import OrderedDict, deque

class Order:
    def __init__(self, number):
        self.number, self.lines, self.more = number, [], {}

class Slotted:
    __slots__ = ("order", "text", "__weakref__")

KEPT, LAST, NAMES = OrderedDict(), deque(maxlen=5), {"count": 0}
CURRENT = Slotted()

def work(number, user):
    order = Order(number)
    order.lines.append({"text": f"line {number}", "owner": user})
    order.more["copy"] = copy.deepcopy(order.lines)
    KEPT[number] = order
    LAST.append(pickle.loads(pickle.dumps(order)))
    NAMES["count"] += 1
    CURRENT.order, CURRENT.text = order, order.lines[0]["text"]
    short = {str(n): [n] for n in range(20)}  # gone at once: the next ones have their identities
    short["x"] = order
    while len(KEPT) > 10:
        KEPT.pop(next(iter(KEPT)))
    return sum(len(one.lines) for one in list(KEPT.values())) + len([one.number for one in list(LAST)])
"""

PROGRAM = """
import gc, json, os, sys, threading
sys.path.insert(0, {folder!r})
from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.instrument.rewrite import listener
from isolation_audit.rules.state import records
from isolation_audit.rules.state.watch import StateWatch

def size():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

def units(first, last):
    for number in range(first, last):
        user = f"user-{{number % 7}}"
        with user_scope(user):
            app.work(number, user)

def forked(number):
    child = os.fork()
    if not child:
        units(number, number + 5)
        os._exit(0 if app.NAMES["count"] == number + 5 else 1)
    assert os.waitpid(child, 0)[1] == 0

records._CONTAINERS = {records}  # the table is full before half of the units have run
gc.set_threshold(100, 10, 20)
figures = []
with Auditor(load_config({config!r})) as auditor:
    import app
    watch = auditor.runtime.part(StateWatch)
    for first in range(0, {units}, 500):
        forked(first)
        units(first, first + 400)
        thread = threading.Thread(target=units, args=(first + 400, first + 500))
        thread.start()
        thread.join()
        auditor.settle(0.0)
        gc.collect()
        figures.append(
            {{
                "units": first + 500,
                "MB": size(),
                "records": len(watch.records),
                "concerned": len(listener.concerned),
                "open units": len(watch.units.open),
                "counted": app.NAMES["count"],
            }}
        )
    faults = dict(auditor.runtime.barrier.counts)
print(json.dumps([figures, faults]))
"""


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as Linux tells it")
def test_many_units_leave_nothing_behind(tmp_path):
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    config = tmp_path / "isolation-audit.toml"
    config.write_text('[audit]\ndepth = "state"\n[report]\nterminal = false\n')
    program = PROGRAM.format(folder=str(tmp_path), config=str(config), units=UNITS, records=RECORDS)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        cwd=tmp_path,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    figures, faults = json.loads(done.stdout.strip().splitlines()[-1])
    print(*figures[::4], figures[-1], sep="\n")
    middle, last = figures[len(figures) // 2], figures[-1]
    assert faults == {}
    assert last["counted"] == UNITS
    assert last["open units"] == 0
    assert max(one["records"] for one in figures) <= RECORDS
    assert last["concerned"] <= 3 * RECORDS
    assert last["MB"] - middle["MB"] < 5
