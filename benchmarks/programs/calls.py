"""A small application that exists in memory only, and its configuration: one class for each role of a target."""

from __future__ import annotations

import sys
import tomllib
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING

from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from isolation_audit.config.model import Config

NAME = "bench_app"

SOURCE = """
import functools

class Plain:
    def __init__(self, user_id=None): self.user_id = user_id
    def method(self, data): pass
    async def waiting(self, data): pass
    def steps(self, data): yield
    @classmethod
    def of_class(cls, user_id, data): pass

class Engine(Plain):
    def __init__(self, user_id=None): self.user_id = user_id
    def method(self, data): pass
    async def waiting(self, data): pass
    def steps(self, data): yield

class Ownerless:
    def method(self, data): pass

class Emitter:
    def __init__(self, user_id=None): self.user_id = user_id
    def emit_event(self, data): pass

class Sink:
    def send(self, to, data): pass
    @classmethod
    def of_class(cls, user_id, data): pass

class Worker:
    def work(self, user_id): pass

def callee(self, data): pass

class Proxied:
    plain = functools.partial(callee, None)
    send = functools.partial(callee, None)
"""

CONFIG = """
[ambient]
contextvar = "bench_app:current_user"

[report]
terminal = false

[[engines]]
target = "bench_app:Engine"
owner = ["self.user_id", "args.user_id"]

[[engines]]
target = "bench_app:Ownerless"

[[emitters]]
target = "bench_app:Emitter"
owner = ["self.user_id"]
methods = { "emit_*" = "*" }

[[emitters]]
target = "bench_app:Sink"
addressee = ["args.to", "args.user_id"]
layer = "sink"
methods = { send = "sent", of_class = "sent" }

[[emitters]]
target = "bench_app:Proxied"
methods = { send = "sent" }

[[scopes]]
target = "bench_app:Worker.work"
user = ["args.user_id"]
"""


def application() -> ModuleType:
    """The application."""
    module = ModuleType(NAME)
    sys.modules[NAME] = module
    exec(compile(SOURCE, f"{NAME}.py", "exec"), vars(module))
    module.current_user = ContextVar("current_user", default=None)
    return module


def configuration(more: str = "") -> Config:
    """Its configuration; everything that is on without one stays on."""
    return parse_config(tomllib.loads(CONFIG + more))
