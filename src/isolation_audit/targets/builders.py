"""Builders: which factory builds an object, told by the stack of its construction."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.analysis.patterns import pattern
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.shim_codes import original_code, own_codes
from isolation_audit.instrument.stacks import is_ours, known_ours

if TYPE_CHECKING:
    from collections.abc import Container
    from types import CodeType

    from isolation_audit.config.model import Factory
    from isolation_audit.instrument.stacks import RawStack

_EVIDENT: Final = pattern(
    r"(Factory|Builder|Provider|Maker)\.\w|(^|\.)_?(create|make|build|new|provide|spawn|get|get_or_create)_\w+$"
)

_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Builder:
    """A factory: ``name`` is ``module:qualname``; ``declared`` has its entry, and is None where its name tells."""

    name: str
    declared: Factory | None


def builder(codes: dict[int, tuple[CodeType, Factory]], inside: Container[int], near: RawStack = ()) -> Builder | None:
    """Who builds what is being constructed; None where nobody who looks like a factory is at work.

    A canonical factory comes before every other declared one, whoever is nearer; then the nearest declared one; then
    the caller of the constructor, where its name says that it builds. ``inside`` has code that belongs to the object,
    ``near`` the application's innermost frames, where they are known: as a rule the caller is among them.
    """
    if not codes and _is_no_factory(near, inside):
        return None
    declared = evident = None
    asked = False
    frame = sys._getframe(1)  # noqa: SLF001 - the stack tells who builds, also across awaits and context managers
    while frame is not None:
        code = frame.f_code
        if id(code) in own_codes:
            code = original_code(code)
        known = codes.get(id(code))
        if known is not None:
            declared = declared or known[1]
            if known[1].canonical:
                declared = known[1]
                break
        elif (
            not asked
            and id(code) not in known_ours  # as the first frames are: nothing is called for them
            and id(code) not in inside
            and not is_ours(code)
            and not _constructs(code)
        ):
            if _is_evident(code):
                evident = Builder(f"{frame.f_globals.get('__name__')}:{_name(code)}", None)
            if not codes:
                break
            asked = True  # of the frames beyond, nothing but declared factories count
        frame = frame.f_back  # type: ignore[assignment]
    return evident if declared is None else _declared(declared)


def decided_near(codes: dict[int, tuple[CodeType, Factory]], inside: Container[int], near: RawStack) -> bool:
    """True where :func:`builder` gives the same for each construction that has these innermost frames."""
    if not codes:
        return any(id(code) not in inside and not _constructs(code) for code, _lasti in near)
    found = [codes[id(code)][1] for code, _lasti in near if id(code) in codes]
    return any(one.canonical for one in found) or (
        bool(found) and not any(factory.canonical for _code, factory in list(codes.values()))
    )


def _is_no_factory(near: RawStack, inside: Container[int]) -> bool:
    """True where the caller of the constructor is known, and its name does not say that it builds."""
    for code, _lasti in near:
        if id(code) not in inside and not _constructs(code):
            return not _is_evident(code)
    return False


_named: Final[dict[int, Builder]] = {}
"""By the identity of its entry, which the builder holds."""


def _declared(entry: Factory) -> Builder:
    known = _named.get(id(entry))
    if known is None or known.declared is not entry:
        if len(_named) >= _MOST:
            _named.clear()
        known = _named[id(entry)] = Builder(str(entry.target), entry)
    return known


def _name(code: CodeType) -> str:
    return code.co_qualname.replace(".<locals>", "")


_evident: Final[dict[int, tuple[CodeType, bool]]] = {}
"""By the code's identity, as its hash goes by all that is in it; it is held, so that its identity stays its own."""


def _is_evident(code: CodeType) -> bool:
    """True for code of the application's own whose name says that it builds."""
    known = _evident.get(id(code))
    if known is None:
        if len(_evident) >= _MOST:
            _evident.clear()
        says_so = bool(_EVIDENT.search(_name(code))) and not is_installed(code.co_filename)
        known = _evident[id(code)] = (code, says_so)
    return known[1]


def _constructs(code: CodeType) -> bool:
    return code.co_name in ("__init__", "__new__", "__call__", "__post_init__")
