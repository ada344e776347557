"""Source of shims: one straight piece of Python of a function's own signature, made from its code and a check."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.compile.check import PREFIX

if TYPE_CHECKING:
    from types import CodeType

    from isolation_audit.instrument.compile.check import Check

PROBE: Final = "__ia_probe__"
SITE: Final = "__ia_site__"
GATED: Final = "__ia_gated__"
"""Stand for the probe, the site of the check, and the gate; the constants themselves take their places when code is
linked."""

GENERATORS: Final = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR | inspect.CO_ITERABLE_COROUTINE


class UnwritableError(Exception):
    """The function's signature can't be written down as source; the message says why."""


class Parameters:
    """The parameters of a code object, as they are written down and as they are handed on."""

    def __init__(self, code: CodeType) -> None:
        names = list(code.co_varnames)
        positional, keyword_only = code.co_argcount, code.co_kwonlyargcount
        plain, keywords = names[:positional], names[positional : positional + keyword_only]
        rest = names[positional + keyword_only :]
        varargs = rest.pop(0) if code.co_flags & inspect.CO_VARARGS else None
        varkw = rest.pop(0) if code.co_flags & inspect.CO_VARKEYWORDS else None
        self.names = [*plain, *keywords, *filter(None, (varargs, varkw))]
        if not all(name.isidentifier() and not name.startswith(PREFIX) for name in [*self.names, *code.co_freevars]):
            raise UnwritableError(f"its parameters {self.names} aren't plain names")
        written = list(plain)
        if code.co_posonlyargcount:
            written.insert(code.co_posonlyargcount, "/")
        if varargs or keywords:
            written.append(f"*{varargs or ''}")
        written += keywords
        handed_on = plain + ([f"*{varargs}"] if varargs else []) + [f"{name}={name}" for name in keywords]
        if varkw:
            written.append(f"**{varkw}")
            handed_on.append(f"**{varkw}")
        self.written = ", ".join(written)
        self.handed_on = ", ".join(handed_on)
        self.values = tuple_of(self.names)
        self._passed = [*plain, *filter(None, (varargs,))], keywords, varargs, varkw

    def by_index(self, values: str) -> str:
        """The same as they are handed on, where they are in the tuple ``values``."""
        positional, keywords, varargs, varkw = self._passed
        given = {name: f"{values}[{index}]" for index, name in enumerate(self.names)}
        written = [f"{'*' if name is varargs else ''}{given[name]}" for name in positional]
        written += [f"{name}={given[name]}" for name in keywords]
        return ", ".join([*written, *([f"**{given[varkw]}"] if varkw else [])])


def tuple_of(names: list[str]) -> str:
    """Source of a tuple of these variables."""
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def shim_source(code: CodeType, check: Check | None, *, gated: bool = False) -> str:
    """The source of a factory that makes the shim of a function with this code.

    ``gated``: nobody is asked, and the call is only counted, as long as the gate is closed.

    Raises:
        UnwritableError: the signature can't be written down (generated code with odd names).
    """
    parameters = Parameters(code)
    # The dead mention makes the compiler give the shim the very closure of the function that it moves into.
    cells = [name for name in code.co_freevars if name not in parameters.names]
    prologue = "".join(f"    {name} = None\n" for name in cells)
    mention = f"        if 0: ({', '.join(cells)},)\n" if cells else ""
    keyword = "async def" if code.co_flags & inspect.CO_COROUTINE else "def"
    body = "".join(f"        {line}\n" for line in _body(code.co_flags, check, parameters, gated=gated))
    return f"def factory():\n{prologue}    {keyword} shim({parameters.written}):\n{mention}{body}"


def shown_source(code: CodeType, check: Check | None, name: str, *, gated: bool = False, inlined: bool = False) -> str:
    """The same as people read it: under the function's own name, and without the prefixes.

    ``inlined``: as the instructions in the function's own code would be written.
    """
    if inlined and check is not None:
        lines = _inlined_lines(code, check)
    else:
        lines = [line[4:] for line in shim_source(code, check, gated=gated).splitlines()[1:]]
    text = "\n".join(lines)
    for constant, shown in ((PROBE, "PROBE"), (SITE, "SITE"), (GATED, "GATED")):
        text = text.replace(f"{constant!r}", shown)
    text = text.replace(PREFIX, "")
    return text.replace("def shim(", f"def {name}(", 1)


def _inlined_lines(code: CodeType, check: Check) -> list[str]:
    parameters = Parameters(code)
    plain = not code.co_flags & GENERATORS
    waits = bool(code.co_flags & inspect.CO_COROUTINE) and plain
    after = [
        "    if __ia_states is not None:",
        f"        return {'await ' if waits else ''}around(__ia_states, {parameters.values})",
    ]
    lines = [
        "# in the function's own code; these names are values on the interpreter's stack, and no variables",
        *(line.replace("$site", f"{SITE!r}") for line in _compared(check, parameters)),
        "if __ia_clean:",
        f"    {SITE!r}.clean += 1.0",
        "else:",
        f"    __ia_states = look({parameters.values})" if plain else f"    look({parameters.values})",
        *(after if plain else []),
        "...  # the function's own instructions",
    ]
    keyword = "async def" if code.co_flags & inspect.CO_COROUTINE else "def"
    return [f"{keyword} shim({parameters.written}):", *(f"    {line}" for line in lines)]


def _body(flags: int, check: Check | None, parameters: Parameters, *, gated: bool) -> list[str]:
    lines = _AT_ONCE if flags & GENERATORS else _AROUND
    if gated:
        lines = [*_GATED, *lines]
    if check is not None and check.ends:
        lines = [*_recorded(check, parameters), *lines]
    elif check is not None:
        lines = [*_compared(check, parameters), *(_told(lines) if check.carried else [*_COUNTED, *lines])]
    call = f"__ia_original({parameters.handed_on})"
    if flags & inspect.CO_COROUTINE and not flags & GENERATORS:
        call = f"await {call}"
    words = {"$call": call, "$values": parameters.values}
    words |= {"$probe": f"{PROBE!r}", "$site": f"{SITE!r}", "$gated": f"{GATED!r}"}
    # All at once: a parameter may have any name.
    return [_WORD.sub(lambda found: words[found[0]], line) for line in lines]


def _compared(check: Check, parameters: Parameters) -> list[str]:
    """What is asked first: is this call like the last clean one?"""
    between = [name for read in check.reads for name in read.between()]
    return [
        "try:",
        f"    {tuple_of([PREFIX + name for name in check.names()])} = $site.known",
        "    __ia_clean = (",
        *(f"        {'and ' if number else ''}{one}" for number, one in enumerate(check.conditions(parameters.names))),
        "    )",
        "except Exception:",
        "    __ia_clean = False",
        # What was passed on the way is not kept alive by our frame.
        *(f"{PREFIX}{name} = None" for name in between),
    ]


def _told(lines: list[str]) -> list[str]:
    """What follows where a clean call has to be told all the same: with the witnesses that are known already."""
    asked = next(number for number, line in enumerate(lines) if line.startswith("__ia_states ="))
    return [
        "__ia_before, __ia_original = $probe.before, $probe.original",
        "if __ia_clean:",
        "    $site.clean += 1.0",
        *([] if lines is _AT_ONCE else _OPENED),
        "    __ia_passes = $probe.passes",
        "    __ia_states = __ia_passes($values, __ia_witnesses)",
        "else:",
        "    __ia_states = __ia_before($values)",
        *lines[asked + 1 :],
    ]


def _recorded(check: Check, parameters: Parameters) -> list[str]:
    """What stands around a constructor: what it has built is compared with what it built last."""
    return [
        "if $site.alone:",
        "    __ia_original = $probe.original",
        "    try:",
        "        __ia_result = $call",
        "    except BaseException as __ia_error:",
        "        __ia_states = $probe.before($values)",
        "        if __ia_states is not None:",
        "            $probe.failed(__ia_states, __ia_error)",
        "        raise",
        *(f"    {line}" for line in _compared(check, parameters)),
        f"    if __ia_clean and __ia_tag({parameters.names[0]}):",
        "        $site.clean += 1.0",
        "    else:",
        "        $probe.passes($values)",
        "    return __ia_result",
    ]


_WORD: Final = pattern(r"\$(?:call|values|probe|site|gated)\b")

_GATED: Final = [
    "if not $gated.gate.open:",
    "    $gated.calls[0] += 1",
    "    __ia_original = $probe.original",
    "    return $call",
]
"""What is asked first where there may be nothing to look at yet."""

_COUNTED: Final = [
    "if __ia_clean:",
    "    $site.clean += 1.0",
    "    __ia_original = $probe.original",
    "    return $call",
]
"""What follows where a clean call only has to be counted."""

_OPENED: Final = [
    "    __ia_event = None",
    "    try:",
    "        if $site.alone and __ia_lone is not None:",
    "            __ia_under_way = __ia_lone.under_way",
    "            if __ia_under_way() is None:",
    "                if __ia_moment is not None:",
    "                    __ia_in_scope = __ia_lone.in_scope",
    "                    __ia_in_scope()",
    "                __ia_kind, __ia_put = __ia_lone.kind, __ia_lone.put",
    "                __ia_opened = __ia_kind()",
    "                __ia_opened.name, __ia_opened.layers = __ia_lone.name, __ia_lone.layers",
    "                __ia_opened.ambient, __ia_opened.claimed = __ia_witnesses.ambient, __ia_witnesses.claimed",
    "                __ia_opened.known, __ia_opened.verified = __ia_witnesses.known, __ia_witnesses.verified",
    "                __ia_opened.progress = __ia_opened.searched = __ia_opened.clean = None",
    "                __ia_opened.depth, __ia_opened.audience = 1, ()",
    "                __ia_lone.begun.clean += 1.0",
    "                __ia_put(__ia_opened)",
    "                __ia_event = __ia_opened",
    "    except Exception as __ia_error:",
    "        $probe.absorb(__ia_error)",
    "    if __ia_event is not None:",
    "        try:",
    "            return $call",
    "        finally:",
    "            try:",
    "                __ia_user, __ia_counts = __ia_event.claimed, __ia_lone.counts",
    "                if (",
    "                    __ia_event.depth == 1",
    "                    and __ia_event.verified",
    "                    and __ia_user in __ia_counts",
    "                    and __ia_under_way() is __ia_event",
    "                ):",
    "                    __ia_event.depth = 0",
    "                    __ia_event.searched = __ia_event.clean = None",
    "                    __ia_put(None)",
    "                    __ia_counts[__ia_user] += 1",
    "                else:",
    "                    __ia_end = __ia_lone.end_otherwise",
    "                    __ia_end(__ia_event)",
    "            except Exception as __ia_error:",
    "                $probe.absorb(__ia_error)",
]
"""What follows where an event may begin that is in no other one: as ``EmissionPoint`` does it, without a call."""

# Attributes that hold functions are taken first and called then: CPython 3.11 looks up what is called like a method as
# a method, in vain and the slow way. The busiest interceptors do the same.
AROUND_KNOWN: Final = [
    "__ia_original = $probe.original",
    "try:",
    "    __ia_result = $call",
    "except BaseException as __ia_error:",
    "    if $probe.minds_failures:",
    "        $probe.failed(__ia_states, __ia_error)",
    "    raise",
    "if $probe.minds_results:",
    "    $probe.after(__ia_states, __ia_result)",
    "return __ia_result",
]
"""What stands around a call with which something is left to be done afterwards."""

_AROUND: Final = [
    "__ia_before, __ia_original = $probe.before, $probe.original",
    "__ia_states = __ia_before($values)",
    "if __ia_states is None:",
    "    return $call",
    *AROUND_KNOWN[1:],
]

LOOK: Final = ["__ia_before = $probe.before", "return __ia_before(__ia_values)"]
"""What code that goes on by itself calls before."""

# A generator's body runs in whatever context resumes it: nothing of ours may stay open across its yields. So the shim
# of a generator function is a plain function that asks at the call and hands out the original's own generator: send,
# throw, close and finalisation are the original's by construction. Its code carries the flags of a generator function
# for inspect; the interpreter itself goes by the RETURN_GENERATOR instruction, which the shim does not have.
_AT_ONCE: Final = [
    "__ia_original = $probe.original",
    "__ia_states = $probe.before($values)",
    "if __ia_states is not None:",
    "    $probe.after(__ia_states, None)",
    "return $call",
]

LOOK_AT_CALL: Final = [
    "__ia_states = $probe.before(__ia_values)",
    "if __ia_states is not None:",
    "    $probe.after(__ia_states, None)",
]
"""The same of a generator function: it is asked about as its shim is."""
