"""What becomes of a value that a function reads, as far as its source says."""

import ast
import textwrap

import pytest

from isolation_audit.instrument.rewrite.upkeep import emptied, path
from isolation_audit.instrument.rewrite.uses import Uses

USES = [
    ("return self.x", "returned"),
    ("return json.dumps(self.x)", "returned"),
    ("return ', '.join(self.x)", "passed"),
    ("told = list(self.x)\nreturn told", "returned"),
    ("for one in sorted(self.x):\n    yield one", "yielded"),
    ("return sorted(self.x)[:3]", "passed"),
    ("return len(self.x)", "navigated"),
    ("return key in self.x", "navigated"),
    ("if key not in self.x:\n    raise KeyError", "navigated"),
    ("if self.x == key:\n    return None", "branched"),
    ("self.x = self.x[-9:]", "kept"),
    ("self.x = {**self.x, key: 1}", "kept"),
    ("self.x = {key: one for key, one in self.x.items() if one}", "kept"),
    ("self.x = trimmed(self.x)", "kept"),
    ("self.x = self.x or made(key)", "stored"),
    ("self.y = self.x", "stored"),
    ("self.tail.prev = self.x", "kept"),
    ("done[key] = self.x[key]", "kept"),
    ("done[key] = self.x.pop(key)", "kept"),
    ("done[key] = self.x['last']", "stored"),
    ("done['last'] = self.x['last']", "stored"),
    ("self.x, self.y = self.y, self.x", "kept"),
    ("send(self.x)", "passed"),
    ("send(self.x)\nself.x.clear()", "handed"),
    ("send(self.x)\ndel self.x[:]", "handed"),
    ("send(self.x)\ndel self.x[key]", "passed"),
    ("self.x.clear()\nsend(self.x)", "passed"),
    ("told = send(self.x)\nself.x.clear()\nreturn told", "passed"),
    ("batch, self.x = self.x, []\nsend(batch)", "handed"),
    ("batch, self.x = self.x, []\nreturn batch", "returned"),
    ("batch = self.x\nself.x = []\nawait send(batch)", "handed"),
    ("batch = self.x\nself.x = []\nsend(batch)\nreturn batch", "returned"),
    ("json.dump(self.x, file)", "kept"),
    ("db.executemany('insert ...', self.x)", "kept"),
    ("db.execute('insert ...', self.x)", "passed"),
    ("json.dump({'of': key, 'said': self.x}, file)", "passed"),
    ("file.write_text(json.dumps(self.x))", "kept"),
    ("file.write_text(self.x)", "passed"),
    ("_key, _gone = self.x.popitem()", "kept"),
    ("key, gone = self.x.popitem()\nreturn gone", "returned"),
    ("for _one in self.x:\n    key()", "navigated"),
    ("return self.x is None", "navigated"),
    ("if self.x is not None:\n    return None", "navigated"),
    ("return self.x is key", "returned"),
    ("heapq.heappush(self.x, key)", "kept"),
    ("return heapq.nlargest(2, self.x)", "passed"),
    ("heapq.heappush(key, self.x)", "passed"),
    ("batch, self.x = self.x, []\nfor number, one in batch:\n    done[number] = work(one)", "kept"),
    ("for number, one in self.x:\n    done['last'] = work(one)", "passed"),
    ("for number, one in self.x:\n    done[number] = one\nreturn one", "returned"),
]


@pytest.mark.parametrize(("body", "use"), USES)
def test_a_use(body, use):
    function = ast.parse(f"async def f(self, key):\n{textwrap.indent(body, ' ')}").body[0]
    uses = Uses(function)
    reads = [one for one in ast.walk(function) if path(one) == "self.x" and isinstance(one.ctx, ast.Load)]
    # Of a chain the whole of it is used: `self.x.items()`, `self.x[-9:]`.
    outer = [one for one in ast.walk(function) if isinstance(one, ast.expr) and getattr(one, "value", None) in reads]
    outer += [one for one in ast.walk(function) if isinstance(one, ast.Call) and one.func in outer]
    told = {uses.of(one) for one in (*reads, *outer)} - {"navigated"}
    assert told == ({use} - {"navigated"})


def test_a_place_is_emptied_where_it_is_given_something_empty():
    function = ast.parse(
        "def f(self, kept):\n self.a = []\n self.b, self.c = {}, 1\n self.d = deque()\n self.e['x'] = set()\n"
        " kept.clear()\n del self.g[:]\n self.h = [1]\n self.i = dict(a=1)\n f().clear()\n self.a = ()\n"
    ).body[0]
    assert emptied(function) == {"self.a": 11, "self.b": 3, "self.d": 4, "self.e['x']": 5, "kept": 6, "self.g": 7}
