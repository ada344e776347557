"""Shims for plain Python functions: generated code of the same signature and kind, put *into* the function object.

Exchanging ``__code__`` keeps the function's identity, so whoever took a reference earlier (``from m import f``, a route
table, a bound method, a pickle) meets the shim too, ``super()`` and method resolution stay as they were, other wrappers
may come and go above it in any order, and undoing is one assignment. All lines of the shim map to the ``def`` line.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Final

from isolation_audit.instrument.layout import Layout
from isolation_audit.instrument.probe import Probe
from isolation_audit.instrument.shim_codes import remember
from isolation_audit.instrument.signatures import positional_names

_MARK: Final = "__ia_probe__"
_PREFIX: Final = "__ia_"

GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE

_NO_COLUMNS: Final = 13
_LONGEST_ENTRY: Final = 8
"""Code units, at most, that one entry of a table of places is for."""


class UnshimmableError(Exception):
    """The function's code can't be exchanged; the message says why."""


def exact_layout(function: FunctionType, *, receiver: bool) -> Layout:
    """The layout of the values that the shim of ``function`` passes to its probe."""
    code = function.__code__
    names = list(code.co_varnames)
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    ordered = names[: positional + keyword_only]
    positions = {name: index for index, name in enumerate(ordered)}
    varargs = len(ordered) if code.co_flags & inspect.CO_VARARGS else None
    varkw = len(ordered) + (varargs is not None) if code.co_flags & inspect.CO_VARKEYWORDS else None
    passed_on = {} if varargs is None else _passed_on(function, positions)
    return Layout(True, receiver, positions, positional, varargs, varkw, passed_on)


def _passed_on(function: FunctionType, own: dict[str, int]) -> dict[str, int]:
    """Positions of the parameters that a decorator's ``*args`` stand for, told by the function below it."""
    if not hasattr(function, "__wrapped__"):
        return {}
    return {name: index for index, name in enumerate(positional_names(function)) if name not in own}


