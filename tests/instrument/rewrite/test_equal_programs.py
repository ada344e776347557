"""Programs that look at themselves print the same: as they are, rewritten, and with somebody listening."""

from __future__ import annotations

import textwrap

import pytest
from told import listening, output, plain_and_rewritten

PROGRAMS = {
    "tracebacks with carets": """
        import traceback
        class A:
            def __init__(self): self.d, self.number = {'k': {}}, 5
            def iterated(self):
                for one in self.number: pass
            def collected(self): return [self.d[one] for one in self.number if self.d]
            def asserted(self): assert self.d.get('none'), self.d
            def none(self): assert [self.number for one in [1] if self.d['k']], self.d
            def item(self, k): return self.d['k'][k].name + self.d[k]
            def chain(self): return self.d['k'].get('x').name
            def store(self): self.d['k'][[]] = 1
            def through(self): self.d[str(1)][[]] = self.d
            def attribute(self): None.x = self
            def computed(self): self.d[list()] = 1
            def popped(self): return self.d.pop('z')
            def called(self): return [].pop(self.d['k'].get('a', 0))
            def added(self): self.d['q'] += 1
            def name(self): return self.missing.x
            def many(self): (self.d['a'], self.d[[]]) = 1, 2
        for name in [n for n in vars(A) if n[0] != '_']:
            try: getattr(A(), name)(*['k'] * (name == 'item'))
            except Exception: print(name, traceback.format_exc())
    """,
    "carets once the interpreter has adapted a function": """
        import traceback
        class A:
            d = {}
            def keep(self): missing = self.d.update({missing: 1})
            def add(self): missing = self.d.setdefault([missing], 1)
        for name in ['keep', 'add'] * 20:
            try: getattr(A(), name)()
            except UnboundLocalError: print(name, traceback.format_exc())
    """,
    "comprehensions whose variables have names of others": """
        def outer(w, kept):
            def inner(v):
                nonlocal w
                held = {repr(w): kept for w in v if w}
                kept.append(w)
                return held, w, [w for w in v if w], {w for w in kept}, w
            return inner
        count = 1
        def counted(values):
            global count
            count += 1
            return [count for count in values if count], count
        print(outer(7, [])([1, 2]), counted([3, 0]), count)
    """,
    "loops that call nothing": """
        import sys, traceback
        class A:
            def __init__(self): self.x, self.d, self.l = 0, {'k': 1}, [1, 2]
            def count(self):
                for n in range(4):
                    if n == 3: continue
                    self.x += n
                    self.d['k'] = self.l[n % 2]
                else:
                    self.l = [y for y in self.l if y]
                return self.x
            def turn(self):
                while self.x < 9:
                    self.x += 1
                    if self.x > 7: break
                else: self.d = None
                return sorted(sys._getframe().f_locals), self.d
            def missing(self):
                for n in range(3):
                    try: self.l[n] = self.d[n]
                    except KeyError: self.l[n] = self.missed[n].x
        a = A()
        for work in (a.count, a.turn, a.missing, a.count, a.turn):
            try: print(work(), vars(a))
            except Exception: print(traceback.format_exc())
        print([line for _s, _e, line in A.count.__code__.co_lines() if line][0], A.turn.__code__.co_varnames)
    """,
    "the text and shape of functions": """
        import inspect
        class A:
            count = 0
            def f(self, a, *b, c=[], **d) -> 'int':
                'Documented.'
                self.x = a
                c.append(a)
                return self.x, [y for y in b], lambda z: self.x + z
        def outer():
            kept = []
            def inner(x):
                nonlocal kept
                kept = [*kept, x]
                return kept, print, unknown
            return inner
        print(inspect.getsource(A.f), inspect.signature(A.f), A.f.__doc__, A.f.__code__.co_firstlineno)
        A().f(1)
        print(inspect.getclosurevars(outer()), inspect.getclosurevars(A.f).unbound)
        code = A.f.__code__
        print(code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags, code.co_qualname, code.co_nlocals)
        print(sorted({line for _s, _e, line in code.co_lines() if line}))
    """,
    "locals": """
        import sys
        class A: pass
        a, d = A(), {}
        def f(x):
            a.x = x
            a.y, d[x] = x, x
            d[str(x)] = sorted(locals())
            d[str(x)] += sorted(sys._getframe().f_locals)
            for d['z'] in [1]: print(sorted(locals()))
            return d, sorted(locals()), [sorted(locals()) for _ in '1'][0][-1:]
        print(f(1))
    """,
    "lines that a tracer sees": """
        import sys
        class A: pass
        a, d, l = A(), {}, []
        def f(x):
            a.x = (
                x
            )
            if a.x:
                l.append(
                    a.x
                )
                (l
                    .append)(
                        a
                            .x)
                l.append(a.x and
                    d.get(
                        a.x
                    ) or d
                    .get('z'))
            for y in l:
                d[str(y)] = (a
                    .x)
                d['k'], a.z = (1,
                    2)
            while a.x:
                a.x -= 1
            try:
                d['none'].x = 1
            except KeyError:
                a.x = 5
            finally:
                l.clear()
            with open('/dev/null') as a.file:
                a.file.close()
            return [z
                for z in d
                if z]
        lines = []
        def trace(frame, event, arg):
            if frame.f_code.co_filename == __file__:
                lines.append((event, frame.f_lineno))
                return trace
        sys.settrace(trace)
        f(2)
        sys.settrace(None)
        print(lines)
    """,
    "where warnings point": """
        import warnings
        class A:
            def __setattr__(self, name, value):
                warnings.warn(f'set {name}', stacklevel=2)
                object.__setattr__(self, name, value)
            def __getattr__(self, name):
                warnings.warn(f'no {name}', stacklevel=2)
                return self
            def __getitem__(self, key):
                warnings.warn(f'item {key}', stacklevel=2)
                return self
            def __setitem__(self, key, value):
                warnings.warn(f'set item {key}', stacklevel=2)
            def append(self, value):
                warnings.warn(f'append {value}', stacklevel=2)
            def get(self, value):
                warnings.warn(f'get {value}', stacklevel=2)
        a = A()
        def f(k):
            a.x = 1
            a.b.c = 2
            a[k].x
            a[k.upper()] = 3
            a[k.upper()].append(4)
            getattr(a, 'y').get(5)
            setattr(a, 'z', 6)
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter('always')
            f('k')
        for one in found: print(one.filename, one.lineno, one.message)
    """,
    "whose frame a method is called from": """
        import sys
        class A:
            def get(self, *a, **k): return sys._getframe(1).f_code.co_name, a, k
            append = update = pop = __getitem__ = get
            @property
            def seen(self): return sys._getframe(1).f_code.co_name
        a = A()
        def f(k): return a.get(k), a.append(k, x=1), a.update(**{k: 1}), a.pop(*k), a[k], a[k.upper()]
        def g(): return a.seen, getattr(a, 'seen')
        print(f('k'), g())
    """,
    "order of evaluation": """
        log = []
        def say(x):
            log.append(x)
            return x
        class A(dict): pass
        def f(d):
            say(d)[say('k')] = say(1)
            say(d).x = say(2)
            say(d)[say('k')], say(d).y = say((3, 4))
            say(d)[say('k')] += say(5)
            say(d).setdefault(say('a'), []).append(say(6))
            del say(d)[say('a')]
            return say(d)[say('k')], say(d).get(say('z'), say(7))
        print(f(A()), log)
    """,
    "nothing is computed that was not": """
        log = []
        class A:
            @property
            def x(self): log.append('x'); return self._x
            @x.setter
            def x(self, v): log.append('set'); self._x = v
            def __getattr__(self, name): log.append(name); raise AttributeError(name)
            def __missing__(self, k): log.append(k)
        class D(dict):
            def __missing__(self, key): log.append(key); return key
        class K:
            def __hash__(self): log.append('hash'); return 1
            def __eq__(self, other): log.append('eq'); return True
        import weakref
        class L(list):
            def __iter__(self): log.append('iter'); return super().__iter__()
            def __getitem__(self, i): log.append(i); return super().__getitem__(i)
        a, d, l = A(), D(), L([1, 2])
        proxy = weakref.proxy(a)
        def f():
            a.x = 1
            a.x += 1
            proxy.x += 1
            log.append(proxy.x)
            d['m'], d[K()] = d['n'], 1
            l.append(3)
            return a.x, getattr(a, 'y', 0), d[K()], d.get('o'), l[0], [z for z in l], hasattr(a, 'z')
        print(f(), log)
    """,
    "identity, copies and pickles": """
        import copy, dataclasses, json, pickle
        @dataclasses.dataclass
        class P:
            x: int
            kept: list = dataclasses.field(default_factory=list)
            def add(self, v):
                self.kept.append(v)
                return self
        class S:
            __slots__ = ('x', '__dict__')
            def set(self, v): self.x = v; return self
        p = P(1).add(2).add({'a': 1})
        print(p, p == copy.deepcopy(p), json.dumps(dataclasses.asdict(p)), type(p.kept), vars(p) == p.__dict__)
        print(copy.copy(S().set(3)).x, P.__init__.__qualname__, P(1).__class__ is P)
        print(pickle.loads(pickle.dumps(p.kept)) == p.kept)
    """,
    "private names and super": """
        class _B:
            def __init__(self): self.__x = []; self.y = 1
            def add(self, v): self.__x.append(v); self.__x[0] = v; return self.__x, vars(self)
        class __(_B):
            def __init__(self): super().__init__(); self.__z = 1
            def add(self, v):
                super().add(v)
                return super().add(v), self.__class__.__name__
        print(__().add(1))
    """,
    "closures and generators": """
        def make():
            n, kept = 0, {}
            def add(x, /, *, by=1):
                nonlocal n
                n += by
                kept[x] = kept.get(x, 0) + n
                return n, kept[x]
            def gen():
                while (got := (yield n)) is not None:
                    kept.setdefault('g', []).append(got)
                return kept
            return add, gen
        add, gen = make()
        print(add('a'), add('b', by=3), add.__closure__[0].cell_contents)
        g = gen()
        next(g); g.send(1); g.send(2)
        try: g.send(None)
        except StopIteration as stop: print(stop.value)
    """,
    "coroutines": """
        import asyncio, contextvars
        var = contextvars.ContextVar('var', default=[])
        class A:
            def __init__(self): self.log, self.lock = {}, asyncio.Lock()
            async def do(self, k):
                async with self.lock as self.held:
                    self.log[await self.key(k)] = await self.key(k)
                    self.log.setdefault(await self.key('z'), []).append((await self.key(k)))
                var.get().append(k)
                self.log[k] += await self.key('!')
                return self.log[await self.key(k)], [x async for x in self.each()]
            async def key(self, k): await asyncio.sleep(0); return k
            async def each(self):
                for x in self.log: yield x
        async def main():
            a = A()
            return await asyncio.gather(*map(a.do, 'abc')), a.log, var.get(), a.held
        print(asyncio.run(main()))
    """,
    "patterns": """
        class P:
            __match_args__ = ('x', 'y')
            def __init__(self, x, y): self.x, self.y = x, y
        class C: one = 1
        def f(v):
            match v:
                case P(x=C.one, y=[a, *rest]) if rest and rest[0]: return a, rest
                case {'k': C.one, **more} if more.get('z'): return more['z']
                case P(0 | 2 as x): v.x = x + 1; return v.x
                case _: return 'none'
        print(f(P(1, [2, 3])), f({'k': 1, 'z': 4}), f(P(2, 1)), f(5))
    """,
    "deletions, slices and unpacking": """
        class A: pass
        a, l, d = A(), list(range(9)), {}
        def f():
            a.x, *a.rest = l[1:4]
            l[2:4] = [9, 9, 9]
            l[:] = l[::-1]
            del l[0], a.x
            d.update(zip('ab', l), c=3)
            d |= {'q': a.rest}
            first, *d['more'] = {**d}, *l
            return first, d, l[-2:], [*l], {*l}, dict(**d)
        def g():
            global d
            d = {}
            return f() if False else sorted(d)
        try: print(f())
        except UnboundLocalError as error: print(error)
        print(g(), vars(a))
    """,
    "globals": """
        import types
        count, kept = 0, []
        def f():
            global count, made
            count += 1
            made = kept.copy()
            kept.extend(x for x in (count, made))
            for count in range(3): pass
            return count, kept, sorted(n for n in globals() if n[0] != '_')
        print(f(), count, made)
        m = types.ModuleType('m')
        def g(): m.x = 1; m.x += 1; return m.x, vars(m)['x'], m.__dict__.get('x')
        print(g())
    """,
    "own texts that look like constants": """
        def f(): return '\\0isolation', '\\0', {'\\0x': 1}['\\0x']
        print(f())
    """,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(name, tmp_path):
    file = tmp_path / "program.py"
    source = textwrap.dedent(PROGRAMS[name])
    file.write_text(source)
    plain, rewritten = plain_and_rewritten(source, file)
    expected = output(plain, __file__=str(file))
    assert expected
    assert output(rewritten, __file__=str(file)) == expected
    with listening() as listener:
        told = output(rewritten, __file__=str(file))
    # A call that tells of a step comes back to the line where the path began.
    assert told == expected or name == "lines that a tracer sees"
    assert listener.told or name == "own texts that look like constants"
