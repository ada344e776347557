"""Where something still builds the old class, checks and annotations accept it beside the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from isolation_audit.source.migrate.applying import apply_plan
from isolation_audit.source.migrate.planning import Plan, make_plan
from isolation_audit.source.migrate.rescanning import rescan
from isolation_audit.source.migrate.validation import Checks
from trees import CONFIG, scan_tree, write_tree

if TYPE_CHECKING:
    from pathlib import Path

OLD = "class Engine:\n    def __init__(self, ctx): pass\n\n\ndef make(ctx):\n    return Engine(ctx)\n"
NEW = "class UserEngine:\n    def __init__(self, ctx): pass\n"
TREE = {"isolation-audit.toml": CONFIG, "app/__init__.py": "", "app/old.py": OLD, "app/new.py": NEW}
FACTORY = {"talk.py": "from app.old import make\n\n\ndef talk(ctx):\n    return make(ctx)\n"}


def planned(folder: Path, files: dict[str, str]) -> Plan:
    plan = make_plan(scan_tree(write_tree(folder, {**TREE, **files})).source, lambda file: file != "not_asked.py")
    rescan(plan)
    return plan


def after(plan: Plan) -> str:
    return next(change.after.decode() for change in plan.changes if change.shown == "chat.py")


PLACES = {
    "isinstance(e, Engine)": "isinstance(e, (Engine, UserEngine))",
    "isinstance(e, (Engine, int))": "isinstance(e, (Engine, UserEngine, int))",
    "isinstance(e, int | Engine)": "isinstance(e, int | Engine | UserEngine)",
    "issubclass(E, Engine)": "issubclass(E, (Engine, UserEngine))",
    "x: Engine": "x: Engine | UserEngine",
    "x: list[Engine] = []": "x: list[Engine | UserEngine] = []",
    "x: Engine | None": "x: Engine | UserEngine | None",
    "x: 'Engine'": "x: 'Engine | UserEngine'",
    "x: 'dict[str, Engine]'": "x: 'dict[str, Engine | UserEngine]'",
    "def f(e: Engine) -> Engine: return e": "def f(e: Engine | UserEngine) -> Engine | UserEngine: return e",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("builder", ["a factory of the old module", "a call that is left", "a file not asked for"])
def test_both_are_accepted(tmp_path: Path, place: str, builder: str) -> None:
    files = {
        "a factory of the old module": FACTORY,
        "a call that is left": {"talk.py": "from app.old import Engine\nEngine(*[1])\n"},
        "a file not asked for": {"not_asked.py": "from app.old import Engine\nEngine(1)\n"},
    }[builder]
    plan = planned(tmp_path, {**files, "chat.py": f"from app.old import Engine\n\n{place}\nnew = Engine(1)\n"})
    assert after(plan) == (
        f"from app.old import Engine\nfrom app.new import UserEngine\n\n{PLACES[place]}\nnew = UserEngine(1)\n"
    )
    apply_plan(plan, Checks())
    again = planned(tmp_path, {})
    assert again.changes == []
    reasons = {one.reason for one in again.manual if one.file == "chat.py"}
    assert reasons == {"it accepts the replacement already, beside the old class"}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "others",
    [
        {},
        {"talk.py": "from app.old import Engine\nEngine(1)\n"},
        {"talk.py": "from app.new import UserEngine as make\nmake(1)\n"},
        {"talk.py": "import app.old\napp.old.Engine(1)\n"},
    ],
)
def test_one_is_enough_where_nothing_builds_the_old_one(tmp_path: Path, place: str, others: dict[str, str]) -> None:
    plan = planned(tmp_path, {**others, "chat.py": f"from app.old import Engine\n\n{place}\nnew = Engine(1)\n"})
    whole = place.replace("Engine", "UserEngine")
    assert after(plan) == f"from app.new import UserEngine\n\n{whole}\nnew = UserEngine(1)\n"


@pytest.mark.parametrize(
    "talk",
    [
        "import app.old as old\nold.make(1)\n",
        "from app.old import *\nmake(1)\n",
        "from app import old\nold.make(1)\n",
        "from app.handed import make\nmake(1)\n",
    ],
)
def test_a_factory_is_reached_by_other_ways(tmp_path: Path, talk: str) -> None:
    files = {"app/handed.py": "from .old import make\n"} if "handed" in talk else {}
    plan = planned(tmp_path, {**files, "talk.py": talk, "chat.py": "from app.old import Engine\nx: Engine\n"})
    assert after(plan) == "from app.old import Engine\nfrom app.new import UserEngine\nx: Engine | UserEngine\n"


def test_a_name_that_others_check_by_stays_the_old_one(tmp_path: Path) -> None:
    files = {
        **FACTORY,
        "handed.py": "from app.old import Engine\n\nmade = Engine(1)\n",
        "chat.py": "from handed import Engine\n\nisinstance(1, Engine)\n",
    }
    plan = planned(tmp_path, files)
    assert after(plan) == (
        "from handed import Engine\nfrom app.new import UserEngine\n\nisinstance(1, (Engine, UserEngine))\n"
    )
    (handed,) = (change.after.decode() for change in plan.changes if change.shown == "handed.py")
    assert handed == "from app.old import Engine\nfrom app.new import UserEngine\n\nmade = UserEngine(1)\n"


def test_no_room_for_two(tmp_path: Path) -> None:
    files = {**FACTORY, "chat.py": "from app.old import Engine\nx: Engine[int]\ny = isinstance(1, Engine or int)\n"}
    plan = planned(tmp_path, files)
    assert plan.changes == []
    said = {one.line: one.reason for one in plan.manual if one.file == "chat.py"}
    assert set(said.values()) == {"something still builds the old class, and there is no room for both"}


def test_two_of_one_name_are_left(tmp_path: Path) -> None:
    files = {
        **FACTORY,
        "isolation-audit.toml": CONFIG.replace("UserEngine", "Engine"),
        "app/new.py": NEW.replace("UserEngine", "Engine"),
        "chat.py": "from app.old import Engine\n\nisinstance(1, Engine)\nx = Engine(1)\n",
    }
    plan = planned(tmp_path, files)
    assert plan.changes == []
    assert {one.reason for one in plan.manual if one.file == "chat.py"} == {
        "the replacement has the same name, and the old one is still needed"
    }
