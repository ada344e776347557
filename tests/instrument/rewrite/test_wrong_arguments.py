"""Calls of all methods that are told, with any arguments: the same results, and the same exceptions there."""

import pytest
from told import listening, output, plain_and_rewritten

from isolation_audit.instrument.rewrite.expressions import READING
from isolation_audit.instrument.rewrite.names import STORING

ARGUMENTS = [
    *("", "1", "'k'", "'k', 2", "1, 2, 3", "1, 2, 3, 4", "None", "[]", "{}", "[[]]", "[(1, 2)]", "[1], [2]", "x=1"),
    *("'k', x=1", "method=1", "site=1", "method=1, site=2, arguments=3", "item=1", "default=1", "key=1", "self=1"),
    *("*5", "*()", "*'k'", "*'kx'", "**5", "**{}", "**{'x': 1}", "**{'x': 1}, **{'x': 2}", "*(), x=1"),
    *("x=1, **{'x': 2}", "*(1, 2), *5", "*[1], **{'method': 1}", "1, **{'site': 1}", "[], *5", "{}, **5"),
    *("lambda: 1", "named=1, owner=2", "**{'named': 1, 'call': 2}"),
]
PROGRAM = """
import array, asyncio, collections, contextvars, inspect, queue, traceback, types, weakref

class Thing:
    def __repr__(self): return "a thing"

class Own:
    def __init__(self): self.values = None
    def get(self, a, b=1): return a, b
    def append(self, *a, **k): return a, sorted(k)
    pop = lambda self, **k: sorted(k)
    update = put = staticmethod(dict)
    def __getattr__(self, name):
        if name[:2] == "__": raise AttributeError(name)
        return "abc"

class Delegating:
    def __init__(self, to):
        for name in dir(to):
            if name[:2] != "__": setattr(self, name, getattr(to, name))

THING = Thing()
module = types.ModuleType("module")
module.get = module.append = dict

def filled(queue):
    queue.put(1)
    return queue

def derived(kind, *given):
    return type("Derived", (kind,), {})(*given)

MAKERS = [
    lambda: {'k': 1}, lambda: derived(dict, {'k': 1}), lambda: derived(derived(dict).__class__, {'k': 1}),
    lambda: [1], lambda: derived(list, [1]), lambda: {1}, lambda: derived(set, [1]), lambda: derived(frozenset, [1]),
    lambda: collections.deque([1]), lambda: derived(collections.deque, [1]),
    lambda: collections.OrderedDict(k=1), lambda: derived(collections.OrderedDict, {'k': 1}),
    lambda: collections.defaultdict(list, k=1), lambda: derived(collections.defaultdict, list, {'k': 1}),
    lambda: collections.Counter('k'), lambda: collections.ChainMap({'k': 1}),
    lambda: collections.UserDict(k=1), lambda: derived(collections.UserDict, {'k': 1}),
    lambda: collections.UserList([1]), lambda: derived(collections.UserList, [1]),
    lambda: weakref.WeakSet([THING]), lambda: weakref.WeakValueDictionary(k=THING),
    lambda: weakref.WeakKeyDictionary({THING: 1}), lambda: derived(weakref.WeakKeyDictionary, {THING: 1}),
    lambda: filled(queue.Queue()), lambda: filled(derived(queue.Queue)), lambda: filled(queue.SimpleQueue()),
    lambda: asyncio.Queue(), lambda: derived(asyncio.Queue), lambda: contextvars.ContextVar("variable", default=[]),
    lambda: array.array('i', [1]), lambda: derived(array.array, 'i', [1]), lambda: bytearray(b'k'),
    lambda: Own(), lambda: 5, lambda: module, lambda: types.MappingProxyType({'k': 1}), lambda: Own().__dict__,
    lambda: Delegating([1]), lambda: Delegating({'k': 1}),
]

def shown(value):
    if inspect.iscoroutine(value): value.close()
    return type(value) if " at 0x" in repr(value) else repr(value)

def tried(call):
    for number, made in enumerate(MAKERS):
        owner = made()
        try: print(number, call.__name__, shown(call(owner)), shown(owner))
        except Exception as error:
            print(number, call.__name__, repr(error).partition(" at 0x")[0], shown(owner))
            while error is not None:
                for one in traceback.extract_tb(error.__traceback__):
                    print("   ", one.filename, one.name, one.lineno, one.end_lineno, one.colno, one.end_colno)
                error = error.__context__
"""


def program(method):
    """Calls of one method of all containers, as a value and as a statement."""
    calls = [
        f"def call{number}(owner): return owner.{method}({arguments})\n"
        + (number % 4 == 0) * f"def stated{number}(owner):\n    owner.{method}({arguments})\ntried(stated{number})\n"
        + f"tried(call{number})"
        for number, arguments in enumerate(ARGUMENTS)
    ]
    return PROGRAM + "\n".join(calls) + "\n"


@pytest.mark.filterwarnings("ignore:coroutine 'Queue:RuntimeWarning")
@pytest.mark.parametrize("method", sorted(READING | STORING))
def test_every_call_ends_as_it_did(method, tmp_path):
    source = program(method)
    plain, rewritten = plain_and_rewritten(source, tmp_path / "program.py")
    expected = output(plain).splitlines()
    assert len(expected) > 40 * len(ARGUMENTS), expected[-3:]
    assert different(expected, output(rewritten).splitlines()) == []
    with listening() as listener:
        assert different(expected, output(rewritten).splitlines()) == []
    assert listener.told


def different(expected, found):
    return [(one, other) for one, other in zip(expected, found, strict=False) if one != other] or (
        [] if len(expected) == len(found) else [(len(expected), len(found))]
    )
