"""By binding, not by spelling: small trees in which only the binding tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.scan.globs import matches
from isolation_audit.source.scan.owners import Owners
from trees import CONFIG, OLD, expected, found, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "a parameter hides the class": "from app.old import Engine  #= from import\ndef f(Engine): return Engine()\n",
    "a later import wins": (
        "from app.old import Engine  #= from import\nfrom app.new import UserEngine as Engine\nEngine()\n"
    ),
    "an earlier import is used in between": (
        "from app.old import Engine  #= from import\nEngine()  #= call\nfrom app.new import UserEngine as Engine\n"
    ),
    "a branch may bind either": (
        "if x:\n    from app.old import Engine  #= from import\nelse:\n    from app.new import UserEngine as Engine\n"
        "Engine()  #= call\n"
    ),
    "a class body hides nothing from its methods": (
        "from app.old import Engine  #= from import\nclass A:\n    Engine = None\n    def f(self):\n"
        "        return Engine()  #= call\n"
    ),
    "global": (
        "def f():\n    global Engine\n    from app.old import Engine  #= from import\n"
        "def g():\n    return Engine()  #= call\n"
    ),
    "nonlocal": (
        "def f():\n    E = None\n    def g():\n        nonlocal E\n"
        "        from app.old import Engine as E  #= from import as\n"
        "    return E()  #= call\n"
    ),
    "a loop's own name, and what is left of it": (
        "from app.old import Engine  #= from import\nfor Engine in x:\n    Engine()\nEngine()  #= call\n"
    ),
    "a comprehension's own name": "from app.old import Engine  #= from import\n[Engine() for Engine in ()]\n",
    "pairs": "from app.old import Engine  #= from import\nA, B = Engine, 1  #= value\nA()  #= call\nB()\n",
    "an exception's name": (
        "from app.old import Engine  #= from import\ntry: pass\nexcept Exception as Engine: Engine()\n"
    ),
    "a match": "from app.old import Engine  #= from import\nmatch x:\n    case Engine(): pass  #= value\n",
    "a lambda's default": "from app.old import Engine  #= from import\nf = lambda e=Engine: e()  #= default\n",
    "an import of its own name": "from app.old import Engine as Engine  #= from import as\n",
    "relative beyond the top": "from ...app.old import Engine\n",
    "a loop through itself": "Engine = Engine\nEngine()\n",
    "only a part of the name": "from app.old import Engine2, MyEngine\nimport app.older\napp.older.Engine()\n",
    "another class of the module": "from app.old import Other\nimport app.old\napp.old.Other()\n",
    "a conditional expression": (
        "from app.old import Engine  #= from import\nE = Engine if x else None  #= value\nE()  #= call\n"
    ),
    "except": "from app.old import Engine  #= from import\ntry: pass\nexcept (ValueError, Engine): pass  #= except\n",
    "type parameters": "from app.old import Engine  #= from import\nx: dict[str, list[Engine]] = {}  #= annotation\n",
    "an async def in a class": (
        "class A:\n    async def f(self):\n        from app.old import Engine  #= from import\n"
        "        async with Engine() as e: pass  #= call\n"
    ),
    "getattr of a module": "import app  #= import\ngetattr(app.old, 'Engine')  #= getattr\n",
    "a module by its package": "import app  #= import\napp.old.Engine()  #= call\n",
    "an alias given further below": "def f():\n    return p.Engine()  #= call\nimport app.old as p  #= import as\n",
    "a string of parts": "x = ['app.' 'old.' 'Engine']  #= string\n",
    "a string of parts over lines": "x = ('app.old.'  #= string\n  # and\n  'Engine')\n",
    "a sum of strings": "x = 'app.old' + '.Engine'  #= string\n",
    "bytes and prose": "x = b'app.old.Engine', 'see app.old.Engine'\n",
    "blanks in an import": "from\tapp . old  import  Engine  #= from import\n",
    "brackets in comments": "from app.old import (  # (x)\n    Engine as E,  #= from import as\n)\nE()  #= call\n",
    "quotes in quotes": "s = 'it' 's'; t = \"\\\"\"\nfrom app.old import Engine  #= from import\n",
    "after a long string": "s = '''\n'''; from app.old import Engine  #= from import\n",
    "letters beyond ASCII": "from app.old import Engine as \u00c9n  #= from import as\n\u00c9n()  #= call\n",
    "a decorated method": (
        "from app.old import Engine  #= from import\nclass A:\n    @Engine.wrap  #= decorator\n    def f(self): pass\n"
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_case(tmp_path: Path, case: str) -> None:
    files = {**OLD, "isolation-audit.toml": CONFIG, "chat.py": CASES[case]}
    outcome = scan_tree(write_tree(tmp_path, files))
    assert found(outcome) == expected(files)
    assert found(scan_tree(tmp_path, parse="mentions")) == expected(files)


def test_a_circle_of_imports(tmp_path: Path) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "a.py": "from b import Engine\nfrom b import *\n",
        "b.py": "from a import Engine\nfrom a import *\n",
        "c.py": "from a import Engine\nEngine()\n",
    }
    assert found(scan_tree(write_tree(tmp_path, files))) == []


def test_a_long_chain_of_renamed_imports(tmp_path: Path) -> None:
    files: dict[str, str] = {**OLD, "isolation-audit.toml": CONFIG}
    files["m0.py"] = "from app.old import Engine as N0  #= from import as\n"
    for number in range(1, 12):
        files[f"m{number}.py"] = f"from m{number - 1} import N{number - 1} as N{number}  #= from import as\n"
    files["last.py"] = "import m11\nm11.N11()  #= call\n"
    files["last.py"] = files["last.py"].replace("import m11\n", "import m11  #= import\n")
    write_tree(tmp_path, files)
    assert found(scan_tree(tmp_path, parse="mentions")) == expected(files)


@pytest.mark.parametrize(
    "line",
    [
        "getattr(service, 'Engine')  #= getattr",
        "patch.object(service, 'Engine')  #= patch",
        "vars(service)['Engine']()  #= call",
        "service.__dict__['Engine']  #= value",
    ],
)
def test_a_name_by_text_in_a_file_that_mentions_nothing_else(tmp_path: Path, line: str) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "service.py": "from app.old import Engine  #= from import\n",
        "uses.py": f"from unittest.mock import patch\nimport service  #= import\n\n{line}\n",
        "clean.py": "import services\n\ngetattr(services, 'Engine')\nNAMES = ['Engine']\n",
    }
    write_tree(tmp_path, files)
    assert found(scan_tree(tmp_path)) == found(scan_tree(tmp_path, parse="mentions")) == expected(files)


def test_stars_hand_on_what_they_may(tmp_path: Path) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "open.py": "from app.old import *  #= star import\n",
        "closed.py": "from app.old import Engine as _Engine  #= from import as\n",
        "listed.py": "from app.old import Engine  #= from import\n__all__ = []\n",
        "uses.py": "from open import *  #= star import\nfrom closed import *\nEngine()  #= call\n",
        "clean.py": "from closed import *\nfrom listed import *\nEngine()\n_Engine()\n",
    }
    write_tree(tmp_path, files)
    assert found(scan_tree(tmp_path, parse="mentions")) == expected(files)


def test_a_class_that_may_come_from_two_places_counts_once(tmp_path: Path) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "app/old.py": "try:\n    from _fast import Engine\nexcept ImportError:\n    class Engine:\n        pass\n",
        "chat.py": (
            "from app.old import Engine  #= from import\nEngine()  #= call\nclass A(Engine): pass  #= subclass\n"
        ),
        "either.py": (
            "if x:\n    from app.old import Engine  #= from import\nelse:\n"
            "    from chat import Engine  #= from import\nEngine()  #= call\n"
        ),
    }
    assert found(scan_tree(write_tree(tmp_path, files))) == expected(files)


def test_outside_the_tree(tmp_path: Path) -> None:
    """The deprecated class is in an installed package."""
    files = {
        "isolation-audit.toml": '[[deprecations]]\ntarget = "lib.sub.old:Engine"\n',
        "a.py": "from lib.sub.old import *  #= star import\nEngine()  #= call\n",
        "b.py": "import lib.sub.old as o  #= import as\no.Engine()  #= call\n",
        "d.py": "from lib.sub import old as p  #= from import as\np.Engine()  #= call\n",
        "c.py": "from lib.sub import Engine\nfrom lib import Engine\nEngine()\n",
    }
    assert found(scan_tree(write_tree(tmp_path, files))) == expected(files)


def test_a_module(tmp_path: Path) -> None:
    files = {
        "isolation-audit.toml": '[[deprecations]]\ntarget = "app.old"\n',
        "app/__init__.py": "",
        "app/old.py": "#= file\nx = 1\n",
        "a.py": "from app.old import x  #= from import\nprint(x)\n",
        "b.py": "import app.old  #= import\n",
        "c.py": "from app import old  #= from import\nold.x\n",
        "app/d.py": "from . import old as o  #= relative import as\nfrom .old import x  #= relative import\n",
        "e.py": "from app.old import *  #= star import\n",
        "f.py": "from app.older import x\nimport app\nfrom d import old\nold = 'app'\n",
    }
    write_tree(tmp_path, files)
    assert found(scan_tree(tmp_path, parse="mentions")) == expected(files)


def test_a_name_that_was_bound_to_the_replacement(tmp_path: Path) -> None:
    files = {
        **OLD,
        "isolation-audit.toml": CONFIG,
        "app/old.py": "from .new import UserEngine as Engine\n",
        "chat.py": "from app.old import Engine\nEngine()\n",
    }
    outcome = scan_tree(write_tree(tmp_path, files))
    assert found(outcome) == [("chat.py", 1, "from import")]
    assert outcome.report()["targets"][0]["detail"] == "already migrated by name: it is bound to its replacement"


def test_factories_of_what_is_deprecated(tmp_path: Path) -> None:
    config = CONFIG + '[[factories]]\ntarget = "app.make:engine_for"\nbuilds = "app.old:Engine"\n'
    files = {
        **OLD,
        "isolation-audit.toml": config,
        "app/make.py": (
            "from .old import Engine  #= relative import\n"
            "def engine_for() -> Engine:  #= return annotation\n    return Engine()  #= call\n"
        ),
        "chat.py": "from app.make import engine_for  #= from import\nengine_for()  #= factory call\n",
    }
    assert found(scan_tree(write_tree(tmp_path, files))) == expected(files)


def test_a_factory_of_several_says_what_it_returns(tmp_path: Path) -> None:
    config = CONFIG + '[[engines]]\ntarget = "app.third:Other"\nconstructors = ["app.third:other_for"]\n'
    files = {
        **OLD,
        "isolation-audit.toml": config,
        "app/third.py": "class Other:\n    pass\n\ndef other_for(): return Other()\n",
        "make.py": (
            "from app.old import Engine\nfrom app.new import UserEngine\nfrom app.third import other_for\n"
            "class Maker:\n    async def make(self, kind):\n"
            "        return Engine() if kind else UserEngine() or other_for()\n"
        ),
    }
    outcome = scan_tree(write_tree(tmp_path, files))
    (factory,) = (one for one in outcome.references if one.form == "factory")
    assert (factory.rule, factory.line, factory.function) == ("IA809", 5, "Maker.make")
    assert factory.message == (
        "factory of several engines: Maker.make returns app.old:Engine, app.new:UserEngine and app.third:Other"
    )
    told = {one["source"]["form"]: one["source"]["returns"] for one in outcome.report()["findings"]}
    assert told["factory"] == ["app.old:Engine", "app.new:UserEngine", "app.third:Other"]
    assert told["call"] == []


@pytest.mark.parametrize(
    ("glob", "yes", "no"),
    [
        ("app", ["app/a.py", "app/b/c.py"], ["apple.py", "x/app/a.py"]),
        ("app/*.py", ["app/a.py"], ["app/b/a.py"]),
        ("**/test_?.py", ["test_a.py", "x/y/test_b.py"], ["test_ab.py"]),
        ("app/**/x.py", ["app/x.py", "app/a/b/x.py"], ["x.py"]),
        ("[ab].py", ["a.py"], ["c.py", "ab.py"]),
        ("[!ab].py", ["c.py"], ["a.py"]),
        ("a+b(c).py", ["a+b(c).py"], ["aab(c).py"]),
    ],
)
def test_globs(glob: str, yes: list[str], no: list[str]) -> None:
    assert all(matches(path, (glob,)) for path in yes)
    assert not any(matches(path, (glob,)) for path in no)


def test_owners(tmp_path: Path) -> None:
    text = "# all\n*  @all\n/docs/  @docs  # ours\n*.js @js\nsrc/a/ @a @b\nsrc/a/free.py\n[Section]\n"
    write_tree(tmp_path, {".github/CODEOWNERS": text, "src/x": ""})
    owners = Owners(str(tmp_path))
    assert owners.of("x.py") == ("@all",)
    assert owners.of("docs/deep/x.py") == ("@docs",)
    assert owners.of("other/docs/x.py") == ("@all",)
    assert owners.of("deep/x.js") == ("@js",)
    assert owners.of("src/a/b/x.py") == ("@a", "@b")
    assert owners.of("src/a/free.py") == ()
    assert Owners(str(tmp_path / "src")).of("a/x.py") == ("@a", "@b")
    assert Owners("/").of("x.py") == ()


def test_the_document_of_imports(tmp_path: Path) -> None:
    lines = {
        "# Imports": "",
        "`from app.old import Engine`": "recommends app.old:Engine, which is deprecated",
        "`from app.old import Engine` (deprecated)": "",
        "~~`from app.old import Engine`~~": "",
        "    from app.nothing import x": "there is no module app.nothing",
        "    import app.new": "",
        "    from app.new import UserEngine, Missing": "app.new has no Missing",
        "from somewhere import anything": "",
        "from app import new": "",
        "## Do not use": "",
        "    from app.old import Engine": "",
        "## Fine": "",
        "    from app import gone": "app has no gone",
        "from the beginning to the end, import everything": "",
    }
    files = {**OLD, "isolation-audit.toml": CONFIG + '[scan]\nregistry = "I.md"\n', "I.md": "\n".join(lines)}
    outcome = scan_tree(write_tree(tmp_path, files))
    told = {(one.line, one.message) for one in outcome.references}
    assert told == {(line, reason) for line, reason in enumerate(lines.values(), start=1) if reason}
    write_tree(tmp_path, {"I.md": "nothing"})
    assert [one.message for one in scan_tree(tmp_path).references] == [
        "app.new:UserEngine, which replaces app.old:Engine, is not in it"
    ]
    (tmp_path / "I.md").unlink()
    assert [one.message for one in scan_tree(tmp_path).references] == ["the document is empty or can't be read"]
