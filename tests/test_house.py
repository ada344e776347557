"""The house: what no run of a single folder shows."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"
PACKAGE = "isolation_audit"
LONGEST = 400


def test_no_two_test_files_have_one_name() -> None:
    """Test files are imported by their bare names; of two with one name, pytest refuses to collect the second."""
    places: dict[str, list[str]] = defaultdict(list)
    for file in TESTS.rglob("test_*.py"):
        places[file.name].append(file.relative_to(TESTS).as_posix())
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


TRIED_WITH = {
    "base": "test_rule_examples",
    "concurrency.imported_modules": "test_lazy_singletons",
    "content.exits": "test_responses",
    "content.outgoing_requests": "test_prompts",
    "context.lineage": "test_lineage_requests",
    "context.pieces_of_work": "test_lineage_queues",
    "crossing.answered_there": "test_answers_for_others",
    "crossing.letters": "test_delivery",
    "crossing.reached": "test_delivery",
    "provenance.verdicts": "test_judge",
    "reachable.found": "test_walks",
    "state.crossed": "test_judging",
    "state.telling": "test_judging",
    "state.remedies": "test_words_and_remedies",
    "state.reports": "test_sharing",
    "state.words": "test_words_and_remedies",
}
"""Files of rules that are tried with another one of theirs, or in several test files whose first one is named here."""


def test_every_file_of_rules_has_its_tests() -> None:
    """Under its own name; ``monitor.py`` has rules, and each rule's example is run by ``test_rule_examples.py``."""
    tried = {file.stem for file in TESTS.rglob("test_*.py")}
    rules = SOURCE / PACKAGE / "rules"
    names = {".".join(file.relative_to(rules).with_suffix("").parts): file.stem for file in rules.rglob("*.py")}
    judging = {name: stem for name, stem in names.items() if stem not in ("__init__", "monitor")}
    assert {name for name, stem in judging.items() if f"test_{stem}" not in tried} == TRIED_WITH.keys()
    assert {*TRIED_WITH.values()} <= tried


def modules() -> dict[str, Path]:
    """The files of the package by the names under which they are imported."""
    return {
        ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (SOURCE / PACKAGE).rglob("*.py")
    }


def test_no_file_needs_itself_in_the_end() -> None:
    """Imports for types count as well: who reads one file of a circle has to read them all."""
    known = modules()
    needs: dict[str, set[str]] = {name: set() for name in known}
    for name, file in known.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in known:
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                needs[name] |= (inner & known.keys()) or {node.module}
    assert sum(map(len, needs.values())) > len(needs)
    TopologicalSorter({name: found - {name} for name, found in needs.items()}).prepare()  # a circle is a CycleError


def test_no_file_is_too_long() -> None:
    lines = {name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in modules().items()}
    assert {name: length for name, length in lines.items() if length > LONGEST} == {}


MEETS_THE_APPLICATION = (
    "analysis",
    "content",
    "instrument",
    "integrations",
    "model",
    "path_checks",
    "rules",
    "targets",
)


def looked_for(source: str) -> list[int]:
    """The lines that look for a class in a collection."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Call)
        and isinstance(node.left.func, ast.Name)
        and node.left.func.id == "type"
        and isinstance(node.ops[0], (ast.In, ast.NotIn, ast.Eq, ast.NotEq))
    ]


def test_no_class_of_the_application_is_looked_for() -> None:
    """Its metaclass would be asked; ``is`` asks nobody, nor does ``id(type(value)) in`` a set of identities."""
    assert looked_for("a = type(b) in (str, int)\nc = id(type(b)) in D\n") == [1]
    found = {
        name: lines
        for name, file in modules().items()
        if name.split(".")[1:2] and name.split(".")[1] in MEETS_THE_APPLICATION
        if (lines := looked_for(file.read_text(encoding="utf-8")))
    }
    assert found == {}


TABLES = frozenset(
    [
        "dict",
        "set",
        "list",
        "deque",
        "defaultdict",
        "OrderedDict",
        "Counter",
        "ChainMap",
        "WeakKeyDictionary",
        "WeakValueDictionary",
        "WeakSet",
    ]
)
"""What makes a mutable collection, by its name."""

CHANGING = frozenset(
    [
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "popleft",
        "remove",
        "setdefault",
        "sort",
        "update",
        "difference_update",
        "intersection_update",
    ]
)
"""Methods by which a collection is changed."""


def tables(tree: ast.Module) -> set[str]:
    """The mutable collections that a file has as globals."""
    found = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        made_by = value.func if isinstance(value, ast.Call) else None
        name = getattr(made_by, "id", getattr(made_by, "attr", None))
        if isinstance(target, ast.Name) and (
            isinstance(value, (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)) or name in TABLES
        ):
            found.add(target.id)
    return found


def changed(tree: ast.Module) -> set[str]:
    """What a file changes, as it writes it: ``name``, ``module.name``."""
    found = set()
    for node in ast.walk(tree):
        changed_here: list[ast.expr] = []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            changed_here.append(node.func.value)
        elif isinstance(node, (ast.Assign, ast.Delete)):
            changed_here += [one.value for one in node.targets if isinstance(one, ast.Subscript)]
        elif isinstance(node, ast.AugAssign):
            changed_here.append(node.target.value if isinstance(node.target, ast.Subscript) else node.target)
        found |= {ast.unparse(one) for one in changed_here}
    return found


def imported(tree: ast.Module) -> dict[str, str]:
    """What a file has imported from others of the package: by its name here, the module and its name there."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def writers(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """By table, the modules that change it."""
    known = {f"{module}.{table}" for module, tree in trees.items() for table in tables(tree)}
    found: dict[str, set[str]] = defaultdict(set)
    for module, tree in trees.items():
        names = imported(tree)
        for name in changed(tree):
            first, dot, rest = name.partition(".")
            place = f"{names[first]}{dot}{rest}" if first in names else f"{module}.{name}"
            if place in known:
                found[place].add(module)
    return found


def test_no_two_files_write_one_table() -> None:
    """A collection that is a global has one file that changes it: all that may be in it is read there."""
    trees = {name: ast.parse(file.read_text(encoding="utf-8")) for name, file in modules().items()}
    found = writers(trees)
    assert len(found) > 5
    assert {table: sorted(files) for table, files in found.items() if len(files) > 1} == {}


def test_writers_are_found() -> None:
    owner = "known: Final[set[int]] = set()\nknown.clear()\n"
    others = ("from app.owner import known\nknown.add(1)\n", "from app import owner\nowner.known |= {1}\n")
    reader = "from app.owner import known\nassert 1 in known, known.copy()\n"
    texts = {"app.owner": owner, **{f"app.{number}": text for number, text in enumerate(others)}, "app.reader": reader}
    assert writers({name: ast.parse(text) for name, text in texts.items()}) == {
        "app.owner.known": {"app.owner", "app.0", "app.1"}
    }
