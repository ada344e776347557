"""What the application's modules hold at this moment, beside the data that they are written with.

Nothing of the application runs: objects are followed by what the garbage collector sees of them.
"""

from __future__ import annotations

import gc
import sys
from threading import local
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_beside_tests, is_installed
from isolation_audit.model.tables import loaded_modules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_LARGEST: Final = 30_000
"""Objects that are looked at."""

_SEEN_WHOLE: Final = frozenset(
    map(
        id,
        (
            int,
            float,
            bool,
            complex,
            type(None),
            ModuleType,
            CodeType,
            FrameType,
            BuiltinFunctionType,
            str,
            bytes,
            bytearray,
        ),
    )
)
_OURS: Final = "isolation_audit"


def is_held(written: Callable[[str], frozenset[str]], names: Callable[[Iterable[str]], bool]) -> bool:
    """True where a global of the application leads to a text that ``names`` knows, or to more than is looked at.

    ``written`` gives the globals of a file that are written with such a text: those are passed over.
    """
    found: list[str] = []
    for text in _texts(_globals(written)):
        if text is None:
            return True
        found.append(text)
    return names(found)


def application_modules() -> list[ModuleType]:
    """The modules of the application that are loaded."""
    return [
        module
        for name, module in loaded_modules()
        if (file := _file_of(module)) and not is_beside_tests(file) and not _is_ours(name)
    ]


def _globals(written: Callable[[str], frozenset[str]]) -> Iterator[Any]:
    for module in application_modules():
        passed_over = written(_file_of(module))
        for key, value in list(vars(module).items()):
            if key not in passed_over and not key.startswith("__"):
                yield value


def _texts(roots: Iterable[Any]) -> Iterator[str | None]:
    """The texts that some objects lead to; None where there is too much."""
    waiting, seen = list(roots), set[int]()
    held = []
    for value in waiting:
        kind = type(value)
        if kind is str:
            yield value
        elif kind is bytes or kind is bytearray:
            yield bytes(value).decode("utf-8", "replace")
        if id(kind) in _SEEN_WHOLE or id(value) in seen:
            continue
        if len(seen) >= _LARGEST:
            yield None
            return
        seen.add(id(value))
        held.append(value)  # its id is its own as long as it lives
        waiting += _inside(value, kind)


def _inside(value: Any, kind: type) -> Iterable[Any]:
    if kind is FunctionType:
        if _is_ours(value.__module__):
            return [value.__dict__.get("__wrapped__")]
        return [value.__closure__, value.__defaults__, value.__kwdefaults__, value.__dict__]
    if kind is MethodType:
        return [value.__self__, value.__func__]
    if kind is local:
        return [value.__dict__]
    if _is_ours(type.__getattribute__(kind, "__module__")):
        return ()
    if issubclass(kind, type):
        module = sys.modules.get(type.__getattribute__(value, "__module__"))
        return [*type.__getattribute__(value, "__dict__").values()] if _file_of(module) else ()
    if kind is dict and "__builtins__" in value:
        return ()
    return gc.get_referents(value)


def is_of_the_application(kind: type) -> bool:
    """True for a class that one of the application's modules has defined."""
    module = sys.modules.get(type.__getattribute__(kind, "__module__"))
    return bool(_file_of(module))


def _file_of(module: object) -> str:
    """The file of a module of the application; nothing of what is installed."""
    file = vars(module).get("__file__") if type(module) is ModuleType else None
    return file if type(file) is str and not is_installed(file) else ""


def _is_ours(module: object) -> bool:
    return type(module) is str and module.partition(".")[0] == _OURS
