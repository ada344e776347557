"""Source of small applications with every kind of callable, and a recorder of all that a call does.

The text is executed twice, once left alone and once audited, so that both sides start equal.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import re
import sys
import tomllib
from types import ModuleType
from typing import TYPE_CHECKING, Any

from isolation_audit import Auditor
from isolation_audit.config import parse_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_numbers = itertools.count()

KINDS = '''
import asyncio, enum, functools, types
from dataclasses import dataclass, field
from typing import NamedTuple

LOG = []

class Odd(Exception):
    pass

def act(what, value):
    """What the bodies below do with what they get."""
    LOG.append((what, repr(value)))
    if value == "raise":
        raise Odd(what, value)
    if value == "from":
        try:
            {}["missing"]
        except KeyError as error:
            raise Odd(what) from error
    if value == "while":
        try:
            [][1]
        except IndexError:
            raise Odd(what)
    if value == "stop":
        raise StopIteration(what)
    if value == "generator exit":
        raise GeneratorExit(what)
    return (what, value)

class Base:
    user_id = "alice"

    def plain(self, a, b=2, *rest, c=3, **more):
        return act("plain", a), b, rest, c, sorted(more)

    def only(self, a, /, b, *, c):
        return act("only", a), b, c

    def same(self, a):
        act("same", a)
        return a

    @classmethod
    def of_class(cls, a, b=0):
        return cls.__name__, act("class", a), b

    @staticmethod
    def static(a, b=0):
        return act("static", a), b

    async def coroutine(self, a, b=1):
        LOG.append("begin")
        await asyncio.sleep(0)
        return act("coroutine", a), b

    def generator(self, a, count=3):
        for number in range(count):
            try:
                sent = yield (act("generator", a), number)
                LOG.append(("sent", sent))
            except Odd as error:
                LOG.append(("caught", error.args))
                yield "caught"
            except GeneratorExit:
                LOG.append("exit")
                if a == "stubborn":
                    yield "no"
                elif a == "swallow":
                    return "swallowed"
                elif a == "fail":
                    raise ValueError("in exit")
                raise
            finally:
                LOG.append("finally")
        return "done"

    async def async_generator(self, a, count=3):
        for number in range(count):
            try:
                await asyncio.sleep(0)
                sent = yield (act("async generator", a), number)
                LOG.append(("sent", sent))
            except Odd as error:
                LOG.append(("caught", error.args))
                yield "caught"
            except GeneratorExit:
                LOG.append("exit")
                if a == "stubborn":
                    yield "no"
                elif a == "swallow":
                    return
                elif a == "fail":
                    raise ValueError("in exit")
                raise
            finally:
                await asyncio.sleep(0)
                LOG.append("finally")

    @functools.wraps(plain)
    def wrapped(self, *args, **kwargs):
        return self.plain(*args, **kwargs)

    closure = (lambda secret: lambda self, a=1: (secret, act("closure", a)))("secret")
    part = functools.partial(act, "partial")
    builtin = sorted
    half = functools.partialmethod(plain, "first")

class Left(Base):
    def plain(self, *args, **kwargs):
        return ("left", super().plain(*args, **kwargs))

class Right(Base):
    def plain(self, *args, **kwargs):
        return ("right", super().plain(*args, **kwargs))

    def __init__(self, *args, **kwargs):
        LOG.append(("Right", args, sorted(kwargs)))
        super().__init__(*args, **kwargs)

class Diamond(Left, Right):
    def plain(self, a="a", **kwargs):
        return ("diamond", super().plain(a, **kwargs))

class Slots:
    __slots__ = ("user_id",)
    def __init__(self, user_id="alice"):
        self.user_id = user_id
    def method(self, a):
        return act("slots", a)

@dataclass
class Data:
    user_id: str
    number: int = 1
    items: list = field(default_factory=list)
    def method(self, a):
        return act("data", a)

@dataclass(frozen=True, slots=True)
class Frozen:
    user_id: str
    number: int = 1
    def method(self, a):
        return act("frozen", a)

@dataclass(slots=True)
class DataChild(Data):
    more: str = "more"
    def method(self, a):
        return "child", super().method(a)

class Tuple(NamedTuple):
    user_id: str
    number: int = 1
    def method(self, a):
        return act("tuple", a)

class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"
    def method(self, a):
        return act("colour", a), self.value

class OnlyNew:
    def __new__(cls, user_id="alice", *rest):
        LOG.append(("new", user_id))
        made = super().__new__(cls)
        made.user_id = user_id
        return made
    def method(self, a):
        return act("only new", a)

class NewChild(OnlyNew):
    def __init__(self, *args):
        super().__init__(*args)

class Nothing:
    def method(self, a=None):
        return act("nothing", a)

class NothingChild(Nothing):
    def __init__(self, *args):
        LOG.append("child")
        super().__init__(*args)

class Mixed(Nothing, Right):
    pass

class Mapping(dict):
    def method(self, a):
        return act("mapping", a), len(self)

class Error(Exception):
    def method(self, a):
        return act("error", a), self.args

class Meta(type):
    def __call__(cls, *args, **kwargs):
        LOG.append(("call", args))
        return super().__call__(*args, **kwargs)
    def __setattr__(cls, name, value):
        raise AttributeError("no assignment")
    def __eq__(cls, other):
        raise RuntimeError("compared")
    def __hash__(cls):
        raise RuntimeError("hashed")

class Strict(metaclass=Meta):
    def __init__(self, user_id="alice"):
        self.user_id = user_id
    def method(self, a):
        return act("strict", a)

class Property:
    user_id = "alice"
    def __init__(self, a="alice"):
        self.a = a
    @property
    def value(self):
        return act("value", self.a)
    @value.setter
    def value(self, a):
        self.a = a
    @functools.cached_property
    def cached(self):
        return act("cached", self.a)

class Called:
    def __call__(self, a, b=1):
        return act("called", a), b

class Awaited:
    async def __call__(self, a):
        await asyncio.sleep(0)
        return act("awaited", a)

def function(a, b=2, /, c=3, *, d=4):
    return act("function", a), b, c, d

async def coroutine(a):
    await asyncio.sleep(0)
    return act("coroutine", a)

def generator(a):
    yield act("one", a)
    return "done"

@types.coroutine
def old(a):
    yield
    return act("old", a)

partial = functools.partial(act, "module partial")
called = Called()
awaited = Awaited()
builtin = sorted
'''

FOREIGN = """
import asyncio

