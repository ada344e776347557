"""``isolation-audit check`` on whole configurations: what it says of each target, and its exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from doors import cli

if TYPE_CHECKING:
    from doors import Project

APP = """\
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Context:
    user_id: str
    run_id: str

class Engine:
    def __init__(self, context: Context):
        self.context = context
    def run(self, question): pass
    def is_active(self): pass
    def get_stats(self): pass

class Manager:
    def send(self, user_id, message): pass
    def send_text(self, user_id, text): pass
    def send_all(self, text): pass

class Outlet:
    def __init__(self, context: Context):
        self.context = context
    def emit(self, kind, *args, **kwargs): pass

def join(room, member): pass
def work(user_id, context: Context): pass
async def page(request, name): yield name
"""


def check(project: Project, config: str, *options: str, app: str = APP) -> tuple[int, dict[str, list[tuple[str, str]]]]:
    project.write("app.py", app)
    project.write("isolation-audit.toml", config)
    done = cli("check", "--json", *options, cwd=project.folder)
    said: dict[str, Any] = {
        row["target"]: [(remark["level"], remark["text"]) for remark in row["remarks"]]
        for row in json.loads(done.out)["targets"]
    }
    return done.code, said


def one(project: Project, config: str, **more: Any) -> tuple[int, list[tuple[str, str]]]:
    code, said = check(project, config, **more)
    (remarks,) = said.values()
    return code, remarks


def scope(path: str, target: str = "app:work") -> str:
    return f'[[scopes]]\ntarget = "{target}"\nuser = "{path}"\n'


def test_a_misspelt_parameter(project: Project) -> None:
    code, remarks = one(project, scope("args.usr_id"))
    text = "user: args.usr_id can never give a value: work has no parameter 'usr_id'; did you mean 'user_id'?"
    assert (code, remarks) == (1, [("error", text)])


def test_a_misspelt_field(project: Project) -> None:
    code, remarks = one(project, scope("args.context.usr_id"))
    text = "user: args.context.usr_id can never give a value: Context has no 'usr_id'; did you mean 'user_id'?"
    assert (code, remarks) == (1, [("error", text)])
    assert b"1 path(s) can never give a value" in cli("check", cwd=project.folder).out


def test_what_is_right_gets_no_remark(project: Project) -> None:
    config = scope("args.context.user_id")
    config += '[[engines]]\ntarget = "app:Engine"\nmethods = ["run"]\n'
    config += 'owner = ["args.context.user_id", "self.context.user_id"]\n'
    config += '[[emitters]]\ntarget = "app:Outlet"\nowner = "self.context.user_id"\nmethods = { emit = "args.kind" }\n'
    code, said = check(project, config, "--strict")
    assert (code, list(said.values())) == (0, [[], [], []])


def test_an_owner_of_an_engine_is_compared_with_constructor_and_methods(project: Project) -> None:
    engine = '[[engines]]\ntarget = "app:Engine"\nmethods = ["run"]\nowner = '
    assert one(project, engine + '["args.contxt.user_id", "self.context.user_id"]') == (
        1,
        [
            (
                "error",
                (
                    "owner: args.contxt.user_id can never give a value: the constructor has no parameter 'contxt'; "
                    "did you mean 'context'?"
                ),
            )
        ],
    )
    code, remarks = one(project, engine + '"self.context.usr_id"')
    assert (code, remarks[0][0]) == (1, "error")


EMITTER = '[[emitters]]\ntarget = "app:Manager"\nmethods = { "send*" = "*" }\n'


def test_a_glob_is_told_for_each_method(project: Project) -> None:
    assert one(project, EMITTER + 'addressee = "args.user_id"\n') == (
        0,
        [
            (
                "warning",
                "addressee: args.user_id fits 2 of 3 methods, not send_all (send_all has no parameter 'user_id')",
            )
        ],
    )
    # Where another path serves the third, it is but a note.
    _code, remarks = one(project, EMITTER + 'addressee = ["args.user_id", "args.text"]\n')
    assert [level for level, _text in remarks] == ["note", "note"]
    code, remarks = one(project, EMITTER + 'addressee = "args.usr_id"\n')
    assert (code, remarks[0][0]) == (1, "error")


def test_rest_and_keywords(project: Project) -> None:
    emitter = '[[emitters]]\ntarget = "app:Outlet"\nmethods = {{ emit = "args.kind" }}\npayload = "{}"\n'
    code, remarks = one(project, emitter.format("args.args"))
    assert (code, remarks[0][1]) == (
        1,
        "payload: args.args can never give a value: emit takes *args: write args[0] for the first of them",
    )
    code, remarks = one(project, emitter.format("args.kwargs"))
    assert (code, remarks[0][0]) == (1, "error")
    assert one(project, emitter.format("args.data")) == (
        0,
        [("note", "only a run can tell: payload args.data (emit takes any keyword, and callers decide on 'data')")],
    )


def test_rooms(project: Project) -> None:
    rooms = '[rooms.room]\njoin = "app:join"\nroom = "args.{}"\nmember = "args.member"\n'
    assert one(project, rooms.format("room")) == (0, [])
    assert one(project, rooms.format("roomm"))[0] == 1


def test_an_owner_that_each_call_names_anew(project: Project) -> None:
    """On an object that users share, a call that names nobody would make it its first user's."""
    code, remarks = one(project, EMITTER + 'owner = "args.user_id"\naddressee = "args.user_id"\n')
    assert code == 0
    (text,) = [text for level, text in remarks if level == "warning" and text.startswith("owner:")]
    assert "args.user_id is read from the arguments of calls, and nothing else says whose it is" in text
    assert "leave owner out" in text
    assert cli("check", "--strict", cwd=project.folder).code == 1


