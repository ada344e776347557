"""Writes random programs that keep state, from a number: classes, containers, closures, generators, tasks and threads.

What a program does is the same each time it runs, whoever listens: threads and tasks take turns, and loops end. Names
that a program is given: ``show``, ``attempt``, ``tick`` and ``user``.
"""

from __future__ import annotations

import random

PRELUDE = """\
import asyncio, collections, contextvars, functools, queue, threading, weakref
class Base:
    shared, seen = [], {}
    def __init__(self, x=0): self.x, self.y = x, {'k': x}
    def __repr__(self): return f'{type(self).__name__}({self.__dict__.get("x")!r})'
    def base(self, v): self.z = v; return self.z
    @property
    def p(self): return self.x
    @p.setter
    def p(self, v): self.x = v
    @classmethod
    def of(cls, v): cls.last = v; return cls(v)
class Slots:
    __slots__ = ('x', 'y', '__weakref__')
    def __init__(self, x=0): self.x = x
    def __repr__(self): return 'Slots()'
class Lazy:
    def __init__(self): self.__dict__['kept'] = {}
    def __getattr__(self, name):
        if name[:1] == '_': raise AttributeError(name)
        return self.kept.setdefault(name, [])
    def __setattr__(self, name, v): self.kept[name] = v
    def __repr__(self): return f'Lazy({self.kept!r})'
class Keyed(dict):
    def __missing__(self, k): self[k] = [k]; return self[k]
    def get(self, k, default=None): return super().get(k, default)
class Listed(list):
    def append(self, v): super().append(v); self.n = len(self)
class Held:
    def __init__(self, v): self.v = v
    def __enter__(self): G.entered = self.v; return self.v
    def __exit__(self, *_): del G.entered
    async def __aenter__(self): await asyncio.sleep(0); return self.v
    async def __aexit__(self, *_): self.v = None
async def wait(v):
    await asyncio.sleep(0)
    G.waited = v
    return v
async def each(v):
    for x in (v, G.x, 1):
        await asyncio.sleep(0)
        yield x
async def as_user(f, v, who):
    with user(who):
        return await f(v)
async def both(f, v, one, other):
    both = as_user(f, v, one), as_user(f, 'other', other)
    for result in await asyncio.gather(*both, return_exceptions=True): show(result)
def work(f, v, who):
    with user(who): return f(v)
def in_thread(f, v, who):
    thread = threading.Thread(target=lambda: attempt(work, f, v, who))
    thread.start()
    thread.join()
def turns(f, v, one, other):
    running = f(v)
    for who in (one, other, one):
        with user(who): show(next(running, None))
    with user(other): attempt(running.send, 'sent')
def in_turns(f, v, one, other):
    running, turn, at = [f(v), f(v)], threading.Condition(), [0]
    def go(number, who):
        for _ in range(2):
            with turn:
                turn.wait_for(lambda: at[0] % 2 == number)
                with user(who): attempt(lambda: next(running[number], None))
                at[0] += 1
                turn.notify_all()
    threads = [threading.Thread(target=go, args=both) for both in ((0, one), (1, other))]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""
"""What all programs have: it is run before each one, in the same module."""

_DATA = """\
LOCAL, VARIABLE, QUEUE = threading.local(), contextvars.ContextVar('v', default=[]), queue.Queue()
G, S, Z, M, L = Base(1), Slots(2), Lazy(), {'k': 1, 'r': [1], 1: 'one'}, [1, 'two', [3]]
K, D, F = Keyed(), collections.deque([1, 2], 9), collections.defaultdict(list)
U, T = collections.UserDict(k=1), {1, 'k'}
W, O, LL = weakref.WeakValueDictionary(), collections.OrderedDict(k=1), Listed([1])
LOCAL.x = count = 0
"""

_OBJECTS = ("G", "S", "Z", "LOCAL", "Base", "me", "G", "G")
_MAPPINGS = ("M", "K", "F", "U", "O", "G.y", "M", "G.__dict__", "vars(G)", "kept", "Base.seen", "W")
_LISTS = ("L", "D", "LL", "G.shared", "M['r']", "F['f']", "VARIABLE.get()", "held", "given")
_SETS = ("T", "M.setdefault('s', set())")
_NAMES = ("v", "w", "count", "me", "n")
_KEYS = ("'k'", "'r'", "1", "0", "v", "str(v)", "'p'", "('t', 1)", "f'{v}'", "count", "len(L)")
_GIVEN = ("", "v", "*[v]", "x=1")
_ADDED = ("G.x", "M[v]", "count", "v", "L[0]", "M[str(v)]", "n", "me.x", "F[v]", "L")
_FIELDS = ("x", "y", "z", "p", "shared", "last", "n", "_Q__q", "kept")
_ERRORS = "except Exception as error:"


class Writer:
    """One program."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._functions: list[tuple[str, str]] = []
        """Name and kind of what may be called so far."""

    def program(self) -> str:
        """The source."""
        lines = [self._class(), *(self._function(number) for number in range(self._random.randint(1, 3)))]
        calls = "\n".join(self._call(self._one(self._functions)) for _ in range(self._random.randint(2, 5)))
        return f"{_DATA}me = Q = None\n" + "\n".join(lines) + "\n" + calls + "\n" + _END

    # What there is to choose

    def _one(self, of):
        return self._random.choice(of)

    def _often(self, chance: float) -> bool:
        return self._random.random() < chance

    # Expressions

    def _value(self, depth: int = 2, *, pure: bool = False) -> str:
        make = self._one(_PURE if pure else _ALL) if depth > 0 else Writer._atom
        return make(self, depth - 1, pure)

    def _atom(self, _depth: int, _pure: bool) -> str:
        return self._one((*_NAMES, "v", "1", "'k'", "None", "[]", "{}", "G", "M", "L", self._one(_LISTS)))

    def _field(self, depth: int, pure: bool) -> str:
        owner = self._one(_OBJECTS) if self._often(0.8) else f"({self._value(depth, pure=pure)})"
        return f"{owner}.{self._one(_FIELDS)}"

    def _item(self, depth: int, pure: bool) -> str:
        choice = self._random.random()
        if choice < 0.5:
            return f"{self._one(_MAPPINGS)}[{self._key(depth, pure)}]"
        if choice < 0.8:
            return f"{self._one(_LISTS)}[{self._one(('0', '-1', '1', ':', '1:', ':2', '::-1', 'v', 'count'))}]"
        return f"({self._value(depth, pure=pure)})[{self._key(depth, pure)}]"

    def _key(self, depth: int, pure: bool) -> str:
        return self._one(_KEYS) if self._often(0.85) else self._value(depth, pure=pure)

    def _method(self, depth: int, pure: bool) -> str:
        value = self._value(depth)
        key = self._key(depth, pure)
        return self._one(
            (
                f"{self._one(_MAPPINGS)}.{self._one(('get', 'setdefault', 'pop'))}({key}, {value})",
                f"{self._one(_MAPPINGS)}.{self._one(('get', 'setdefault'))}({key}, {value})",
                f"{self._one(_MAPPINGS)}.{self._one(('items', 'values', 'keys', 'copy'))}()",
                f"{self._one(_MAPPINGS)}.update({self._one((f'{{{key}: {value}}}', 'k=v', '**{}', f'[({key}, v)]'))})",
                f"{self._one(_LISTS)}.{self._one(('append', 'appendleft', 'remove', 'index', 'count'))}({value})",
                f"{self._one(_LISTS)}.{self._one(('pop', 'copy', 'popleft', 'reverse', 'clear'))}()",
                f"{self._one(_LISTS)}.extend({self._one(('[v, w]', '(x for x in [v])', 'T', value))})",
                f"{self._one(_LISTS)}.insert(0, {value})",
                f"{self._one(_SETS)}.{self._one(('add', 'discard', 'remove'))}({self._key(depth, pure)})",
                f"{self._one(('G', 'Base', 'me'))}.{self._one(('base', 'of'))}({value})",
                f"({value}).{self._one(('get', 'append', 'pop', 'add', 'copy', 'items'))}({self._one(_GIVEN)})",
                f"QUEUE.{self._one(('put', 'put_nowait'))}({value})",
                f"QUEUE.get_nowait({self._one(('', '*[]'))})",
                f"VARIABLE.{self._one(('get()', 'get([])', 'set([v])'))}",
                f"dict.{self._one(('get', '__getitem__'))}(M, {key})",
            )
        )

    def _builtin(self, depth: int, pure: bool) -> str:
        owner = self._one(_OBJECTS)
        name = self._one(_FIELDS)
        return self._one(
            (
                f"getattr({owner}, '{name}', {self._value(depth, pure=pure)})",
                f"getattr({owner}, '{name}')",
                f"hasattr({owner}, '{name}')",
                f"len({self._one(_LISTS)})",
                f"sorted({self._one(_MAPPINGS)}, key=repr)",
                f"list({self._one((*_LISTS, *_MAPPINGS))})[:4]",
                f"isinstance({owner}, Base)",
                f"any(x == v for x in {self._one(_LISTS)})",
                f"max({self._one(_LISTS)}, key=repr)",
                f"vars({owner})",
            )
        )

    def _both(self, depth: int, pure: bool) -> str:
        one, other = self._value(depth, pure=pure), self._value(depth, pure=pure)
        return self._one(
            (
                f"({one} or {other})",
                f"({one} and {other})",
                f"({one}, {other})",
                f"[{one}, *{self._one(_LISTS)}]",
                f"{{'a': {one}, **{self._one(_MAPPINGS)}}}",
                f"({one} if {other} else v)",
                f"({one} == {other})",
                f"({one} in {self._one((*_LISTS, *_MAPPINGS, *_SETS))})",
                f"(not {one})",
                f"({one} + {other})",
                f"'%s' % ({one},)",
            )
        )

    def _through(self, depth: int, _pure: bool) -> str:
        value, over = self._value(depth, pure=True), self._one((*_LISTS, *_MAPPINGS, f"{self._one(_MAPPINGS)}.items()"))
        name = self._one(("x", "w", "v"))
        test = self._one(("", f" if {self._value(depth, pure=True)}"))
        return self._one(
            (
                f"[{value} for {name} in {over}{test}]",
                f"{{repr({name}): {value} for {name} in {over}{test}}}",
                f"list({value} for {name} in {over}{test})",
                f"next(({name} for {name} in {over}{test}), None)",
                f"len({{repr({value}) for {name} in {over}}})",
            )
        )

    def _formatted(self, depth: int, pure: bool) -> str:
        value = self._value(depth, pure=pure)
        return f"f'<{{{value}}}>'" if "'" not in value and "{" not in value and "\\" not in value else f"str({value})"

    def _named(self, depth: int, pure: bool) -> str:
        return f"({self._one(('w', 'v'))} := {self._value(depth)})" if not pure else self._atom(depth, pure)

    def _lambda(self, depth: int, pure: bool) -> str:
        return f"(lambda x=v, *a: {self._value(depth, pure=pure)})({self._one(('', '1', '*[v]'))})"

    def _called(self, _depth: int, _pure: bool) -> str:
        plain = [name for name, kind in self._functions if kind in ("plain", "closure")]
        return f"{self._one(plain)}({self._one(('v', 'w', 'count'))})" if plain and self._often(0.5) else "G.base(v)"

    # Statements

    def _target(self) -> str:
        owner, name = self._one(_OBJECTS), self._one(_FIELDS)
        return self._one(
            (
                *("v", "w", "count", "n", f"{owner}.{name}", f"{owner}.{name}", f"G.{name}"),
                f"{self._one(_MAPPINGS)}[{self._key(1, False)}]",
                f"{self._one(_MAPPINGS)}[{self._key(1, False)}]",
                f"{self._one(_LISTS)}[{self._one(('0', '-1', ':1', '1:', 'v'))}]",
                f"{owner}.{name}, *{self._one(_MAPPINGS)}[{self._one(_KEYS)}]",
                f"(v, ({owner}.{name}, M[str(v)]))",
                f"{owner}.{name} = {self._one(_MAPPINGS)}[{self._one(_KEYS)}]",
                f"({self._value(1)}).{name}",
                f"({self._value(1)})[{self._key(1, False)}]",
            )
        )

    def _simple(self) -> str:
        value = self._value()
        return self._one(
            (
                *(f"{self._target()} = {value}", f"{self._target()} = {value}", f"{self._target()} = {value}"),
                f"{self._one(_ADDED)} {self._one(('+', '-', '|'))}= {value}",
                f"show({value})",
                f"{value}",
                self._method(1, False),
                self._method(1, False),
                f"{self._one(_LISTS)}.append({value})",
                f"setattr({self._one(_OBJECTS)}, '{self._one(_FIELDS)}', {value})",
                f"object.__setattr__(G, '{self._one(_FIELDS)}', {value})",
                f"del {self._one(('G.z', 'M[v]', 'L[0]', 'M[str(v)]', 'G.__dict__[v]', 'L[1:]', 'K[v]'))}",
                f"show([{self._value(1)}, locals().get('w')])",
                f"assert {value}, {self._value(1)}",
                f"raise ValueError({value})",
                f"v: object = {value}",
            )
        )

    def _suite(self, depth: int, kind: str, most: int = 3) -> list[str]:
        return [line for _ in range(self._random.randint(1, most)) for line in self._statement(depth, kind)]

    def _statement(self, depth: int, kind: str) -> list[str]:
        choice = self._random.random() if depth > 0 else 0.0
        if choice < 0.3:
            return self._guarded([self._simple()]) if self._often(0.7) else [self._simple()]
        inner = _indented(self._suite(depth - 1, kind, 2))
        if choice < 0.37:
            return self._loop_without_calls()
        if choice < 0.5:
            return [f"if {self._value()}:", *inner, *self._one(([], ["else:", "    show(v)"]))]
        if choice < 0.65:
            over = self._one((*_LISTS, *_MAPPINGS, "range(3)", f"{self._one(_MAPPINGS)}.items()", "(v, w)"))
            target = self._one(("v", "w", "G.x", "M['f']", "L[0]", "v, *w", "count"))
            return [f"for {target} in {over}:", "    if tick(): break", *inner]
        if choice < 0.72:
            return [f"while not tick() and {self._value(1)}:", *inner]
        if choice < 0.8:
            return ["try:", *inner, "finally:", f"    {self._simple()}"]
        if choice < 0.85:
            return [f"with Held({self._value(1)}) as {self._one(('v', 'G.z', 'M[v]'))}:", *inner]
        if choice < 0.9:
            return [f"match {self._value(1)}:", f"    case {self._one(_PATTERNS)}:", *_indented(inner)]
        if kind in ("generator", "closure of a generator") and choice < 0.97:
            value = self._value(1)
            return [self._one((f"w = yield {value}", f"show((yield {value}))", f"yield from [{value}]"))]
        if kind == "coroutine":
            return self._one(
                (
                    ["await asyncio.sleep(0)"],
                    [f"M[await wait({self._value(1)})] = await wait({self._value(1)})"],
                    [f"G.{self._one(_FIELDS)} = await wait({self._value(1)})"],
                    [f"L.append(await wait({self._value(1)}))"],
                    ["async for w in each(v):", *inner],
                    ["async with Held(v) as G.z:", *inner],
                    [f"show([x async for x in each({self._value(1)})])"],
                    ["turns = 0", "while turns < 2:", "    turns += 1", "    w, v = v, await wait(w)", *inner],
                )
            )
        body = ["nonlocal w", *self._suite(depth - 1, "plain"), "return v, w, held"]
        return ["def inner(v=v, held=[]):", *_indented(body), "show(inner())", "inner(w)"]

    def _loop_without_calls(self) -> list[str]:
        read = f"{self._one(_OBJECTS)}.{self._one(_FIELDS)}"
        item = f"{self._one(('M', 'L', 'K', 'kept', 'F', 'O', 'held'))}[{self._one(('0', 'v', 'n', '1', repr('k')))}]"
        lines = [
            self._one((f"w = {read}", f"w = {item}", f"{read} = w", f"{item} = w", f"v = {read}, {item}", "count = w")),
            self._one((f"{read} = {item}", f"{item} = {read}", f"n += {item}", f"if {read} is {item}: break", item)),
        ]
        passed = ["try:", *_indented([self._one(lines)]), "except (TypeError, LookupError, AttributeError) as error:"]
        inner = _indented([*passed, "    w = error"] if self._often(0.6) else lines)
        loop = self._one(
            (
                ["turns = 0", "while turns < 3:", "    turns += 1", *inner],
                [f"for {self._one(('v', 'G.z', 'M[v]'))} in range(3):", *inner],
                [f"for v, w in zip({self._one(_LISTS)}[:3], (1, 2)):", *inner],
                [f"for turns, v in enumerate({self._one(_LISTS)}[:3]):", *inner, "else:", f"    w = {item}"],
            )
        )
        return self._guarded(loop) if self._often(0.5) else loop

    def _guarded(self, lines: list[str]) -> list[str]:
        return ["try:", *_indented(lines), _ERRORS, "    show(error)"]

    # Functions

    def _function(self, number: int) -> str:
        kind = self._one(("plain", "closure", "generator", "coroutine", "closure of a generator", "plain", "coroutine"))
        name = f"f{number}"
        body = _indented(self._suite(self._one((1, 2, 2, 3)), kind))
        beginning = ["    global count", "    w = me = v", "    n, kept = 1, M"]
        if self._often(0.4):
            loop = ["for x in L:", "    if tick(): break", "    own.append(x)"]
            beginning += _indented(["own = []", *loop, "show(own)"])
        end = [] if kind.endswith("generator") else ["    return v, w, n"]
        define = f"{'async ' if kind == 'coroutine' else ''}def {name}"
        lines = [f"{define}(v, held=[], given=[1, 2]):", *beginning, *body, *end]
        if kind.endswith("generator"):
            lines += ["    yield w"]
        if kind.startswith("closure"):
            state = ["    n, kept, held, me = 0, {}, [], Base()"]
            told = ["    nonlocal n, held, me", "    n += 1"]
            inner = [beginning[0], *told, "    w = v", *beginning[3:], *body, *(end or ["    yield w"])]
            lines = [
                *(f"def make_{name}():", *state),
                *_indented([lines[0].replace(", held=[]", ""), *inner]),
                *(f"    return {name}", f"{name} = make_{name}()"),
            ]
        self._functions.append((name, kind))
        return "\n".join(lines)

    def _class(self) -> str:
        methods = []
        for name in ("one", "two"):
            body = [line.replace("me.", "self.").replace("G.", "self.") for line in self._suite(1, "plain")]
            names = ["global count", "w = me = self", "n, kept, held = 1, self.__dict__, L"]
            methods += [f"    def {name}(self, v=0, given=[]):", *_indented([*names, *body, "return w"], 8)]
        init = [f"self.__q = {self._one(('[]', 'x', '{}', 'L'))}", f"self.z = {self._one(('x', '[x]', 'self'))}"]
        self._functions += [("Q(1).one", "plain"), ("Q(2).two", "plain"), ("Q.keep.one", "plain")]
        beginning = ["class Q(Base):", "    count = []", "    def __init__(self, x=0):", "        super().__init__(x)"]
        return "\n".join([*beginning, *_indented(init, 8), *methods, "Q.keep = Q(5)"])

    def _call(self, function: tuple[str, str]) -> str:
        name, kind = function
        who, value = self._one("abcc"), self._one(("1", "'k'", "'some text of mine'", "[1]", "0", "G", "M"))
        if kind == "coroutine":
            other = self._one("ab")
            return f"attempt(asyncio.run, both({name}, {value}, '{who}', '{other}'))"
        if kind.endswith("generator"):
            return self._one(
                (
                    f"attempt(turns, {name}, {value}, '{who}', '{self._one('ab')}')",
                    f"attempt(in_turns, {name}, {value}, '{who}', '{self._one('ab')}')",
                )
            )
        return self._one(
            (
                f"with user('{who}'): attempt({name}, {value})",
                f"attempt({name}, {value})",
                f"in_thread({name}, {value}, '{who}')",
                f"attempt(POOL.submit(work, {name}, {value}, '{who}').result)",
            )
        )


_END = """\
show([G, vars(G), S, Z, M, L, K, D, F, U, O, LL])
show([count, Base.shared, Base.seen, len(W), list(QUEUE.queue), VARIABLE.get()])
show(sorted(map(repr, T)))
show([f.__defaults__ for f in list(globals().values()) if hasattr(f, '__defaults__')])
show([[c.cell_contents for c in f.__closure__ or ()] for f in list(globals().values()) if hasattr(f, '__closure__')])
"""

_PATTERNS = ("[v, *w]", "{'k': v, **w}", "Base(x=v)", "int() | str()", "_", "[] | None")
_PURE = (
    *(Writer._atom, Writer._field, Writer._item, Writer._item, Writer._field),
    *(Writer._builtin, Writer._both, Writer._formatted),
)
_ALL = (*_PURE, Writer._method, Writer._method, Writer._through, Writer._named, Writer._lambda, Writer._called)


def _indented(lines: list[str], by: int = 4) -> list[str]:
    return [" " * by + line for line in lines]
