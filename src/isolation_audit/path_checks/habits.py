"""Configurations that are well-formed and raise false alarms, or see nothing: what experience warns of."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.reading import only_reads
from isolation_audit.config.paths import Root
from isolation_audit.instrument.resolve import dict_of, function_of, mro_of
from isolation_audit.model.tables import loaded_modules
from isolation_audit.path_checks.fitting import fit
from isolation_audit.path_checks.verdicts import Fit, Remark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FunctionType

    from isolation_audit.config.model import Target
    from isolation_audit.config.paths import Path
    from isolation_audit.instrument.resolve import Resolved
    from isolation_audit.path_checks.fitting import Callee

_READS: Final = ("is_*", "get_*", "has_*", "can_*", "count*", "list_*", "describe*", "should_*", "to_*", "as_*")
_SHOWN: Final = 6
_WRITES: Final = ("get_or_create*", "get_or_make*", "get_or_add*")


def from_calls(
    cls: type, key: str, paths: tuple[Path, ...], made: list[Callee], used: list[Callee]
) -> Iterator[Remark]:
    """An owner that each call names anew: an object that has one user knows them since its construction."""
    called = [
        path
        for path in paths
        if path.root is Root.ARGUMENT
        and any(fit(path, callee).fit > Fit.DOUBTFUL for callee in used)
        and all(fit(path, callee).fit is Fit.NEVER for callee in made)
    ]
    if not called:
        return
    shared = _instances(cls)
    alone = len(called) == len(paths)
    if not shared and not alone:
        return
    text = ", ".join(path.text for path in called)
    where = "nothing else says whose it is"
    if shared:
        where = f"{shared[0]} is made when its module is imported, for all users"
    yield Remark(
        "warning",
        f"{key}: {text} is read from the arguments of calls, and {where}; if several users share one "
        f"{cls.__qualname__}, leave {key} out: it has no owner, and a call that gives nothing can't be told from "
        "another user's",
    )


def _instances(cls: type) -> list[str]:
    """The names of objects of the class that modules and classes hold."""
    found = []
    for name, module in loaded_modules():
        for attribute, value in list(vars(module).items() if type(module) is type(sys) else ()):
            if type.__subclasscheck__(cls, type(value)):
                found.append(f"{name}:{attribute}")
            elif issubclass(type(value), type) and value.__module__ == name:
                found += [
                    f"{name}:{attribute}.{inner}"
                    for inner, held in list(dict_of(value).items())
                    if type.__subclasscheck__(cls, type(held))
                ]
    return sorted(found)


def reads_only(cls: type, globs: tuple[str, ...], watched: list[Callee], how: str) -> Iterator[Remark]:
    """Wildcards that cover methods which only tell something: a monitor asks everybody's objects."""
    wild = [glob for glob in globs if glob.strip("[!_]*?") == ""]
    named = {glob for glob in globs if glob.isidentifier()}
    covered = [one for one in watched if one.name not in named and any(fnmatchcase(one.name, glob) for glob in wild)]
    reading = [one.name for one in covered if _only_reads(one)]
    if not reading:
        return
    rest = [one.name for one in watched if one.name not in reading]
    shown = ", ".join(reading[:_SHOWN]) + (f" and {len(reading) - _SHOWN} more" if len(reading) > _SHOWN else "")
    listed = ", ".join(f'"{name}"' for name in rest[:_SHOWN]) + (", ..." if len(rest) > _SHOWN else "")
    yield Remark(
        "warning",
        f"methods: {', '.join(wild)} covers {shown}, which only read, and each call of them {how}; a monitor that asks "
        f"every {cls.__qualname__} would be reported; name what works for a user: [{listed}]",
    )


def _only_reads(callee: Callee) -> bool:
    """True for a method that is called like one that tells something, and is not known to do more."""
    function = function_of(callee.raw)
    if any(fnmatchcase(callee.name, glob) for glob in _WRITES):
        return False
    if any(fnmatchcase(callee.name, glob) for glob in _READS):
        return True
    return function is not None and function.__code__.co_argcount == 1 and _looks(function)


def _looks(function: FunctionType) -> bool:
    """True for a method that gives what it reads; one that does nothing at all is there to be overridden."""
    return bool(function.__code__.co_names) and only_reads(function.__code__)


def unwatched_object(target: Target, resolved: Resolved, inside: Resolved) -> Iterator[Remark]:
    """An object that stands for a function (an actor, a task): whoever got hold of it calls it past its module."""
    raw = resolved.raw
    if inside.raw is not raw:
        kind = type(raw).__qualname__
        yield Remark("note", f"{target} is a {kind}: the function that it holds is watched, whoever calls it")
    elif function_of(raw) is None and not issubclass(type(raw), type) and not _is_builtin(raw):
        yield Remark(
            "warning",
            f"{target} is a {type(raw).__module__}.{type(raw).__qualname__} without a function of that name in it: who "
            "took it from its module earlier (a worker, a registry) calls it unseen; name the function that it calls",
        )


def _is_builtin(raw: Any) -> bool:
    return any(cls.__qualname__ in ("builtin_function_or_method", "method_descriptor") for cls in mro_of(type(raw)))
