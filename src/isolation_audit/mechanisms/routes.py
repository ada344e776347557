"""Routes: which of the application's views answers the running request, at which template of a path.

Frameworks know it once they have routed a request; a server that sends the answer has no frame of the view's any more.
A view is a function, a class with a method for each method of HTTP, or any object that can be called.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed
from isolation_audit.identity.scopes import request_variable
from isolation_audit.instrument.resolve import dict_of, find, function_of, mro_of
from isolation_audit.instrument.stacks import frame_at

if TYPE_CHECKING:
    from isolation_audit.findings import Frame
    from isolation_audit.identity.requests import Request

_DECORATORS: Final = 32
_CLASSES: Final = ("view_class", "cls")
"""What frameworks call the class behind the function that they have made of it: Django, Flask; REST framework."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a request: ``route`` is the template of its path, ``method`` that of HTTP, ``view`` the object."""

    route: str | None = None
    method: str | None = None
    view: Any = None

    def frame(self) -> Frame | None:
        """The place of the view; None where that is not plain Python."""
        cls = _class_of(self.view)
        return _function_frame(self.view) if cls is None else _class_frame(cls, _handler(self.view, self.method))

    def code(self) -> CodeType | None:
        """The code that answers; None where that is not plain Python."""
        cls = _class_of(self.view)
        if cls is None:
            return code_of(self.view)
        name = _handler(self.view, self.method)
        return None if name is None else code_of(find(cls, name)[1])


def current_endpoint() -> Endpoint | None:
    """What answers the running request; None outside of requests, and before the request was routed."""
    request: Request | None = request_variable.get()
    return None if request is None else request.endpoint()


def code_of(made_by: Any) -> CodeType | None:
    """The code of a function, a method, or an object that can be called; None where that is not plain Python.

    What a decorator wraps (``functools.wraps``) counts, not its wrapper.
    """
    if type(made_by) is CodeType:
        return made_by
    for _ in range(_DECORATORS):
        if type(made_by) is not partial:
            break
        made_by = made_by.func
    function = function_of(made_by.__func__ if type(made_by) is MethodType else made_by)
    if function is None:
        calls = (vars(cls)["__call__"] for cls in mro_of(type(made_by)) if "__call__" in vars(cls))
        function = next(map(function_of, calls), None)
    for _ in range(_DECORATORS):
        below = None if function is None else function_of(vars(function).get("__wrapped__"))
        if below is None:
            break
        function = below
    return None if function is None else function.__code__


def _class_of(view: Any) -> type | None:
    """The class of a view that is one, or that a function stands for; past what instances make of attributes."""
    if issubclass(type(view), type):
        return view  # type: ignore[no-any-return]
    fields = vars(view) if type(view) is FunctionType else {}
    return next((cls for name in _CLASSES if issubclass(type(cls := fields.get(name)), type)), None)


def _handler(view: Any, method: str | None) -> str | None:
    """The name of the method that answers; REST framework's sets of views say which."""
    if method is None:
        return None
    actions = vars(view).get("actions") if type(view) is FunctionType else None
    named = actions.get(method.lower()) if type(actions) is dict else None
    return named if type(named) is str else method.lower()


def _function_frame(view: Any) -> Frame | None:
    code = code_of(view)
    return None if code is None else frame_at(code.co_filename, code.co_firstlineno, code.co_qualname)


def _class_frame(cls: type, name: str | None) -> Frame | None:
    """The class's method; where a library's class has it, as with generic views, the class itself is what is shown."""
    qualname = type.__dict__["__qualname__"].__get__(cls)
    code = code_of(find(cls, name)[1]) if name is not None and find(cls, name)[0] is not None else None
    called = qualname if code is None else f"{qualname}.{name}"
    if code is not None and not is_installed(code.co_filename):
        return frame_at(code.co_filename, code.co_firstlineno, called)
    module = sys.modules.get(str(dict_of(cls).get("__module__")))
    file = None if module is None else vars(module).get("__file__")
    functions = (function_of(value) for value in dict_of(cls).values())
    lines = [one.__code__.co_firstlineno for one in functions if one is not None and one.__code__.co_filename == file]
    return frame_at(file, min(lines, default=1), called) if type(file) is str else None
