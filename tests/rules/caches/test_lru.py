"""functools.lru_cache and cache: a cache behaves as without an auditor."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import pickle
import sys
import threading
import types
import weakref
from pathlib import Path

import pytest
from auditing import Audit, config, current_user

from isolation_audit.auditor import Auditor
from isolation_audit.config import model
from isolation_audit.integrations.lru import CachePoint

C_TYPE = functools._lru_cache_wrapper
HERE = Path(__file__).name


def who():
    return current_user.get()


def no_arguments():
    return {"price": 5}


# Equal behaviour


@pytest.fixture(params=["bare", "audited"])
def lru_cache(request):
    """The decorator without and with an auditor, and a user who is working."""
    token = current_user.set("alice")
    if request.param == "bare":
        yield functools.lru_cache
    else:
        with Auditor(config()) as auditor:
            yield functools.lru_cache
        assert auditor.runtime.barrier.counts == {}
    current_user.reset(token)


@pytest.mark.parametrize("maxsize", [None, 0, 1, 2, 128, -3])
@pytest.mark.parametrize("typed", [False, True])
def test_counts_and_evictions(lru_cache, maxsize, typed) -> None:
    calls = []

    @lru_cache(maxsize, typed)
    def add(one, two=0):
        calls.append((one, two))
        return [one + two]

    assert add.cache_parameters() == {"maxsize": max(maxsize, 0) if maxsize else maxsize, "typed": typed}
    for number in (1, 2, 1, 3, 1.0, True, 2):
        assert add(number, two=1) == [number + 1]
    info = add.cache_info()
    assert (info.misses, info.hits) == (len(calls), 7 - len(calls))
    expected = {None: 3, 0: 7, 1: 6, 2: 4, 128: 3, -3: 7} if not typed else {None: 5, 0: 7, 1: 7, 2: 6, 128: 5, -3: 7}
    assert info.misses == expected[maxsize]
    add.cache_clear()
    assert tuple(add.cache_info()) == (0, 0, max(maxsize, 0) if maxsize else maxsize, 0)


def test_looks(lru_cache) -> None:
    def plain(one: int, *, two: str = "x") -> list[int]:
        """Its text."""
        return [one]

    plain.mark = 5
    cached = lru_cache(plain)
    assert cached.__wrapped__ is plain
    assert (cached.__name__, cached.__doc__, cached.__qualname__) == (plain.__name__, "Its text.", plain.__qualname__)
    assert (cached.__module__, cached.mark, cached.__annotations__) == (__name__, 5, plain.__annotations__)
    assert inspect.signature(cached) == inspect.signature(plain)
    assert isinstance(cached, functools._lru_cache_wrapper)
    assert isinstance(cached, C_TYPE)
    assert not isinstance(plain, functools._lru_cache_wrapper)
    assert cached.__class__ is C_TYPE
    assert repr(cached).startswith("<functools._lru_cache_wrapper object at 0x")
    assert {"__wrapped__", "__name__", "mark", "cache_parameters"} <= set(vars(cached))
    assert set(vars(cached)) == set(vars(C_TYPE(plain, 1, False, tuple))) | set(
        vars(functools.update_wrapper(types.SimpleNamespace(cache_parameters=None), plain))
    )
    assert copy.copy(cached) is copy.deepcopy(cached) is cached
    assert weakref.ref(cached)() is cached
    assert not inspect.isfunction(cached)
    assert inspect.ismethoddescriptor(cached)
    assert callable(cached)


def test_errors(lru_cache) -> None:
    @lru_cache
    def fails(one):
        raise KeyError(one)

    for _ in range(2):
        with pytest.raises(KeyError) as caught:
            fails(1)
        assert caught.traceback[-1].name == "fails"
    assert fails.cache_info()[:2] == (0, 2)
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        fails([])
    with pytest.raises(TypeError, match=r"fails\(\) missing 1 required positional argument: 'one'"):
        fails()
    with pytest.raises(TypeError, match="the first argument must be callable"):
        lru_cache(5)(5)


def test_everything_callable(lru_cache) -> None:
    class Made:
        pass

    assert lru_cache(len)("abc") == 3
    assert isinstance(lru_cache(Made)(), Made)
    assert lru_cache(functools.partial(int, base=2))("11") == 3
    assert lru_cache(lru_cache(lambda: [5]))() == [5]


def test_binding(lru_cache) -> None:
    class Shop:
        @lru_cache
        def page(self, number=1):
            return [self, number]

        @classmethod
        @lru_cache
        def of_class(cls):
            return [cls]

        @staticmethod
        @lru_cache
        def static(number):
            return [number]

        item = property(lru_cache(lambda self: [self]))

    shop, other = Shop(), Shop()
    assert shop.page() is shop.page() is Shop.page(shop)
    assert shop.page() == [shop, 1] != other.page()
    assert shop.page.__self__ is shop
    assert Shop.of_class() is shop.of_class() == [Shop]
    assert Shop.static(3) is shop.static(3)
    assert shop.item is shop.item
    assert Shop.page.__get__(None, Shop) is Shop.page


@functools.lru_cache
def at_the_top():
    return 5


def test_pickles_go_by_name(lru_cache, monkeypatch) -> None:
    def again():
        return 5

    again.__qualname__ = "again"
    monkeypatch.setattr(sys.modules[__name__], "again", lru_cache(again), raising=False)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(sys.modules[__name__].again, protocol)) is sys.modules[__name__].again
        assert pickle.loads(pickle.dumps(at_the_top, protocol)) is at_the_top


def test_a_cached_function_that_calls_itself_goes_as_deep(lru_cache) -> None:
    @lru_cache(maxsize=None)
    def fib(number):
        return number if number < 2 else fib(number - 1) + fib(number - 2)

    # Half of what the recursion limit allows, on 3.11; see sys.getrecursionlimit().
    assert fib(sys.getrecursionlimit() * 2 // 5) > 0


def test_who_calls_itself_is_told_by_the_name_and_not_by_its_letters(audit: Audit) -> None:
    store = {"x": 1}

    class Shop:
        @functools.lru_cache
        def get(self, key):
            return store.get(key)

        @functools.lru_cache
        def depth(self, number):
            return number and self.depth(number - 1)

        @functools.lru_cache
        def total(self, number):
            return sum(self.total(below) for below in range(number))

    assert type(Shop.get) is not C_TYPE
    assert type(Shop.depth) is type(Shop.total) is C_TYPE


def test_a_cached_function_that_meets_itself(lru_cache) -> None:
    calls = []

    @lru_cache
    def outer(number):
        calls.append(number)
        return [number] if number == 0 or len(calls) > 3 else inner(number)

    def inner(number):
        return outer(number)

    assert outer(1) == [1]
    assert outer.cache_info()[:2] == (0, 4)
    assert outer(1) == [1]


def test_threads(lru_cache) -> None:
    @lru_cache(maxsize=8)
    def square(number):
        return [number * number]

    wrong = []

    def work(seed):
        for step in range(2_000):
            number = (seed * 7 + step) % 20
            if square(number) != [number * number]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(square.cache_info()[:2]) == 8_000


def test_values_live_as_long_as_their_entries(lru_cache) -> None:
    class Value:
        pass

    @lru_cache(maxsize=1)
    def make(number):
        return Value()

    first = weakref.ref(make(1))
    assert first() is not None
    make(2)
    assert first() is None
    last, function = weakref.ref(make(2)), weakref.ref(make.__wrapped__)
    del make
    gc.collect()
    assert last() is function() is None


# The audit comes and goes


def test_what_was_patched_comes_back_and_boxes_stay_inside() -> None:
    with Auditor(config()):
        assert functools._lru_cache_wrapper is not C_TYPE

        @functools.lru_cache
        def page(number):
            return {"of": who(), "number": number}

        as_alice = Audit.as_user("alice", page, 1)
    assert functools._lru_cache_wrapper is C_TYPE
    assert Audit.as_user("bob", page, 1) is as_alice
    assert type(Audit.as_user("bob", page, 2)) is dict
    assert page.cache_info()[:2] == (1, 2)
    assert isinstance(page, C_TYPE)
    with Auditor(config()) as another:
        assert Audit.as_user("bob", page, 1) is as_alice
        assert Audit.as_user("carol", page, 3) == {"of": "carol", "number": 3}
    assert another.recorder.counts["IA404"] == 0
    assert type(functools.lru_cache(no_arguments)) is C_TYPE


def test_nothing_is_patched_where_it_is_switched_off() -> None:
    for parts in (
        {"watch": model.Watch(caches=False, factories=False)},
        {"integrations": model.Integrations(("functools",))},
    ):
        with Auditor(config(**parts)):
            assert functools._lru_cache_wrapper is C_TYPE


def test_the_standard_library_s_own_caches_cost_nothing(audit: Audit) -> None:
    import fnmatch

    assert type(functools.lru_cache(fnmatch._compile_pattern.__wrapped__)) is C_TYPE
    assert type(functools.lru_cache(no_arguments)) is not C_TYPE


@pytest.mark.parametrize("method", ["before", "after"])
def test_faults_change_nothing(monkeypatch, method) -> None:
    def broken(*_args):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(CachePoint, method, broken)
    with Auditor(config()) as auditor:

        @functools.lru_cache
        def page(number):
            return {"of": who(), "number": number}

        got = [Audit.as_user(user, page, number) for number in range(30) for user in ("alice", "bob")]
        assert page.cache_info()[:2] == (30, 30)
    assert got == [{"of": "alice", "number": number} for number in range(30) for _user in range(2)]
    assert auditor.runtime.barrier.counts == {CachePoint.place: 10}
