"""Lazy names: which module global or class attribute a function makes when it is not there yet.

``if _pool is None: _pool = Pool()`` is read off the compiled function: it loads the name, jumps by it, and stores it.
Nothing is parsed, and a function that stores no global and no attribute is told by one look at its bytes.
"""

from __future__ import annotations

import dis
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_STORE_GLOBAL: Final = dis.opmap["STORE_GLOBAL"]
_STORE_ATTR: Final = dis.opmap["STORE_ATTR"]
_PLAIN: Final = frozenset({"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME", "TO_BOOL", "NOT_TAKEN", "COPY"})
_NEAR: Final = 4
"""Instructions from a load to the jump that it decides: a constant, a comparison, the jump."""
_LONGEST: Final = 20_000
"""Bytes of code that are looked at; what is longer was generated."""


@dataclass(frozen=True, slots=True)
class LazyName:
    """A name that a function makes once: a global, or an attribute of the class ``owner``.

    ``owner`` is empty for a global, the name of a global class, or the name of the function's first parameter.
    """

    name: str
    owner: str = ""


def lazy_name(code: CodeType) -> LazyName | None:
    """The first name that a function loads, decides by, and then stores; None where it has none."""
    operations = code.co_code[::2]
    if len(operations) > _LONGEST or not (_STORE_GLOBAL in operations or _STORE_ATTR in operations):
        return None
    steps = [step for step in dis.get_instructions(code) if step.opname not in _PLAIN]
    stored = dict.fromkeys(_stored(steps))
    if not stored:
        return None
    tested = set(_tested(steps))
    return next((one for one in stored if one in tested), None)


def _stored(steps: list[dis.Instruction]) -> Iterator[LazyName]:
    for before, step in zip([None, *steps], steps, strict=False):
        if step.opname == "STORE_GLOBAL":
            yield LazyName(step.argval)
        elif step.opname == "STORE_ATTR" and before is not None and (owner := _loaded(before)) is not None:
            yield LazyName(step.argval, owner)


def _tested(steps: list[dis.Instruction]) -> Iterator[LazyName]:
    for number, step in enumerate(steps):
        found = _test(steps, number, step)
        if found and any(_decides(later) for later in islice(steps, number + 1, number + 1 + _NEAR)):
            yield found


def _test(steps: list[dis.Instruction], number: int, step: dis.Instruction) -> LazyName | None:
    if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
        return LazyName(step.argval)
    owner = _loaded(steps[number - 1]) if number else None
    # Read as an attribute, or asked for: hasattr(cls, "_instance").
    by_name = step.opname in ("LOAD_ATTR", "LOAD_METHOD") or (
        step.opname == "LOAD_CONST" and type(step.argval) is str and step.argval.isidentifier()
    )
    return LazyName(step.argval, owner) if owner is not None and by_name else None


def _loaded(step: dis.Instruction) -> str | None:
    """The plain name that one instruction has put on the stack."""
    if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FAST", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW", "LOAD_DEREF"):
        return str(step.argval)
    if step.opname.startswith(("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD", "STORE_FAST_LOAD_FAST")):
        return str(step.argval[1])
    return None


def _decides(step: dis.Instruction) -> bool:
    return "JUMP" in step.opname and "IF" in step.opname
