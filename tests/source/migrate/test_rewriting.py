"""What a file becomes, form by form; what is left, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate.planning import Plan, make_plan
from isolation_audit.source.migrate.rescanning import rescan
from trees import scan_tree, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from isolation_audit.source.scan.source import Source

SYNC = """\
[[deprecations]]
target = "app.old:Engine"
replacement = "app.new:UserEngine"
arguments = { a = "a", b = "second" }
constructors = ["restore", "app.old:make"]
"""
TREE = {
    "isolation-audit.toml": SYNC,
    "app/__init__.py": "",
    "app/old.py": "class Engine:\n    def __init__(self, a=1, b=2): pass\n\ndef make(): return Engine()\n",
    "app/new.py": "class UserEngine:\n    def __init__(self, a=1, second=2): pass\n",
}


def planned(source: Source, wanted: Callable[[str], bool]) -> Plan:
    """The plan; the tree as it would be is what it says, whatever the case."""
    plan = make_plan(source, wanted)
    rescan(plan)
    return plan


REWRITTEN = {
    "annotations": (
        (
            "from app.old import Engine\n\n"
            "def f(e: Engine, *a: 'Engine', k: list[Engine] | None = None) -> \"Engine\":\n"
            "    x: Engine\n    y: 'dict[str, Engine]' = {}\n"
        ),
        (
            "from app.new import UserEngine\n\n"
            "def f(e: UserEngine, *a: 'UserEngine', k: list[UserEngine] | None = None) -> \"UserEngine\":\n"
            "    x: UserEngine\n    y: 'dict[str, UserEngine]' = {}\n"
        ),
    ),
    "checks": (
        (
            "import app.old as o\nisinstance(1, o.Engine)\nissubclass(int, (o.Engine, int))\n"
            "try: pass\nexcept o.Engine: pass\n"
        ),
        (
            "from app.new import UserEngine\n"
            "isinstance(1, UserEngine)\nissubclass(int, (UserEngine, int))\ntry: pass\nexcept UserEngine: pass\n"
        ),
    ),
    "a module that is needed for more": (
        "import app.old as o\no.Engine()\no.other\n",
        "import app.old as o\nfrom app.new import UserEngine\nUserEngine()\no.other\n",
    ),
    "modules of one package": (
        "import app.old, app.new\nimport app.older\napp.old.Engine()\napp.new.x\napp.older.y.z\n",
        "import app.new\nfrom app.new import UserEngine\nimport app.older\nUserEngine()\napp.new.x\napp.older.y.z\n",
    ),
    "modules of one package, and one that is needed for more": (
        "import app.old\nimport app.new\napp.old.Engine()\napp.old.other\n",
        "import app.old\nfrom app.new import UserEngine\nimport app.new\nUserEngine()\napp.old.other\n",
    ),
    "modules of one package, known elsewhere": (
        "import app.old\ndef f():\n    import app.new\ndef g():\n    return app.new\napp.old.Engine()\n",
        (
            "import app.old\nfrom app.new import UserEngine\ndef f():\n    import app.new\n"
            "def g():\n    return app.new\nUserEngine()\n"
        ),
    ),
    "modules of one package, which is needed itself": (
        "import app.old\nimport app.new\napp.old.Engine()\nprint(app)\n",
        "import app.old\nfrom app.new import UserEngine\nimport app.new\nUserEngine()\nprint(app)\n",
    ),
    "a subclass": (
        "from app.old import Engine\n\nclass Fast(Engine, dict[str, int]):\n    def run(self): pass\n",
        "from app.new import UserEngine\n\nclass Fast(UserEngine, dict[str, int]):\n    def run(self): pass\n",
    ),
    "an alias": (
        "from app.old import Engine\nMotor = Engine\nMotor(1, b=2)\n",
        "from app.new import UserEngine\nMotor = UserEngine\nUserEngine(1, second=2)\n",
    ),
    "one of several names": (
        "from app.old import (\n    first,\n    Engine,  # gone\n    last,\n)\nEngine()\n",
        "from app.old import (\n    first,\n    last,\n)\nfrom app.new import UserEngine\nUserEngine()\n",
    ),
    "the first and the last of several names": (
        "from app.old import Engine, second, Engine as Motor\nEngine()\nMotor()\n",
        "from app.old import second\nfrom app.new import UserEngine\nUserEngine()\nUserEngine()\n",
    ),
    "statements on one line": (
        "import app; from app.old import Engine, x; Engine()\n",
        "import app; from app.old import x; from app.new import UserEngine; UserEngine()\n",
    ),
    "an import below a header": (
        "def f():\n    if 1: from app.old import Engine\n    return Engine()\n",
        "def f():\n    if 1: from app.new import UserEngine\n    return UserEngine()\n",
    ),
    "an import that is there": (
        "from app.new import UserEngine\nfrom app.old import Engine\nEngine()\n",
        "from app.new import UserEngine\nUserEngine()\n",
    ),
    "exports": (
        "from app.old import Engine\n\n__all__ = ['Engine']\n",
        "from app.new import UserEngine as Engine\n\n__all__ = ['Engine']\n",
    ),
    "patches": (
        (
            "from unittest.mock import patch\nfrom app.old import Engine\n\n"
            "patch('app.old.Engine.run')\npatch.object(Engine, 'run')\npatch('''app.old:Engine''')\n"
        ),
        (
            "from unittest.mock import patch\nfrom app.new import UserEngine\n\n"
            "patch('app.new.UserEngine.run')\npatch.object(UserEngine, 'run')\npatch('''app.new.UserEngine''')\n"
        ),
    ),
    "arguments in brackets": (
        "from app.old import Engine\nEngine(b=(1), a=(2))\nEngine ( # one\n  ((1)), (2) , )\n",
        "from app.new import UserEngine\nUserEngine(second=(1), a=(2))\nUserEngine ( # one\n  ((1)), (2) , )\n",
    ),
    "several imports": (
        "import os, app.old as o, sys\no.Engine()\n",
        "import os, sys\nfrom app.new import UserEngine\nUserEngine()\n",
    ),
    "continued lines": (
        "from app.old \\\n    import Engine, \\\n    x\nEngine()\n",
        "from app.old \\\n    import x\nfrom app.new import UserEngine\nUserEngine()\n",
    ),
}


@pytest.mark.parametrize("case", REWRITTEN)
def test_rewritten(tmp_path: Path, case: str) -> None:
    before, after = REWRITTEN[case]
    plan = planned(scan_tree(write_tree(tmp_path, {**TREE, "chat.py": before})).source, lambda _: True)
    assert [one for one in plan.manual if one.file == "chat.py"] == []
    (change,) = plan.changes
    assert change.after.decode() == after
    compile(change.after, "chat.py", "exec")


LEFT = {
    "del Engine": "its name is deleted, global or nonlocal somewhere in the file",
    "def f():\n    global Engine\n    return Engine()": "its name is deleted, global or nonlocal somewhere in the file",
    "def f():\n    from app.old import Engine as E\n    def g():\n        nonlocal E\n        return E()": (
        "its name is deleted, global or nonlocal somewhere in the file"
    ),
    "for Engine in []: pass\nx = Engine()": "its name is bound in several ways",
    "x = Engine(*[1])": "it unpacks its arguments with *",
    "x = Engine(**{})": "it unpacks its arguments with **",
    "x = Engine(1, 2, 3)": "3 arguments by position, and only 2 are known",
    "x = Engine(1, a=2)": "argument 'a' is given twice",
    "x = Engine(c=2)": "argument 'c' has no counterpart",
    "x = Engine.restore()": "it is built by another constructor, whose arguments are not described",
    "x = Engine.LIMIT": "an attribute of the class may not be there in the replacement",
    "x = [Engine]": "what is done with the class can't be seen",
    "x = getattr(app.old, 'Engine')": "it is taken by getattr",
    "x = ['app.old.Engine']": "what is done with a name in a string can't be seen",
    "x = f'{Engine()}'": "it stands in an f-string",
    "x: 'Eng' 'ine' = 1": "it stands in a string of several parts",
    "class A:\n    kind = Engine": "what is done with the attribute can't be seen",
    "self = A = 1; self.kind = Engine": "what is done with the attribute can't be seen",
    "class A(Engine):\n    def __init__(self): pass": "the subclass has a constructor of its own",
    "class A(Engine): pass\nx = A(1, b=2)": (
        "the subclass is built in this file, with the arguments of the old constructor"
    ),
    "class A(Engine):\n    @classmethod\n    def of(cls, b): return cls(1, b=b)": (
        "the subclass is built in this file, with the arguments of the old constructor"
    ),
    "class A(Engine or int): pass": "the base is an expression",
    "UserEngine = 1; Engine()": "the name UserEngine means something else in this file",
    "def UserEngine(): pass\nEngine()": "the name UserEngine means something else in this file",
    "from app import UserEngine\nEngine()": "the name UserEngine means something else in this file",
    "if x: Engine = 1\nEngine()": "its name is bound in several ways",
    "@Engine\ndef f(): pass": "a decorator calls it with arguments that can't be seen",
    "from functools import partial\npartial(Engine, 1)": "the arguments of the later call can't be seen",
    "def f(e=Engine): pass": "what is done with the class can't be seen",
    "def f() -> Engine:\n    return Engine(*[1])": "the function builds something that is left as it is",
    "def f() -> 'Engine | None':\n    return Engine(*[1])": "the function builds something that is left as it is",
    "from app.new import UserEngine as U\nisinstance(1, (int, U)), isinstance(2, Engine)": (
        "the file tells it apart from its replacement"
    ),
    "import app.new as n\ntry: pass\nexcept n.UserEngine: pass\nexcept Engine: pass": (
        "the file tells it apart from its replacement"
    ),
    "A = Engine\nx = A(*[1])": "something that is built through this name is left as it is",
}


@pytest.mark.parametrize("line", LEFT)
def test_left_to_people(tmp_path: Path, line: str) -> None:
    source = f"import app.old\nfrom app.old import Engine\n{line}\n"
    plan = planned(scan_tree(write_tree(tmp_path, {**TREE, "chat.py": source})).source, lambda _: True)
    reasons = {one.reason for one in plan.manual if one.file == "chat.py"}
    assert LEFT[line] in reasons
    for change in plan.changes:
        assert line in change.after.decode()
        compile(change.after, change.shown, "exec")


ORIGINS = """
[[deprecations.origins]]
constructor = "restore"
replacement = "app.new:UserEngine.load"
await = true
arguments = { path = "file", a = "a" }