class CodePatch:
    """One function with exchanged code; :meth:`undo` puts the very same code object back."""

    __slots__ = ("function", "original_code", "probe", "shim_code")

    def __init__(self, function: FunctionType) -> None:
        """Install the shim.

        Raises:
            UnshimmableError: the signature can't be written down as source (generated code with odd names).
        """
        self.function = function
        self.original_code = function.__code__
        twin = FunctionType(
            self.original_code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        twin.__qualname__ = function.__qualname__
        twin.__module__ = function.__module__
        self.probe = Probe(twin)
        self.shim_code = _shim_code(function, self.probe)
        remember(self.shim_code)
        function.__code__ = self.shim_code

    @property
    def installed(self) -> bool:
        """False when somebody else has exchanged the code since."""
        return self.function.__code__ is self.shim_code

    @property
    def key(self) -> tuple[int, str]:
        """What is patched."""
        return id(self.function), "__code__"

    def undo(self) -> bool:
        """Restore the original code; False where another tool has put code above ours: ours stays and asks nobody."""
        self.probe.clear()
        if not self.installed:
            return False
        self.function.__code__ = self.original_code
        return True


def _shim_code(function: FunctionType, probe: Probe) -> CodeType:
    code = function.__code__
    template = _template(_source(code), code.co_name)
    if template.co_freevars != code.co_freevars:
        raise UnshimmableError(f"its closure {code.co_freevars} can't be rebuilt")
    constants = tuple(probe if constant == _MARK else constant for constant in template.co_consts)
    flags = template.co_flags | (code.co_flags & GENERATORS)
    return template.replace(
        co_consts=constants,
        co_flags=flags,
        co_filename=code.co_filename,
        co_firstlineno=code.co_firstlineno,
        co_name=code.co_name,
        co_qualname=code.co_qualname,
    )


@lru_cache(maxsize=512)
def _template(source: str, name: str) -> CodeType:
    try:
        # From text to code at once: a tree of Python objects in between would count in the recursion that CPython 3.11
        # counts for all threads together. dont_inherit: this file's own __future__ flags must not leak into it.
        module = compile(source, name, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UnshimmableError(f"its signature can't be generated: {error.msg}") from None
    factory = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    made = next(constant for constant in factory.co_consts if isinstance(constant, CodeType))
    return made.replace(co_linetable=_on_the_first_line(len(made.co_code) // 2))


def _on_the_first_line(units: int) -> bytes:
    """A table of places that has all code units on the first line, without columns (see CPython's locations.md)."""
    entries = []
    while units > 0:
        length = min(units, _LONGEST_ENTRY)
        entries.append(bytes((0x80 | _NO_COLUMNS << 3 | (length - 1), 0)))
        units -= length
    return b"".join(entries)


def _source(code: CodeType) -> str:
    names = list(code.co_varnames)
    positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
    plain = names[:positional]
    keywords = names[positional : positional + keyword_only]
    rest = names[positional + keyword_only :]
    varargs = rest.pop(0) if code.co_flags & inspect.CO_VARARGS else None
    varkw = rest.pop(0) if code.co_flags & inspect.CO_VARKEYWORDS else None
    everything = [*plain, *keywords, *filter(None, (varargs, varkw))]
    if not all(name.isidentifier() and not name.startswith(_PREFIX) for name in [*everything, *code.co_freevars]):
        raise UnshimmableError(f"its parameters {everything} aren't plain names")

    parameters = list(plain)
    if code.co_posonlyargcount:
        parameters.insert(code.co_posonlyargcount, "/")
    if varargs or keywords:
        parameters.append(f"*{varargs or ''}")
    parameters += keywords
    call = list(plain) + ([f"*{varargs}"] if varargs else []) + [f"{name}={name}" for name in keywords]
    if varkw:
        parameters.append(f"**{varkw}")
        call.append(f"**{varkw}")

    values = "(" + "".join(f"{name}, " for name in everything) + ")"
    body = _body(code.co_flags, f"{_MARK!r}", values, ", ".join(call))
    # The dead mention makes the compiler give the shim the very closure of the function that it moves into.
    cells = [name for name in code.co_freevars if name not in everything]
    prologue = "".join(f"    {name} = None\n" for name in cells)
    mention = f"        if 0: ({', '.join(cells)},)\n" if cells else ""
    keyword = "async def" if code.co_flags & inspect.CO_COROUTINE else "def"
    return f"def factory():\n{prologue}    {keyword} shim({', '.join(parameters)}):\n{mention}{body}"


def _body(flags: int, probe: str, values: str, call: str) -> str:
    if flags & GENERATORS:
        lines = _AT_ONCE
    elif flags & inspect.CO_COROUTINE:
        lines = [line.replace("__ia_original(", "await __ia_original(") for line in _AROUND]
    else:
        lines = _AROUND
    text = "".join(f"        {line}\n" for line in lines)
    return text.replace("PROBE", probe).replace("VALUES", values).replace("CALL", call)


# Attributes that hold functions are taken first and called then: CPython 3.11 looks up what is called like a method as
# a method, in vain and the slow way. The busiest interceptors do the same.
_AROUND: Final = [
    "__ia_before, __ia_original = PROBE.before, PROBE.original",
    "__ia_states = __ia_before(VALUES)",
    "if __ia_states is None:",
    "    return __ia_original(CALL)",
    "try:",
    "    __ia_result = __ia_original(CALL)",
    "except BaseException as __ia_error:",
    "    PROBE.failed(__ia_states, __ia_error)",
    "    raise",
    "if PROBE.minds_results:",
    "    PROBE.after(__ia_states, __ia_result)",
    "return __ia_result",
]

# A generator's body runs in whatever context resumes it: nothing of ours may stay open across its yields. So the shim
# of a generator function is a plain function that asks at the call and hands out the original's own generator: send,
# throw, close and finalisation are the original's by construction. Its code carries the flags of a generator function
# for inspect; the interpreter itself goes by the RETURN_GENERATOR instruction, which the shim does not have.
_AT_ONCE: Final = [
    "__ia_states = PROBE.before(VALUES)",
    "if __ia_states is not None:",
    "    PROBE.after(__ia_states, None)",
    "return PROBE.original(CALL)",
]
