"""Random programs over classes, containers, closures and generators: rewritten, they do what they did."""

from __future__ import annotations

import os
import re

from hypothesis import given, settings
from hypothesis import strategies as st
from told import listening, output, plain_and_rewritten

EXAMPLES = int(os.environ.get("ISOLATION_AUDIT_EXAMPLES", "40"))

PRELUDE = """
import collections
class A:
    shared = []
    __slots__ = ('x', 'y', '__dict__')
    def __init__(self, x=0): self.x, self.y = x, {}
    def __repr__(self): return f'A({getattr(self, "x", None)!r})'
    @property
    def p(self): return self.x
    @p.setter
    def p(self, v): self.x = v
class D(dict):
    def __missing__(self, k): self[k] = k; return k
def fresh(): return A(), [A(1), 2], {'k': [3], 1: A(2)}, D(), collections.deque([4]), collections.defaultdict(list)
count = 0
a, l, d, e, q, c = fresh()
"""

BEGINNING = """
def show(x): print(repr(x)[:300])
def run(v):
    global count
    w = v
"""
END = """
    return w
for n in (0, 1):
    try: show(run(n))
    except RecursionError: show('RecursionError')  # its text tells in which call of the C library it was too deep
    except Exception as error: show((type(error), str(error)[:200]))
show((a, vars(a), l, d, e, q, c, count, A.shared))
"""

names = st.sampled_from(["a", "l", "d", "e", "q", "c", "v", "w", "count", "A"])
keys = st.sampled_from(["'k'", "1", "0", "-1", "v", "str(v)", "count", "'p'", ":", "1:", "len(l)"])
attributes = st.sampled_from(["x", "y", "p", "z", "shared", "__dict__", "_A__q"])


def atoms():
    return st.one_of(names, st.sampled_from(["1", "'k'", "[]", "{}", "A()", "None", "[v, *l]", "{**d}", "lambda: v"]))


spread = st.sampled_from(["*", "*[], **", "x=", "method=", "default=", "1, *"])


def deeper(inner):
    call = st.sampled_from(
        [
            *("get", "pop", "append", "setdefault", "update", "extend", "insert", "add", "items", "values", "popleft"),
            *("copy", "keys", "clear", "index"),
        ]
    )
    return st.one_of(
        st.builds("{}.{}".format, inner, attributes),
        st.builds("{}[{}]".format, inner, keys),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}.{}({})".format, inner, call, st.lists(inner, max_size=2).map(", ".join)),
        st.builds("{}.{}({}{})".format, inner, call, spread, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("[w for w in {}]".format, inner),
        st.builds("{{repr(w): {} for w in {}}}".format, inner, inner),
        st.builds("f'{{{}}}'".format, inner.filter(lambda text: "'" not in text and "{" not in text)),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("getattr({}, 'x', {})".format, inner, inner),
        st.builds("(w := {})".format, inner),
    )


expressions = st.recursive(atoms(), deeper, max_leaves=6)
targets = st.one_of(
    st.sampled_from(
        ["v", "w", "count", "a.x", "a.p", "a.z", "d['k']", "d[v]", "d[str(v)]", "l[0]", "l[:1]", "A.shared"]
    ),
    st.builds("{}.{}".format, expressions.filter(lambda text: text[0].isalpha() and ":=" not in text), attributes),
    st.builds("{}[{}]".format, names, expressions),
    st.just("a.x, *d['r']"),
    st.just("(v, (a.z, d[str(v)]))"),
)
simple = st.one_of(
    st.builds("{} = {}".format, targets, expressions),
    st.builds(
        "{} {}= {}".format,
        st.sampled_from(["a.x", "d['k']", "d[str(v)]", "count", "v", "l"]),
        st.sampled_from("+-|*"),
        expressions,
    ),
    st.builds("show({})".format, expressions),
    st.builds("{}".format, expressions),
    st.builds("setattr({}, 'z', {})".format, expressions, expressions),
    st.builds("del {}".format, st.sampled_from(["a.z", "d['k']", "l[0]", "e[v]"])),
    st.builds("return {}".format, expressions),
)


def indent(lines):
    return ["    " + line for line in lines]


def blocks(inner):
    body = st.lists(inner, min_size=1, max_size=3).map(lambda many: [line for lines in many for line in lines])
    guarded = body.map(
        lambda lines: ["try:", *indent(lines), "except Exception as error:", "    show(type(error).__name__)"]
    )
    return st.one_of(
        guarded,
        guarded,
        st.tuples(expressions, guarded).map(lambda both: [f"if {both[0]}:", *indent(both[1])]),
        st.tuples(st.sampled_from(["v", "a.x", "d['f']", "l[0]"]), names, guarded).map(
            lambda three: [f"for {three[0]} in list({three[1]})[:3]:", *indent(three[2])]
        ),
        guarded.map(
            lambda lines: ["def inner():", "    nonlocal v", *indent(lines), "    yield v", "show(list(inner()))"]
        ),
        guarded.map(  # what a turn has set, the next one finds
            lambda lines: [
                *(
                    "def turns(v, w=()):",
                    "    for k in (1, 2):",
                    *indent(indent(lines)),
                    "        l.append((yield v, w))",
                ),
                *("turned = turns(v)", "show([next(turned, None), next(turned, None)])"),
            ]
        ),
    )


statements = st.recursive(simple.map(lambda line: [line]), blocks, max_leaves=6)
programs = st.lists(blocks(statements), min_size=1, max_size=5).map(
    lambda many: [line for lines in many for line in lines]
)


def program(lines: list[str]) -> str:
    return PRELUDE + BEGINNING + "\n".join(["    " + line for line in lines]) + END


@settings(max_examples=EXAMPLES, deadline=None)
@given(programs)
def test_random_programs(lines):
    source = program(lines)
    try:
        plain, rewritten = plain_and_rewritten(source, "random_program.py")
    except SyntaxError:  # two names of one kind in one function, as Python sees it
        return
    expected = comparable(output(plain))
    assert comparable(output(rewritten)) == expected
    with listening():
        assert comparable(output(rewritten)) == expected


def comparable(text: str) -> str:
    """Without addresses in memory, and without the call of the C library in which a stack was too deep."""
    return re.sub(r"recursion depth exceeded[^'\n]*", "recursion", re.sub(r"0x[0-9a-f]+", "0x", text))