[[deprecations.origins]]
constructor = "opened"
replacement = "app.new:UserEngine.load"
await = true

[[deprecations.origins]]
constructor = "app.old:make"
replacement = "app.new:user_engine_for"
arguments = { who = "user" }
"""
WITH_ORIGINS = {
    **TREE,
    "isolation-audit.toml": SYNC.replace('constructors = ["restore", "app.old:make"]\n', 'constructors = "other"\n')
    + ORIGINS,
    "app/old.py": (
        "class Engine:\n    def __init__(self, a=1, b=2): pass\n"
        "    @classmethod\n    def restore(cls, path, a=1): pass\n"
        "    @classmethod\n    async def opened(cls, file): pass\n"
        "    @classmethod\n    def other(cls): pass\n\n"
        "def make(who, loud=False): return Engine()\n"
    ),
    "app/new.py": (
        "class UserEngine:\n    def __init__(self, a=1, second=2): pass\n    @classmethod\n"
        "    async def load(cls, file, a=1): pass\n\ndef user_engine_for(user): return UserEngine()\n"
    ),
}
BUILT_OTHERWISE = {
    "in async code": (
        (
            "from app.old import Engine, make\n\nasync def f():\n"
            "    return Engine.restore('x', a=1).run(), make(2), Engine(1, b=make(who=3)), await Engine.opened('y')\n"
        ),
        (
            "from app.new import UserEngine\nfrom app.new import user_engine_for\n\nasync def f():\n"
            "    return (await UserEngine.load('x', a=1)).run(), user_engine_for(2), "
            "UserEngine(1, second=user_engine_for(user=3)), await UserEngine.load('y')\n"
        ),
    ),
    "a coroutine that somebody else awaits": (
        "import asyncio\nimport app.old\n\ndef f():\n    asyncio.run(app.old.Engine.opened('y'))\n",
        "import asyncio\nfrom app.new import UserEngine\n\ndef f():\n    asyncio.run(UserEngine.load('y'))\n",
    ),
    "patches": (
        "from unittest.mock import patch\n\npatch('app.old.Engine.restore')\npatch('app.old.make')\n",
        "from unittest.mock import patch\n\npatch('app.new.UserEngine.load')\npatch('app.new.user_engine_for')\n",
    ),
}


@pytest.mark.parametrize("case", BUILT_OTHERWISE)
def test_other_constructors_with_arguments_of_their_own(tmp_path: Path, case: str) -> None:
    before, after = BUILT_OTHERWISE[case]
    plan = planned(scan_tree(write_tree(tmp_path, {**WITH_ORIGINS, "chat.py": before})).source, lambda _: True)
    assert [one for one in plan.manual if one.file == "chat.py"] == []
    (change,) = plan.changes
    assert change.after.decode() == after
    compile(change.after, "chat.py", "exec")


def test_a_factory_that_is_handed_on_keeps_its_name(tmp_path: Path) -> None:
    files = {
        **WITH_ORIGINS,
        "handed.py": "from app.old import make\n",
        "chat.py": "from handed import make as build\nbuild(1)\n",
    }
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert {change.shown: change.after.decode() for change in plan.changes} == {
        "handed.py": "from app.new import user_engine_for as make\n",
        "chat.py": "from app.new import user_engine_for\nuser_engine_for(1)\n",
    }


LEFT_OF_ORIGINS = {
    "x = Engine.other()": "it is built by another constructor, whose arguments are not described",
    "x = Engine.restore('x')": "the replacement must be awaited, and this is no async function",
    "x = make(1, True)": "argument 'loud' has no counterpart",
    "x = [make]": "what is done with the class can't be seen",
    "build = make": "what is done with the constructor can't be seen",
    "from functools import partial\nx = partial(Engine.restore, 'x')": "the arguments of the later call can't be seen",
}


@pytest.mark.parametrize("line", LEFT_OF_ORIGINS)
def test_other_constructors_left_to_people(tmp_path: Path, line: str) -> None:
    source = f"from app.old import Engine, make\n{line}\n"
    plan = planned(scan_tree(write_tree(tmp_path, {**WITH_ORIGINS, "chat.py": source})).source, lambda _: True)
    assert LEFT_OF_ORIGINS[line] in {one.reason for one in plan.manual if one.file == "chat.py"}
    for change in plan.changes:
        assert line in change.after.decode()


STAYS = {
    "no replacement": (
        SYNC.replace('replacement = "app.new:UserEngine"\n', "").replace('arguments = { a = "a", b = "second" }\n', ""),
        "no replacement is configured",
    ),
    "a module": (
        '[[deprecations]]\ntarget = "app.old"\nreplacement = "app.new"\n',
        "it is a whole module; what its names have become is not described",
    ),
    "no arguments of that name": (
        SYNC.replace("second", "third"),
        "the replacement takes no argument 'third'",
    ),
    "two with one name": (
        SYNC.replace('arguments = { a = "a", b = "second" }', 'owner = "args.user"'),
        "it passes no user (user)",
    ),
}


@pytest.mark.parametrize("case", STAYS)
def test_configurations_that_leave_it(tmp_path: Path, case: str) -> None:
    config, reason = STAYS[case]
    files = {**TREE, "isolation-audit.toml": config, "chat.py": "from app.old import Engine\nEngine(1, b=2)\n"}
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert plan.changes == []
    assert reason in {one.reason for one in plan.manual}


def test_a_required_argument_must_be_there(tmp_path: Path) -> None:
    new = "class UserEngine:\n    def __init__(self, a, /, second, *, user): pass\n"
    files = {**TREE, "app/new.py": new, "chat.py": "from app.old import Engine\nEngine(1, 2)\nEngine(b=2, a=1)\n"}
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert {one.reason for one in plan.manual if one.file == "chat.py"} == {"the replacement needs 'user'"}


DEFAULTS = {
    "it leaves 'b' out, which was 2, and would be 3": ("Engine(1)", "a=1, second=3"),
    "it leaves 'a' out, which was 1, and would be None": ("Engine(b=2)", "a=None, second=2"),
    "": ("Engine(1, 2), Engine(1, b=2), Engine(a=1, b=2)", "a=5, second=6"),
}


@pytest.mark.parametrize("reason", DEFAULTS)
def test_what_a_call_leaves_out_stays_what_it_was(tmp_path: Path, reason: str) -> None:
    call, parameters = DEFAULTS[reason]
    new = f"class UserEngine:\n    def __init__(self, {parameters}): pass\n"
    files = {**TREE, "app/new.py": new, "chat.py": f"from app.old import Engine\nx = {call}\n"}
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert {one.reason for one in plan.manual if one.file == "chat.py"} == ({reason} if reason else set())


DATACLASS = "from dataclasses import dataclass, field\n@dataclass\nclass Engine:\n    b: int\n    a: int"
ORDER = {
    DATACLASS + " = 1\n": "UserEngine(second=5, a=6)",
    DATACLASS + " = field(init=False)\n": None,
    DATACLASS.replace("@dataclass", "@dataclass(kw_only=True)"): None,
    DATACLASS.replace("@dataclass", "@other"): None,
    "from lib import Base\nclass Engine(Base): pass\n": None,
    "from app.base import Basis as Base\nclass Engine(Base): pass\n": "UserEngine(second=5, a=6)",
    "from .base import Basis\nclass Engine(Basis): pass\n": "UserEngine(second=5, a=6)",
    "class Base:\n    def __init__(self, b=2, a=1): pass\nclass Engine(Base): pass\n": "UserEngine(second=5, a=6)",
    "class Engine:\n    def __new__(cls, b, a): pass\n": None,
    "class Engine(Engine): pass\n": None,
    "if 1:\n    class Engine: pass\n": None,
    "class Engine:\n    def __init__(self, *args, **kwargs): pass\n": "UserEngine(5, 6)",
}


@pytest.mark.parametrize("old", ORDER)
def test_the_order_of_the_old_parameters_is_read_and_never_guessed(tmp_path: Path, old: str) -> None:
    files = {
        **TREE,
        "app/old.py": old,
        "app/base.py": "class Basis:\n    def __init__(self, b=2, a=1): pass\n",
        "chat.py": "from app.old import Engine\nEngine(5, 6)\nEngine(a=7, b=8)\n",
    }
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    (after,) = (change.after.decode() for change in plan.changes if change.shown == "chat.py")
    assert (ORDER[old] or "\nEngine(5, 6)\n") in after
    assert "UserEngine(a=7, second=8)" in after
    said = {one.reason for one in plan.manual if one.file == "chat.py"}
    assert said == (set() if ORDER[old] else {"the source does not say which parameters Engine takes"})


def test_a_name_that_others_import_stays(tmp_path: Path) -> None:
    files = {
        **TREE,
        "handed.py": "from app.old import Engine\n",
        "chat.py": "from handed import Engine\nEngine()\n",
        "test_chat.py": "from unittest.mock import patch\npatch('handed.Engine')\n",
    }
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    after = {change.shown: change.after.decode() for change in plan.changes}
    assert after == {
        "handed.py": "from app.new import UserEngine as Engine\n",
        "chat.py": "from app.new import UserEngine\nUserEngine()\n",
    }
    assert sorted(len(group) for group in plan.groups) == [2]


@pytest.mark.parametrize("wanted", ["all", "some"])
def test_a_name_that_an_unchanged_place_builds_from_stays_what_it_is(tmp_path: Path, wanted: str) -> None:
    files = {
        **TREE,
        "handed.py": "from app.old import Engine as Motor\n\nmotor = Motor(1)\n",
        "again.py": "from handed import *\n",
        "chat.py": "from again import Motor\nMotor(*[1])\n"
        if wanted == "all"
        else "from again import Motor\nMotor(1)\n",
    }
    source = scan_tree(write_tree(tmp_path, files)).source
    plan = planned(source, lambda file: wanted == "all" or file != "chat.py")
    after = {change.shown: change.after.decode() for change in plan.changes}
    assert after == {
        "handed.py": ("from app.old import Engine as Motor\nfrom app.new import UserEngine\n\nmotor = UserEngine(1)\n")
    }


PATCHED = {
    "the name stays, and what it names is called by it": (
        "from app.old import Engine\n\ndef f(e: Engine):\n    return Engine(1, b=2)\n",
        "from app.new import UserEngine as Engine\n\ndef f(e: Engine):\n    return Engine(1, second=2)\n",
    ),
    "something else goes through it": (
        "from app.old import Engine\n\ndef f():\n    return Engine(1), Engine(*[1])\n",
        None,
    ),
    "it has the new name already": (
        "from app.old import Engine as UserEngine\n\ndef f():\n    return UserEngine(1, b=2)\n",
        "from app.new import UserEngine\n\ndef f():\n    return UserEngine(1, second=2)\n",
    ),
}


@pytest.mark.parametrize("patch", ["patch('service.{}')", "patch.object(service, '{}')"])
@pytest.mark.parametrize("case", PATCHED)
def test_a_name_that_tests_replace(tmp_path: Path, case: str, patch: str) -> None:
    before, after = PATCHED[case]
    name = "UserEngine" if "as UserEngine" in before else "Engine"
    test = f"import service\nfrom unittest.mock import patch\n\nwith {patch.format(name)}:\n    service.f()\n"
    write_tree(tmp_path, {**TREE, "service.py": before, "test_service.py": test})
    plan = planned(scan_tree(tmp_path).source, lambda _: True)
    # By a text beside its module, a place is left to people, and what it goes through stays what it is.
    assert {change.shown: change.after.decode() for change in plan.changes} == (
        {"service.py": after} if after and "object" not in patch else {}
    )


def test_what_is_taken_each_time_from_where_tests_replace_it_is_left(tmp_path: Path) -> None:
    files = {
        **TREE,
        "service.py": (
            "import app.old\nfrom app.old import Engine\n\ndef f():\n    return app.old.Engine(1), Engine(1)\n"
        ),
        "test_service.py": "from unittest.mock import patch\n\npatch('app.old.Engine')\n",
    }
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert {change.shown: change.after.decode() for change in plan.changes} == {
        "service.py": (
            "import app.old\nfrom app.new import UserEngine\n\ndef f():\n    return app.old.Engine(1), UserEngine(1)\n"
        ),
        "test_service.py": "from unittest.mock import patch\n\npatch('app.new.UserEngine')\n",
    }
    assert {one.reason for one in plan.manual if one.file == "service.py"} == {
        "tests replace the name that it goes through"
    }


def test_a_name_that_is_taken_through_another_name_of_its_module_stays(tmp_path: Path) -> None:
    files = {
        **TREE,
        "shim/__init__.py": "from . import compat as legacy\n",
        "shim/compat.py": "from app.old import Engine as Turbo\n\nTurbo(1)\n",
        "chat.py": "import shim\n\nshim.legacy.Turbo(*[1])\n",
        "fine.py": "from shim import legacy\n\nlegacy.Turbo(1)\n",
    }
    plan = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True)
    assert {change.shown: change.after.decode() for change in plan.changes} == {
        "shim/compat.py": "from app.old import Engine as Turbo\nfrom app.new import UserEngine\n\nUserEngine(1)\n",
        "fine.py": "from app.new import UserEngine\n\nUserEngine(1)\n",
    }
    (tmp_path / "chat.py").unlink()
    plan = planned(scan_tree(tmp_path).source, lambda file: file != "fine.py")
    assert [change.shown for change in plan.changes] == ["shim/compat.py"]
    assert b"import Engine as Turbo" in plan.changes[0].after


def test_the_old_signature_may_be_outside(tmp_path: Path) -> None:
    """Without the sources, the order of `arguments` counts, and everything gets its name."""
    config = SYNC.replace("app.old", "lib.old").replace("app.new", "lib.new")
    files = {"isolation-audit.toml": config, "chat.py": "from lib.old import Engine\nEngine(1, 2)\n"}
    (change,) = planned(scan_tree(write_tree(tmp_path, files)).source, lambda _: True).changes
    assert change.after == b"from lib.new import UserEngine\nUserEngine(a=1, second=2)\n"