def test_an_object_that_its_module_makes_is_shared(project: Project) -> None:
    config = EMITTER + 'owner = ["self.user_id", "args.user_id"]\n'
    app = APP.replace("class Manager:", "class Manager:\n    user_id: str | None = None") + "manager = Manager()\n"
    _code, remarks = one(project, config, app=app)
    (text,) = [text for level, text in remarks if level == "warning"]
    assert "app:manager is made when its module is imported, for all users" in text
    # Nobody has made one as yet, and the object itself may know its user.
    _code, remarks = one(project, config, app=app.replace("manager = Manager()\n", ""))
    assert "warning" not in {level for level, _text in remarks}


def test_wildcards_that_cover_what_only_reads(project: Project) -> None:
    engine = '[[engines]]\ntarget = "app:Engine"\nowner = "self.context.user_id"\n'
    _code, remarks = one(project, engine)
    (text,) = [text for level, text in remarks if level == "warning"]
    assert text.startswith("methods: [!_]* covers is_active, get_stats, which only read")
    assert 'name what works for a user: ["run"]' in text
    assert one(project, engine + 'methods = ["run", "is_active"]\n') == (0, [])


def test_a_generator_is_told_as_before(project: Project) -> None:
    project.write("app.py", APP)
    project.write("isolation-audit.toml", scope("args.name", "app:page"))
    done = cli("check", cwd=project.folder)
    assert done.code == 1
    assert b"is a generator" in done.out


ACTORS = """\
import functools
registry = []

class Actor:
    def __init__(self, function):
        self.function = function
        registry.append(self)
    def __call__(self, *args):
        return self.function(*args)

class Opaque:
    def __call__(self, user_id): pass

@Actor
def work(user_id): pass

opaque = Opaque()
"""


def test_objects_that_stand_for_functions(project: Project) -> None:
    assert one(project, scope("args.user_id"), app=ACTORS) == (
        0,
        [("note", "app:work is a Actor: the function that it holds is watched, whoever calls it")],
    )
    code, remarks = one(project, scope("args.user_id", "app:opaque"), app=ACTORS)
    assert code == 0
    assert "app:opaque is a app.Opaque without a function of that name in it" in remarks[0][1]


LAZY = """\
from celery import Celery
app = Celery("app")

@app.task
def work(user_id): pass

@app.task(bind=True)
def bound(self, user_id): pass
"""


def test_a_lazy_task_stays_lazy(project: Project) -> None:
    pytest.importorskip("celery")
    config = scope("args.user_id") + scope("args.user_id", "app:bound")
    code, said = check(project, config, app=LAZY)
    assert code == 0
    assert [level for remarks in said.values() for level, _text in remarks] == ["note", "note"]
