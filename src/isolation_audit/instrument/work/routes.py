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
from isolation_audit.instrument.resolve import dict_of, find, function_of, mro_of
from isolation_audit.instrument.stacks import frame_at
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.model.findings import Frame

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
        place = None if cls is None else _class_frame(cls, _handler(self.view, self.method))
        if place is not None and not is_installed(place.file):
            return place
        # A library's class, which the application may have wrapped.
        around = _function_frame(self.view)
        shown = around if cls is None or (around is not None and not is_installed(around.file)) else place
        if shown is None or is_installed(shown.file):
            # A library's method on an object of the application's class, as the pages of Django's admin are.
            return next(_own_classes(self.view), shown)
        return shown

    def code(self) -> CodeType | None:
        """The code that answers; None where that is not plain Python."""
        cls = _class_of(self.view)
        if cls is None:
            return code_of(self.view)
        name = _handler(self.view, self.method)
        return None if name is None else code_of(find(cls, name)[1])


def current_endpoint() -> Endpoint | None:
    """What answers the running request; None outside of requests, and before the request was routed."""
    request = current_unit().request
    return None if request is None else request.endpoint()


def code_of(made_by: Any) -> CodeType | None:
    """The code of a function, a method, or an object that can be called; None where that is not plain Python.

    What a decorator wraps (``functools.wraps``) counts, not its wrapper; unless the wrapper is the application's and
    what it wraps is not, as where an application changes a library's view from outside.
    """
    if type(made_by) is CodeType:
        return made_by
    codes = [layer.__code__ for layer in _layers(made_by) if type(layer) is FunctionType]
    own = [code for code in codes if not is_installed(code.co_filename)]
    return next(reversed(own or codes), None)


def _layers(view: Any) -> Iterator[Any]:
    """The view, and what each of its decorators has wrapped, from the outside to the inside.

    Decorators are functions, partials, methods of what they belong to (as those of an admin's site), or objects.
    """
    for _ in range(_DECORATORS):
        if type(view) is partial:
            yield view
            view = view.func
            continue
        function = function_of(view.__func__ if type(view) is MethodType else view)
        if function is None:
            yield view
            calls = (vars(cls)["__call__"] for cls in mro_of(type(view)) if "__call__" in vars(cls))
            function = None if issubclass(type(view), type) else next(map(function_of, calls), None)
            inner = _wrapped_by(view)
            if inner is not None:
                if function is not None:
                    yield function
                view = inner
                continue
        if function is None:
            return
        yield function
        if "__wrapped__" not in vars(function):
            return
        view = vars(function)["__wrapped__"]


def _wrapped_by(view: Any) -> Any:
    """What an object has wrapped that is a decorator itself, and was made to look like it by ``update_wrapper``."""
    try:
        fields = object.__getattribute__(view, "__dict__")
    except (AttributeError, TypeError):
        return None
    return fields.get("__wrapped__") if type(fields) is dict else None


def _class_of(view: Any) -> type | None:
    """The class of a view that is one, or that a function stands for; past what instances make of attributes."""
    for layer in _layers(view):
        if issubclass(type(layer), type):
            return layer  # type: ignore[no-any-return]
        fields = vars(layer) if type(layer) is FunctionType else {}
        for name in _CLASSES:
            if issubclass(type(cls := fields.get(name)), type):
                return cls
    return None


def _handler(view: Any, method: str | None) -> str | None:
    """The name of the method that answers; REST framework's sets of views say which."""
    if method is None:
        return None
    functions = (layer for layer in _layers(view) if type(layer) is FunctionType)
    actions = next((vars(one)["actions"] for one in functions if "actions" in vars(one)), None)
    named = actions.get(method.lower()) if type(actions) is dict else None
    return named if type(named) is str else method.lower()


def _own_classes(view: Any) -> Iterator[Frame]:
    """The application's classes whose instances' methods are the view, or are wrapped by it."""
    for _ in range(_DECORATORS):
        if type(view) is MethodType:
            place = _class_frame(type(view.__self__), view.__func__.__name__)
            if place is not None and not is_installed(place.file):
                yield place
        function = function_of(view.__func__ if type(view) is MethodType else view)
        if function is None or "__wrapped__" not in vars(function):
            return
        view = vars(function)["__wrapped__"]


def _function_frame(view: Any) -> Frame | None:
    code = code_of(view)
    return None if code is None else frame_at(code.co_filename, code.co_firstlineno, code.co_qualname)


def _class_frame(cls: type, name: str | None) -> Frame | None:
    """The class's method; where a library's class has it, as with generic views, the class itself is what is shown.

    A class that a library has made of a function, as REST framework's ``api_view`` does, is shown as that function.
    """
    qualname = type.__dict__["__qualname__"].__get__(cls)
    raw = None if name is None else find(cls, name)[1]
    code = None if raw is None else code_of(raw)
    called = qualname if code is None else f"{qualname}.{name}"
    if code is not None and not is_installed(code.co_filename):
        return frame_at(code.co_filename, code.co_firstlineno, called)
    module = sys.modules.get(str(dict_of(cls).get("__module__")))
    file = None if module is None else vars(module).get("__file__")
    if type(file) is not str:
        return None
    for around in _kept_by(function_of(raw)):
        if around.co_filename == file:
            return frame_at(file, around.co_firstlineno, around.co_qualname)
    functions = (function_of(value) for value in dict_of(cls).values())
    lines = [one.__code__.co_firstlineno for one in functions if one is not None and one.__code__.co_filename == file]
    return frame_at(file, min(lines, default=1), called)


def _kept_by(function: FunctionType | None) -> Iterator[CodeType]:
    """The code of the functions that a function's closure holds."""
    for cell in () if function is None else function.__closure__ or ():
        try:
            code = code_of(cell.cell_contents)
        except ValueError:  # empty
            continue
        if code is not None:
            yield code