class Foreign:
    user_id = "alice"

    def __init__(self, *args, **kwargs):
        self.got = args, sorted(kwargs)

    def plain(self, a, b=2):
        return "foreign", a, b

    @classmethod
    def of_class(cls, a):
        return cls.__name__, a

    @staticmethod
    def static(a, b=1):
        return a, b

    async def coroutine(self, a):
        await asyncio.sleep(0)
        if a == "raise":
            raise LookupError(a)
        return a

    def generator(self, a):
        got = yield a
        return got

    async def async_generator(self, a):
        got = yield a
        yield got

class Plugin:
    def __init__(self, *args):
        self.plugged = args
        super().__init__(*args)
"""

ADOPTED = """
import wrapt
import foreign_kinds

class Adopted(foreign_kinds.Foreign):
    pass

class AdoptedChild(foreign_kinds.Plugin, Adopted):
    def plain(self, a, b=5):
        return "child", super().plain(a, b)

@dataclass
class AdoptedData(foreign_kinds.Plugin, Adopted):
    number: int = 1

class AdoptedMapping(dict):
    pass

@wrapt.decorator
def other_tool(wrapped, instance, args, kwargs):
    LOG.append("other tool")
    return wrapped(*args, **kwargs)

class Wrapped:
    @other_tool
    def __init__(self, user_id="alice"):
        self.user_id = user_id
    @other_tool
    def method(self, a):
        return act("wrapped", a)
"""

PYDANTIC = """
from pydantic import BaseModel

class Model(BaseModel):
    user_id: str
    number: int = 1
    def method(self, a):
        return act("model", a), self.number

class ModelChild(Model):
    extra: str = ""
