"""``check --show-code``: the code that watches a target, for people to read."""

from __future__ import annotations

from doors import Project, cli

CONFIG = """
[ambient]
contextvar = "shop:current_user"

[[engines]]
target = "engines:Engine"
owner = "self.context.user_id"

[[emitters]]
target = "engines:Sink"
addressee = "args.user_id"
methods = { send = "sent" }
"""

SOURCE = """
import functools

class Engine:
    def __init__(self, context): self.context = context
    async def ask(self, question, *, PROBE=None): return question

class Sink:
    def send(self, user_id, data): return True
    broadcast = functools.partial(print)
"""


def prepared(project: Project) -> Project:
    project.write("engines.py", SOURCE)
    project.write("isolation-audit.toml", CONFIG)
    return project


def test_the_code_of_one_method(project: Project) -> None:
    done = cli("check", "--show-code", "engines:Engine.ask", cwd=prepared(project).folder)
    assert done.code == 0, done.err
    shown = done.out.decode()
    assert shown.startswith("# engines:Engine.ask\nasync def ask(self, question, *, PROBE):\n")
    assert "type(owner_1 := self.context) is owner_1_type\n" in shown
    assert "and owner_1.user_id is owner\n" in shown
    assert "return await around(states, (self, question, PROBE))" in shown, "a parameter keeps its name"
    assert "__ia_" not in shown
    compile(shown, "shown", "exec")


def test_all_of_a_class_by_its_name(project: Project) -> None:
    done = cli("check", "--show-code", "engines:Sink", cwd=prepared(project).folder)
    assert done.code == 0, done.err
    shown = done.out.decode()
    assert "# engines:Sink.send\ndef send(self, user_id, data):\n" in shown
    assert "states = passes((self, user_id, data), witnesses)" in shown
    assert "# engines:Engine" not in shown


def test_what_is_not_watched_has_none(project: Project) -> None:
    done = cli("check", "--show-code", "engines:Engine.nothing", cwd=prepared(project).folder)
    assert done.code == 2
    assert "'engines:Engine.nothing' is no target of the configuration" in done.err
