"""Connections that the process accepts, by who serves them: so that a server which nobody knows is seen to be one."""

from __future__ import annotations

import sys
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.variables import variables_of
from isolation_audit.instrument.calls.interceptors import OfReceiver
from isolation_audit.instrument.work.sightings import Sightings
from isolation_audit.integrations import Point
from isolation_audit.integrations.building_blocks.byte_connections import is_the_applications

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from isolation_audit.instrument.reading.layout import Layout
    from isolation_audit.instrument.runtime import Runtime

ACCEPT: Final = "socket:socket.accept"

_CARRIERS: Final = frozenset(sys.stdlib_module_names) | {"trio", "anyio", "curio", "uvloop", "isolation_audit"}
"""Packages that accept connections on somebody else's behalf."""
_OWN_BUSINESS: Final = frozenset(
    ("multiprocessing", "isolation_audit", "debugpy", "pydevd", "_pydevd_bundle", "execnet", "ipykernel", "logging")
)
"""What listens for tools and for a program's own processes, not for users."""
_OURS: Final = frozenset(("isolation_audit", "socket"))
"""What is between the code that accepts and this point."""
_HANDED: Final = ("protocol_factory", "handler", "client_connected_cb", "callback", "server_class", "self")
"""What carriers call whatever they were handed to serve with, in the functions that accept or call what accepts."""
_FRAMES: Final = 40
_CELLS: Final = 8


class Listening:
    """The integration."""

    distribution = ""
    since = ""

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The method that all servers written in Python accept with."""
        yield Point(ACCEPT, partial(AcceptPoint, runtime))


class AcceptPoint(OfReceiver):
    """Around ``accept`` of a listening socket."""

    place = ACCEPT

    def __init__(self, runtime: Runtime, layout: Layout) -> None:
        super().__init__(layout)
        self._sightings = runtime.part(Sightings)
        self._listeners = self._sightings.of_socket

    def after(self, socket: Any, result: Any) -> None:
        """Count the connection; who serves this socket is found out once."""
        listener = self._listeners.get(socket)
        if listener is None:
            packages = serving_packages(sys._getframe(1))  # noqa: SLF001
            listener = self._sightings.listening(socket, f"{_named(packages)} on {_address(socket)}", packages)
            listener.by_hand = is_the_applications(_caller(sys._getframe(1)))  # noqa: SLF001
        if _OWN_BUSINESS.isdisjoint(listener.packages):
            listener.accepted += 1
        if listener.by_hand:
            for tell in self._sightings.accepted_by_hand:
                tell(result[0])


def _caller(frame: FrameType | None) -> CodeType | None:
    """The code that has called ``accept``."""
    while frame is not None and _top(frame.f_globals.get("__name__")) in _OURS:
        frame = frame.f_back
    return None if frame is None else frame.f_code


def _named(packages: tuple[str, ...]) -> str:
    name = packages[0] if packages else "something"
    return "the program itself" if name == "__main__" else name


def _address(socket: Any) -> str:
    address = socket.getsockname()
    return f"port {address[1]}" if type(address) is tuple and len(address) > 1 else str(address or "a pipe")


def serving_packages(frame: FrameType | None) -> tuple[str, ...]:
    """The packages that have to do with serving the connections which the function of ``frame`` accepts.

    The first one names the server: the innermost that only accepts for itself, or what a carrier was handed.
    """
    found: dict[str, None] = {}
    for _ in range(_FRAMES):
        if frame is None:
            break
        package = _top(frame.f_globals.get("__name__"))
        if package in _OWN_BUSINESS and package != "isolation_audit":
            return (package,)
        if package not in _CARRIERS:
            found[package] = None
            break
        for name in () if package in _OURS else _HANDED:
            if name in frame.f_code.co_varnames or name in frame.f_code.co_freevars:
                for handed in _behind(variables_of(frame).get(name), _CELLS):
                    found[handed] = None
        frame = frame.f_back
    named = [package for package in found if package not in _CARRIERS]
    return (*named, *(package for package in found if package in _CARRIERS))


def _behind(handed: Any, depth: int) -> Iterator[str]:
    """The packages of a function, a method's object, a partial, a class or an object, and of what a closure holds."""
    if depth == 0:
        return
    if type(handed) is partial:
        yield from _behind(handed.func, depth - 1)
    elif type(handed) is MethodType:
        yield from _behind(handed.__self__, depth - 1)
    elif type(handed) is FunctionType:
        package = _top(handed.__module__)
        for cell in handed.__closure__ or () if package in _CARRIERS else ():
            held = _content(cell)
            if type(held) is FunctionType or type(held) is MethodType or type(held) is partial:
                yield from _behind(held, depth - 1)
        yield package
    elif handed is not None:
        # What socketserver's servers are given to serve with.
        handler = _stored(handed, "RequestHandlerClass")
        if isinstance(handler, type):
            yield from _behind(handler, depth - 1)
        cls = handed if isinstance(handed, type) else type(handed)
        yield from (_top(base.__module__) for base in type.mro(cls) if base is not object)


def _stored(obj: Any, name: str) -> Any:
    """An attribute as the object itself holds it: what stands in for another object is not asked for that one."""
    try:
        return object.__getattribute__(obj, "__dict__").get(name)
    except (AttributeError, TypeError):
        return None


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _top(module: Any) -> str:
    return module.partition(".")[0] if type(module) is str else ""


integration = Listening()
