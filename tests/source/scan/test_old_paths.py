"""Deprecated modules, and old names that have been bound to something new: by which path a thing is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate.planning import Plan, make_plan
from trees import CONFIG, expected, found, parts, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

MODULE = '[[deprecations]]\ntarget = "app.old"\nreplacement = "app.new"\n'

DEPRECATED_MODULE = """\
=== app/__init__.py
from .old import Context  #= relative import
=== app/old.py
from app.context import Context, Other as Renamed
from app.new import *

class Engine:
    pass
=== app/context.py
class Context:
    pass

class Other:
    pass
=== app/new.py
class UserEngine:
    pass
=== one.py
from app.old import Context  #= from import
from app.old import Renamed as Other, Engine  #= from import as, from import
from app.old import NotThere  #= from import
from app.context import Context as Canonical
from app import Context as Handed
=== two.py
import app.old  #= import
import app.old as legacy  #= import as
from app import old  #= from import
from app.old import *  #= star import

def late():
    from app.old import Context  #= from import
    return Context()
=== app/sub/__init__.py
=== app/sub/three.py
from ..old import Context  #= relative import
from .. import old  #= relative import
from ..context import Context as Canonical
=== strings.py
from importlib import import_module
from unittest.mock import patch
patch("app.old.Context")  #= patch
patch("app.context.Context")
NAMES = ["app.old.Renamed", "app.context.Other"]  #= string
import_module("app.old")  #= import_module
"""


def test_what_a_deprecated_module_hands_on_is_imported_from_it(tmp_path: Path) -> None:
    files = {**parts(DEPRECATED_MODULE), "isolation-audit.toml": MODULE}
    outcome = scan_tree(write_tree(tmp_path, files))
    assert [one for one in found(outcome) if one[2] != "file"] == expected(files)
    (message,) = {one.message for one in outcome.references if one.file == "one.py" and one.line == 1}
    assert message == "from import: app.old.Context goes through app.old, which is deprecated"


def test_the_same_when_only_what_mentions_it_is_parsed_and_from_the_cache(tmp_path: Path) -> None:
    files = {**parts(DEPRECATED_MODULE), "isolation-audit.toml": MODULE}
    write_tree(tmp_path, files)
    first = found(scan_tree(tmp_path, parse="mentions", cache=True))
    assert [one for one in first if one[2] != "file"] == expected(files)
    assert found(scan_tree(tmp_path, parse="mentions", cache=True)) == first


def test_a_deprecated_package_is_the_way_to_its_modules(tmp_path: Path) -> None:
    files = parts("""\
=== legacy/__init__.py
=== legacy/sub.py
from other import Thing
=== other.py
class Thing: pass
=== use.py
from legacy.sub import Thing  #= from import
from other import Thing as Same
import legacy.sub  #= import
=== legacyish.py
from other import Thing
=== legacy/inner.py
from legacy.sub import Thing
from .sub import Thing as Again
""")
    config = '[[deprecations]]\ntarget = "legacy"\n'
    outcome = scan_tree(write_tree(tmp_path, {**files, "isolation-audit.toml": config}))
    assert [one for one in found(outcome) if one[2] != "file"] == expected(files)


def test_a_file_that_should_be_gone_is_a_deprecated_module(tmp_path: Path) -> None:
    files = {**parts(DEPRECATED_MODULE), "isolation-audit.toml": CONFIG + 'files = ["app/old.py"]\n'}
    outcome = scan_tree(write_tree(tmp_path, files), parse="mentions")
    imports = [one for one in expected(files) if "import" in one[2] and one[2] != "import_module"]
    assert [one for one in found(outcome) if "import" in one[2] and one[2] != "import_module"] == imports
    assert [(one.file, one.rule) for one in outcome.references if one.rule == "IA805"] == [("app/old.py", "IA805")]
    # What such a file hands on is not what the class is replaced by.
    plan = make_plan(outcome.source, lambda _: True)
    assert all("Context" not in line for line in changed_lines(plan))


def changed_lines(plan: Plan) -> set[str]:
    return {
        line
        for change in plan.changes
        for line in set(change.after.decode().splitlines()) ^ set(change.before.decode().splitlines())
    }


BOUND = {
    "the class": (
        CONFIG,
        """\
=== app/old.py
from app.new import UserEngine as Engine
=== chat.py
from app.old import Engine  #= from import
import app.old  #= import
from app.new import UserEngine
from unittest.mock import patch

engine: Engine = Engine()
isinstance(engine, app.old.Engine)
UserEngine()
patch("app.old.Engine")  #= patch
patch("app.new.UserEngine")
""",
    ),
    "the class, under its own name": (
        CONFIG.replace("UserEngine", "Engine"),
        """\
=== app/old.py
from app.new import Engine
=== chat.py
from app.new import Engine
from app.old import Engine as Old  #= from import as
Engine(), Old()
""",
    ),
    "another constructor": (
        (
            '[[deprecations]]\ntarget = "app.old:Engine"\n'
            '[[deprecations.origins]]\nconstructor = "app.old:make"\nreplacement = "app.new:make"\n'
        ),
        """\
=== app/old.py
from app.new import make
class Engine: pass
=== chat.py
from app.new import make
x = make(1)
=== talk.py
from app.old import make  #= from import
x = make(1)
""",
    ),
    "a canonical factory": (
        (
            '[[deprecations]]\ntarget = "app.old:Engine"\nconstructors = ["app.old:make"]\n'
            '[[factories]]\ntarget = "app.new:make"\nbuilds = "app.new:UserEngine"\ncanonical = true\n'
        ),
        """\
=== app/old.py
from app.new import make
class Engine: pass
=== chat.py
from app.new import make
x = make(1)
=== talk.py
from app.old import make, Engine  #= from import, from import
x = make(1), Engine()  #= call
""",
    ),
    "a star": (
        CONFIG,
        """\
=== app/old.py
from app.new import UserEngine as Engine
=== chat.py
from app.old import *  #= star import
Engine()
""",
    ),
    "it was moved, and is still what it was": (
        CONFIG,
        """\
=== app/old.py
from app.inner import Engine
=== app/inner.py
class Engine: pass
=== chat.py
from app.inner import Engine  #= from import
Engine()  #= call
""",
    ),
}


@pytest.mark.parametrize("parse", ["all", "mentions"])
@pytest.mark.parametrize("case", BOUND)
def test_an_old_name_that_is_bound_to_something_new(tmp_path: Path, case: str, parse: str) -> None:
    config, text = BOUND[case]
    new = "class UserEngine: pass\nclass Engine: pass\ndef make(ctx): return UserEngine()\n"
    files = {"app/__init__.py": "", "app/new.py": new, **parts(text)}
    outcome = scan_tree(write_tree(tmp_path, {**files, "isolation-audit.toml": config}), parse=parse)
    assert [one for one in found(outcome) if not one[0].startswith("app/")] == expected(files)


def test_the_document_of_imports_may_not_recommend_an_old_path(tmp_path: Path) -> None:
    files = {
        "isolation-audit.toml": CONFIG + '[scan]\nregistry = "IMPORTS.md"\n',
        "app/__init__.py": "",
        "app/old.py": "from app.new import UserEngine as Engine\n",
        "app/new.py": "class UserEngine: pass\n",
        "IMPORTS.md": "from app.new import UserEngine\nfrom app.old import Engine\n",
    }
    outcome = scan_tree(write_tree(tmp_path, files))
    assert [(one.rule, one.line) for one in outcome.references] == [("IA806", 2)]
