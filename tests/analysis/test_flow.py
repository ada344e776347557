"""Code objects become flows: each of the standard library, and small ones with what they are made of."""

from __future__ import annotations

import ast
import sysconfig
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

import pytest

from isolation_audit.analysis.bytecode import operations, size
from isolation_audit.analysis.flow import flow
from isolation_audit.analysis.nodes import Flow, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

LIBRARY = Path(sysconfig.get_path("stdlib"))


def inside(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from inside(constant)


def function(source: str) -> CodeType:
    (made,) = [one for one in compile(source, "<test>", "exec").co_consts if type(one) is CodeType][:1]
    return made


def sources(read: Flow, index: int, seen: set[int]) -> set[str]:
    """The names that a node is made from, through variables, and those that were put into it."""
    if index in seen:
        return set()
    seen.add(index)
    node = read.nodes[index]
    found = {node.name.rpartition(".")[2]} if node.kind in (Kind.LOCAL, Kind.OUTER) else set()
    parts = list(node.parts)
    for other in read.nodes:
        if other.kind is Kind.ADD and other.parts[0] == index:
            parts.append(other.parts[1])
        if other.kind is Kind.BIND and node.kind is Kind.LOCAL and other.name == node.name:
            parts.append(other.parts[0])
    return found.union(*(sources(read, part, seen) for part in parts))


def returned(source: str) -> set[str]:
    """The names that a function's results are made from, and those that decide which one it is."""
    read = flow(function(source))
    results = [node for node in read.nodes if node.kind is Kind.RETURN]
    return set().union(*(sources(read, part, set()) for node in results for part in (*node.parts, *node.control)))


def test_every_code_object_of_the_standard_library_can_be_read() -> None:
    read = nodes = 0
    for folder in (LIBRARY, LIBRARY / "asyncio", LIBRARY / "concurrent", LIBRARY / "email"):
        for file in sorted(folder.rglob("*.py") if folder.name == "asyncio" else folder.glob("*.py")):
            try:
                module = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue  # files of the library's own tests that are wrong on purpose
            for code in inside(module):
                made = flow(code)
                read += 1
                nodes += len(made.nodes)
                assert all(part < index for index, node in enumerate(made.nodes) for part in node.parts)
    assert read > 5_000
    assert nodes > 100_000


def test_the_work_grows_with_the_code_and_no_faster() -> None:
    def nodes(lines: int) -> float:
        body = "".join(f"    if a{n % 7} > {n}:\n        b = [a{n % 5}, b or {n}]\n" for n in range(lines))
        code = function(f"def long({', '.join(f'a{n}' for n in range(7))}, b):\n{body}    return b\n")
        return len(flow(code).nodes) / size(code)

    assert nodes(2_000) <= 1.1 * nodes(200)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(a, b): return g(a if b else 1)", {"a", "b", "g"}),
        ("def f(a, b): return g(a and b)", {"a", "b", "g"}),
        ("def f(a, b):\n x = a if b else 1\n return [x]", {"a", "b", "x"}),
        ("def f(a, b): return {a: [b]}", {"a", "b"}),
        ("def f(a): return [g(x) for x in a]", {"a", "g", "x"}),
        ("def f(a, c): return {x: c for x in a}", {"a", "c", "x"}),
        ("def f(a): return [[y for y in x] for x in a]", {"a", "x", "y"}),
        ("def f(a):\n for x in a:\n  yield x", {"a", "x"}),
        ("async def f(a):\n yield await g(a)", {"a", "g"}),
        ("async def f(a): return await g(a)", {"a", "g"}),
        ("async def f(a): return [x async for x in a]", {"a", "x"}),
        ("async def f(a):\n async with a as b:\n  return b", {"a", "b"}),
        ("def f(a, *b, **c): return g(a, *b, k=1, **c)", {"a", "b", "c", "g"}),
        ("def f(a): return a.b.c(d=a)[1:2]", {"a"}),
        ("def f(a):\n try:\n  return g(a)\n except E as e:\n  return e", {"a", "e", "g"}),
        ("def f(a): return f'{a!r:>{w}}'", {"a", "w"}),
        ("def f(a, b):\n log(b)\n return a", {"a"}),
    ],
)
def test_what_a_result_is_made_from(source: str, names: set[str]) -> None:
    assert returned(source) - {"E"} == names


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, b):\n if a: b = 1\n return b",
        "def f(a): return a and g(a)",
        "def f(a): return a == 1",
        "def f(a): assert a",
        "def f(a): return lambda: a",
        "def f(a):\n while True:\n  g(a)",
        "def f(a):\n match a:\n  case [1]: g()",
        "def f(a): yield a",
        "def f(a): return [x for x in a if x]",
    ],
)
def test_what_chooses(source: str) -> None:
    assert flow(function(source)).chooses


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, b):\n for x in a:\n  b.append(x)",
        "async def f(a, b):\n async for x in a:\n  await b(x)",
        "def f(a, b):\n with a:\n  b(a)",
        "def f(a, b):\n try:\n  b(a)\n except E:\n  pass\n finally:\n  b.close()",
        "def f(a): return [g(x) for x in a]",
    ],
)
def test_what_chooses_nothing(source: str) -> None:
    assert not flow(function(source)).chooses


def test_a_test_controls_its_branches_and_nothing_after_them() -> None:
    read = flow(function("def f(a, b):\n if a.one or a.two:\n  x = 1\n else:\n  x = 2\n y = 3\n return x, y"))
    assigned = {(node.name, read.nodes[node.parts[0]].value): node for node in read.nodes if node.kind is Kind.BIND}

    def deciding(name: str, value: int) -> set[str]:
        return {read.nodes[test].name for test in assigned[name, value].control}

    assert deciding("x", 1) >= {"two"}
    assert deciding("x", 2) == {"one", "two"} or deciding("x", 2) == {"two"}
    assert deciding("y", 3) == set()


def test_jumps_lead_to_operations() -> None:
    for code in inside(compile(Path(ast.__file__).read_bytes(), "ast", "exec")):
        known = operations(code)
        places = {one.offset for one in known}
        assert all(one.target in places for one in known if one.target >= 0)
