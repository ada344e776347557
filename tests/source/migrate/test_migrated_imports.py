"""Imports after a migration: each thing once, by its new path, under the name that the file has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate.applying import apply_plan
from isolation_audit.source.migrate.planning import Plan, make_plan
from isolation_audit.source.migrate.rescanning import rescan
from isolation_audit.source.migrate.validation import Checks
from trees import CONFIG, OLD, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

SAME = CONFIG.replace("UserEngine", "Engine")
TREE = {**OLD, "app/new.py": "class UserEngine: pass\nclass Engine: pass\ndef make(ctx): return UserEngine()\n"}


def planned(folder: Path, config: str, **files: str) -> Plan:
    names = {name.replace("__", "/") + ".py": text for name, text in files.items()}
    source = scan_tree(write_tree(folder, {**TREE, "isolation-audit.toml": config, **names})).source
    plan = make_plan(source, lambda _: True)
    rescan(plan)
    return plan


def after(plan: Plan, file: str = "chat.py") -> str | None:
    return next((change.after.decode() for change in plan.changes if change.shown == file), None)


ONCE = {
    "it is there before": (
        "from app.new import UserEngine\nfrom app.old import Engine\n\nx = Engine(), UserEngine()\n",
        "from app.new import UserEngine\n\nx = UserEngine(), UserEngine()\n",
    ),
    "it comes after, and before the first use": (
        "from app.old import Engine\nfrom app.new import UserEngine\n\nx = Engine(), UserEngine()\n",
        "from app.new import UserEngine\n\nx = UserEngine(), UserEngine()\n",
    ),
    "it comes after the first use": (
        "from app.old import Engine\nx = Engine()\nfrom app.new import UserEngine\n",
        "from app.new import UserEngine\nx = UserEngine()\nfrom app.new import UserEngine\n",
    ),
    "in functions, with one at the top": (
        "from app.new import UserEngine\n\ndef f():\n    from app.old import Engine\n    return Engine()\n",
        "from app.new import UserEngine\n\ndef f():\n    return UserEngine()\n",
    ),
    "in functions, each its own": (
        (
            "def f():\n    from app.old import Engine\n    return Engine()\n\n"
            "def g():\n    from app.old import Engine\n    return Engine()\n"
        ),
        (
            "def f():\n    from app.new import UserEngine\n    return UserEngine()\n\n"
            "def g():\n    from app.new import UserEngine\n    return UserEngine()\n"
        ),
    ),
    "twice in one function": (
        (
            "def f():\n    from app.old import Engine\n    x = Engine()\n"
            "    from app.old import Engine\n    return Engine(), x\n"
        ),
        "def f():\n    from app.new import UserEngine\n    x = UserEngine()\n    return UserEngine(), x\n",
    ),
    "where a block would be empty": (
        (
            "from app.new import UserEngine\n\n"
            "try:\n    from app.old import Engine\nexcept ImportError:\n    raise\nx = Engine()\n"
        ),
        "from app.new import UserEngine\n\ntry:\n    pass\nexcept ImportError:\n    raise\nx = UserEngine()\n",
    ),
    "beside something else on the line": (
        "from app.new import UserEngine\nimport os; from app.old import Engine\nx = Engine()\n",
        "from app.new import UserEngine\nimport os; pass\nx = UserEngine()\n",
    ),
    "where the other may not run": (
        "if x:\n    from app.new import UserEngine\nfrom app.old import Engine\nx = Engine()\n",
        "if x:\n    from app.new import UserEngine\nfrom app.new import UserEngine\nx = UserEngine()\n",
    ),
    "with other names in the statement": (
        "from app.new import UserEngine\nfrom app.old import (\n    Engine,\n    other,\n)\nx = Engine()\n",
        "from app.new import UserEngine\nfrom app.old import (\n    other,\n)\nx = UserEngine()\n",
    ),
}


@pytest.mark.parametrize("case", ONCE)
def test_once(tmp_path: Path, case: str) -> None:
    before, expected = ONCE[case]
    assert after(planned(tmp_path, CONFIG, chat=before)) == expected


def test_once_where_two_old_modules_have_one_replacement(tmp_path: Path) -> None:
    config = CONFIG + '[[deprecations]]\ntarget = "app.older:Motor"\nreplacement = "app.new:UserEngine"\n'
    source = "from app.old import Engine\nfrom app.older import Motor\n\nx = Engine(), Motor()\n"
    plan = planned(tmp_path, config, app__older="class Motor: pass\n", chat=source)
    assert after(plan) == "from app.new import UserEngine\n\nx = UserEngine(), UserEngine()\n"


SAME_NAME = {
    "a call": (
        "from app.old import Engine\n\ndef f(e: Engine):\n    return Engine()\n",
        "from app.new import Engine\n\ndef f(e: Engine):\n    return Engine()\n",
    ),
    "among others": (
        "from app.old import Engine, other\nx = Engine()\n",
        "from app.old import other\nfrom app.new import Engine\nx = Engine()\n",
    ),
    "by another name": (
        "from app.old import Engine as Old\nx = Old()\n",
        "from app.new import Engine\nx = Engine()\n",
    ),
    "through the module": ("import app.old\nx = app.old.Engine()\n", "from app.new import Engine\nx = Engine()\n"),
    "in a function": (
        "def f():\n    from app.old import Engine\n    return Engine()\n",
        "def f():\n    from app.new import Engine\n    return Engine()\n",
    ),
}


@pytest.mark.parametrize("case", SAME_NAME)
def test_a_replacement_of_the_same_name(tmp_path: Path, case: str) -> None:
    before, expected = SAME_NAME[case]
    plan = planned(tmp_path, SAME, chat=before)
    assert after(plan) == expected
    apply_plan(plan, Checks())
    assert make_plan(scan_tree(tmp_path).source, lambda _: True).changes == []


NOT_BOTH = [
    "from app.old import Engine\nx = Engine(), Engine(*[1])\n",
    "from app.old import Engine\nkinds = [Engine]\nx = Engine()\n",
    "from app.old import Engine as Old\nfrom other import Engine\nx = Old(), Engine()\n",
]


@pytest.mark.parametrize("source", NOT_BOTH)
def test_two_of_one_name_are_not_needed_at_once(tmp_path: Path, source: str) -> None:
    plan = planned(tmp_path, SAME, chat=source)
    assert after(plan) is None
    assert len(plan.manual) > 1 or "means something else" in plan.manual[0].reason


def test_a_name_that_others_still_need_is_not_taken_over(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        SAME,
        chat="from app.old import Engine\nx = Engine()\n",
        talk="from chat import Engine\nEngine(*[1])\n",
    )
    assert plan.changes == []


OLD_PATHS = {
    "the class": (
        CONFIG,
        "from app.new import UserEngine as Engine\n",
        "from app.old import Engine\nx = Engine()\n",
        "from app.new import UserEngine as Engine\nx = Engine()\n",
    ),
    "of the same name": (
        SAME,
        "from app.new import Engine\n",
        "from app.old import Engine\nx = Engine()\n",
        "from app.new import Engine\nx = Engine()\n",
    ),
    "it is there": (
        SAME,
        "from app.new import Engine\n",
        "from app.new import Engine\nfrom app.old import Engine\nx = Engine()\n",
        "from app.new import Engine\nx = Engine()\n",
    ),
    "another constructor": (
        (
            '[[deprecations]]\ntarget = "app.old:Engine"\n'
            '[[deprecations.origins]]\nconstructor = "app.old:make"\nreplacement = "app.new:make"\n'
        ),
        "from app.new import make\nclass Engine: pass\n",
        "from app.old import make as built\nx = built(1)\n",
        "from app.new import make as built\nx = built(1)\n",
    ),
}


@pytest.mark.parametrize("case", OLD_PATHS)
def test_what_is_new_already_is_imported_from_where_it_is(tmp_path: Path, case: str) -> None:
    config, old, before, expected = OLD_PATHS[case]
    plan = planned(tmp_path, config, app__old=old, chat=before)
    assert after(plan) == expected
    apply_plan(plan, Checks())
    again = scan_tree(tmp_path)
    assert [one for one in again.references if one.file == "chat.py"] == []


def test_old_paths_that_are_left_to_people(tmp_path: Path) -> None:
    source = "import app.old\nfrom unittest.mock import patch\napp.old.Engine()\npatch('app.old.Engine')\n"
    plan = planned(tmp_path, CONFIG, app__old="from app.new import UserEngine as Engine\n", chat=source)
    assert after(plan) is None
    assert {one.line: one.reason for one in plan.manual} == {
        1: "what is taken from the old module is bound to its replacement already",
        4: "it names the old path of something that is bound to its replacement already",
    }


def test_who_only_asks_whether_the_old_module_is_there_asks_on(tmp_path: Path) -> None:
    source = (
        "def engines():\n    try:\n        from app.old import Engine\n        return 1\n"
        "    except ImportError:\n        return 0\n\n"
        "def used():\n    try:\n        from app.old import Engine\n        return Engine()\n"
        "    except ImportError:\n        return None\n"
    )
    plan = planned(tmp_path, CONFIG, chat=source)
    head, _, tail = source.partition("def used")
    assert after(plan) == head + "def used" + tail.replace("app.old", "app.new").replace("Engine", "UserEngine")
    assert [one.reason for one in plan.manual] == ["nothing uses it: it finds out whether the old module is there"]


MODULE = '[[deprecations]]\ntarget = "app.old"\n'


@pytest.mark.parametrize("config", [CONFIG + MODULE, MODULE + CONFIG, CONFIG + 'files = ["app/old.py"]\n'])
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("import app.old\nx = app.old.Engine()\n", "from app.new import UserEngine\nx = UserEngine()\n"),
        ("import app.old as o\nx = o.Engine()\n", "from app.new import UserEngine\nx = UserEngine()\n"),
        ("from app import old\nx = old.Engine()\n", "from app.new import UserEngine\nx = UserEngine()\n"),
        (
            "from app.old import Engine, os\nx = Engine(os)\n",
            "from app.old import os\nfrom app.new import UserEngine\nx = UserEngine(os)\n",
        ),
        ("import app.old\nx = app.old.Engine(), app.old.os\n", None),
    ],
)
def test_a_class_of_a_module_that_is_deprecated_as_a_whole(
    tmp_path: Path, config: str, before: str, expected: str | None
) -> None:
    old = "import os\nclass Engine:\n    def __init__(self, a=1): pass\n"
    new = "class UserEngine:\n    def __init__(self, a=1): pass\n"
    plan = planned(tmp_path, config, app__old=old, app__new=new, chat=before)
    if expected is None:
        assert "import app.old\n" in (after(plan) or before)
    else:
        assert after(plan) == expected