"""

ADOPTED_METHODS = ("plain", "of_class", "static", "coroutine", "generator", "async_generator")
CLASSES = {
    "Base": "",
    "Left": "",
    "Diamond": "",
    "Slots": "",
    "Data": "",
    "Frozen": "",
    "Tuple": "",
    "Colour": "",
    "OnlyNew": "",
    "Nothing": "",
    "Mapping": "",
    "Error": "",
    "Strict": "",
    "Model": "",
    "Wrapped": "",
    "Adopted": 'methods = { plain = "*", of_class = "*", static = "*", coroutine = "*", generator = "*" }',
    "AdoptedMapping": 'methods = { get = "*", fromkeys = "*", update = "*" }',
}
FUNCTIONS = ("function", "coroutine", "generator", "old", "partial", "called", "awaited", "builtin")


def config_of(name: str) -> str:
    """Every class as an engine and as an emitter, every callable watched in some role."""
    parts = ["[limits]", "faults = 1000000", "[identity]", 'placeholders = ["nobody"]']
    for cls, methods in CLASSES.items():
        parts += ["[[engines]]", f'target = "{name}:{cls}"', 'owner = ["self.user_id", "args.user_id"]']
        parts += ["[[emitters]]", f'target = "{name}:{cls}"', 'addressee = ["args.a", "everyone"]']
        parts += [methods or "methods = { '[!_]*' = '*' }"]
        parts += ["[[deprecations]]", f'target = "{name}:{cls}"']
    for function in FUNCTIONS:
        parts += ["[[emitters]]", f'target = "{name}:{function}"', 'addressee = ["args.a"]']
    for scope in ("Base.plain", "Base.coroutine", "Base.static", "Base.of_class", "Diamond.plain", "Property.value"):
        parts += ["[[scopes]]", f'target = "{name}:{scope}"', 'user = ["args.a", "self.user_id", "self.a"]']
    for scope in (
        "function",
        "coroutine",
        "partial",
        "awaited",
        "Base.part",
        "Base.half",
        "Base.builtin",
        "Property.cached",
    ):
        parts += ["[[scopes]]", f'target = "{name}:{scope}"', 'user = ["args.a", "args[0]"]']
    return "\n".join(parts)


def config_of_compiled(name: str) -> str:
    """Every callable in one role alone, with paths that compiled hooks read in line."""
    parts = ["[limits]", "faults = 1000000", "[identity]", 'placeholders = ["nobody"]']
    for cls in CLASSES:
        parts += ["[[engines]]", f'target = "{name}:{cls}"', 'owner = ["args.a", "self.user_id"]']
    for function in FUNCTIONS:
        parts += ["[[emitters]]", f'target = "{name}:{function}"', 'addressee = ["args.a"]']
    return "\n".join(parts)


def application() -> ModuleType:
    """One more copy of the application, imported under a name of its own."""
    module = _module(f"kinds_{next(_numbers)}")
    exec(compile(KINDS + PYDANTIC + ADOPTED, f"{module.__name__}.py", "exec"), vars(module))
    return module


def audited(configured: Callable[[str], str] = config_of) -> tuple[ModuleType, Auditor]:
    """A copy under audit."""
    module = application()
    return module, Auditor(parse_config(tomllib.loads(configured(module.__name__)))).start()


def _module(name: str) -> ModuleType:
    module = sys.modules[name] = ModuleType(name)
    return module


exec(compile(FOREIGN, "foreign_kinds.py", "exec"), vars(_module("foreign_kinds")))


class Trace:
    """Everything that can be seen of one call from outside, in terms that do not depend on the copy."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.seen: list[Any] = []

    def value(self, value: Any) -> Any:
        """A value, described."""
        return (type(value).__name__, self.text(value))

    def text(self, value: Any) -> str:
        """Its text without the copy's name and without addresses."""
        text = re.sub(r" at 0x[0-9a-f]+", "", str(value)).replace(self.module.__name__, "APP")
        # CPython itself names a C method by its own class or by the receiver's, depending on how it was looked up.
        return text.replace("AdoptedMapping.get()", "dict.get()")

    def error(self, error: BaseException | None, depth: int = 4) -> Any:
        """An exception with its chain."""
        if error is None or depth == 0:
            return None
        text = [self.text(one) for one in error.args]
        return (
            type(error).__name__,
            text,
            error.__suppress_context__,
            self.error(error.__cause__, depth - 1),
            self.error(error.__context__, depth - 1),
        )

    def call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call it; what it returns is given back, whatever happens is noted."""
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self.seen.append(("raised", self.error(error)))
            return None
        if inspect.iscoroutine(result) or inspect.isasyncgen(result) or inspect.isgenerator(result):
            self.seen.append(("made", type(result).__name__, result.__name__, result.__qualname__))
        else:
            self.seen.append(("returned", self.value(result)))
        return result

    def drive(self, generator: Any, steps: list[tuple[str, Any]]) -> None:
        """Resume a generator in the ways that there are."""
        for step, value in steps:
            if step == "next":
                self.call(next, generator)
            elif step == "send":
                self.call(generator.send, value)
            elif step == "throw":
                self.call(generator.throw, self.exception(value))
            else:
                self.call(generator.close)
            self.seen.append((inspect.getgeneratorstate(generator), list(map(self.text, self.module.LOG))))

    async def drive_async(self, generator: Any, steps: list[tuple[str, Any]]) -> None:
        """Resume an asynchronous generator in the ways that there are."""
        for step, value in steps:
            if step == "next":
                await self.wait(anext(generator))
            elif step == "send":
                await self.wait(generator.asend(value))
            elif step == "throw":
                await self.wait(generator.athrow(self.exception(value)))
            else:
                await self.wait(generator.aclose())
            self.seen.append((generator.ag_running, list(map(self.text, self.module.LOG))))
        await self.wait(generator.aclose())

    async def wait(self, awaitable: Any) -> None:
        """Await it and note what happens."""
        try:
            self.seen.append(("awaited", self.value(await awaitable)))
        except (Exception, GeneratorExit, asyncio.CancelledError) as error:
            self.seen.append(("raised", self.error(error)))

    def exception(self, name: str) -> BaseException:
        """A fresh exception of this name."""
        kinds = {"Odd": self.module.Odd, "Exit": GeneratorExit, "Stop": StopIteration, "AsyncStop": StopAsyncIteration}
        return kinds.get(name, ValueError)("thrown")

    def log(self) -> Iterator[Any]:
        """What the bodies noted, taken away."""
        yield from map(self.text, self.module.LOG)
        self.module.LOG.clear()
