"""Gets rewritten code into imports: what the application's loader would have compiled is rewritten first.

Only the standard loader of source files is concerned, in the one method that gives the code of a module; a loader that
compiles in a way of its own keeps it. Modules, their loaders, specs and files stay what they are.
"""

from __future__ import annotations

import marshal
from functools import cache
from importlib.machinery import SourceFileLoader
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.as_written import rewrote
from isolation_audit.analysis.frames import is_installed, is_of_tests
from isolation_audit.analysis.named_files import content_of
from isolation_audit.instrument.rewrite import listener, sites
from isolation_audit.instrument.rewrite.cache import CodeCache, Rewritten, times_of
from isolation_audit.instrument.rewrite.constants import MARK, filled, places
from isolation_audit.instrument.rewrite.libraries import KEEPING
from isolation_audit.instrument.rewrite.listener import Flag, armed
from isolation_audit.instrument.rewrite.main_script import exchange_functions, when_it_starts
from isolation_audit.instrument.rewrite.making import NotMadeError, make
from isolation_audit.instrument.rewrite.quick import made
from isolation_audit.model.tables import loaded_modules

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from isolation_audit.instrument.barrier import Barrier
    from isolation_audit.instrument.rewrite.cache import Times

_NOBODY_S: Final = frozenset({"isolation_audit", "sitecustomize", "usercustomize"})
"""Ours, and what Python itself begins with: that is there before anybody, and keeps nothing of the application's."""
_NAMED: Final = 5
_LARGEST: Final = 10_000_000
_LATE: Final = "imported before the auditor came, and not rewritten; what is kept there is not watched"
_LEFT: Final = "can't be rewritten; what is kept there is not watched"
_METHODS: Final = ("source_to_code", "get_data", "get_source")


class Loading:
    """Rewrites the modules that are imported from its start to its stop."""

    def __init__(
        self,
        packages: tuple[str, ...],
        barrier: Barrier,
        tell: Callable[[str, str], None] = lambda _what, _why: None,
        *,
        libraries: bool = True,
    ) -> None:
        self._packages = packages
        self._libraries = libraries
        """Rewrite the modules of libraries that keep something for the application."""
        self._barrier = barrier
        self._tell = tell
        """Tells of modules that stay as they are, and why."""
        self._on = False
        self._cache = CodeCache()
        self.rewritten: list[str] = []
        """Names of modules."""

    def start(self) -> None:
        """Rewrite what is imported from now on."""
        self._on = True
        modules = loaded_modules()
        late = sorted(name for name, module in modules if self._is_late(name, getattr(module, "__file__", None)))
        if late:
            more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
            self._tell(f"{', '.join(late[:_NAMED])}{more}", _LATE)
        _hook.put_in(self)
        when_it_starts(self._main)

    def _main(self, code: CodeType) -> None:
        """Rewrite the functions of the program's own file, which starts now."""
        file = code.co_filename
        if not self._on or not self.wants("__main__", file):
            return
        try:
            # Python has read it already, and what comes through a pipe comes once.
            source = content_of(file, _LARGEST)
            if source is None or not exchange_functions(code, self.code(source, file)):
                self._tell("__main__", _LEFT)
                return
        except Exception as error:
            self._barrier.fault("rewriting __main__", error)
            return
        self.rewritten.append("__main__")

    def stop(self) -> None:
        """Rewrite nothing any more."""
        self._on = False
        _hook.take_out(self)

    def _is_late(self, name: str, file: object) -> bool:
        """True for what should have been rewritten; libraries that nobody has named are as they are, without a word."""
        return self.wants(name, file) and not (_is_of(name, KEEPING) and not _is_of(name, self._packages))

    def wants(self, name: str, file: object) -> bool:
        """True for a module that is to be rewritten: the application's own, or one of a package that is named."""
        if type(file) is not str or not file.endswith(".py") or name.partition(".")[0] in _NOBODY_S:
            return False
        if _is_of(name, self._packages) or (self._libraries and _is_of(name, KEEPING)):
            return True
        return not is_installed(file) and not is_of_tests(file)

    def code_of(self, loader: SourceFileLoader, name: str) -> CodeType | None:
        """The rewritten code of a module; None where the original has to do."""
        if not self._on or not _is_standard(type(loader)):
            return None
        try:
            file = loader.get_filename(name)
            if not self.wants(name, file):
                return None
            times = times_of(file)
            kept = None if times is None else self._cache.unchanged(file, times)
            code = self.code(loader.get_data(file), file, times) if kept is None else self._loaded(file, kept)
        except (SyntaxError, OSError, ImportError):
            return None  # the original tells of it
        except (NotMadeError, RecursionError):
            self._tell(name, _LEFT)
            return None
        except Exception as error:
            self._barrier.fault(f"rewriting {name}", error)
            return None
        self.rewritten.append(name)
        return code

    def code(self, source: bytes, file: str, times: Times | None = None) -> CodeType:
        """The rewritten code of a source, whose file had these times before it was read."""
        module, written = self._cache.get(source, file, times), None
        if module is None:
            code, plans, written = make(source, file)
            module = Rewritten(code, *places(code), sites.first_of(source, file), marshal.dumps(plans))
            self._cache.put(source, file, times, module, written)
        return self._loaded(file, module, written)

    def _loaded(self, file: str, module: Rewritten, made_now: bytes | None = None) -> CodeType:
        """The code of a module with its constants; ``made_now`` is what it was before, where that was at hand."""
        sites.add(module.first, file, module.plans)
        cache = self._cache

        def original() -> CodeType | None:
            written = cache.written(file, module.first) or made_now
            return None if written is None else marshal.loads(written)  # noqa: S302 - our own, or of the cache

        rewrote(file, original)
        objects = [_made[text] if text in _made else _constant(text) for text in module.texts]
        return filled(module.code, module.where, objects)


_made: Final[dict[str, Any]] = {}
"""By text: the flags and functions that stand for it in all rewritten code."""


def _constant(text: str) -> Any:
    """The object that a text in rewritten code stands for."""
    constant = _made[text] = _make(text[len(MARK)], text[len(MARK) + 1 :])
    return constant


def _make(kind: str, rest: str) -> Any:
    if kind == "r":
        return made(rest)
    if kind == "a":
        return listener.active
    flag = Flag()
    armed.watch(flag, rest.split("\0"))
    return flag


class _Hook:
    """What takes the place of :meth:`SourceFileLoader.get_code`, for one ``Loading`` at a time."""

    def __init__(self) -> None:
        self._original: Callable[[SourceFileLoader, str], CodeType | None] = SourceFileLoader.get_code
        self._loading: Loading | None = None
        self._own = False
        """True where somebody else had replaced it before."""
        self._put: Any = None

    def put_in(self, loading: Loading) -> None:
        """Ask ``loading`` first."""
        self._loading = loading
        self._original = SourceFileLoader.get_code
        self._own = "get_code" in SourceFileLoader.__dict__
        self._put = self._function()
        SourceFileLoader.get_code = self._put  # type: ignore[method-assign]

    def take_out(self, loading: Loading) -> None:
        """Leave no trace; where somebody else has put a method over ours, ours only asks the original from now on."""
        if self._loading is not loading:
            return
        self._loading = None
        if SourceFileLoader.__dict__.get("get_code") is not self._put:
            return
        if self._own:
            SourceFileLoader.get_code = self._original  # type: ignore[method-assign,assignment]
        else:
            del SourceFileLoader.get_code

    def _function(self) -> Callable[[SourceFileLoader, str], CodeType | None]:
        original = self._original
        hook = self

        def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
            loading = hook._loading
            code = None if loading is None else loading.code_of(self, fullname)
            return original(self, fullname) if code is None else code

        # As one of importlib's own frames it is left out of tracebacks, and not counted by a warning's stacklevel;
        # debuggers pass it over, which go by the name of the module.
        code = get_code.__code__.replace(co_filename="<frozen importlib._bootstrap_external>")
        own = {"__name__": "importlib._bootstrap_external", "__builtins__": __builtins__}
        return FunctionType(code, own, "get_code", None, get_code.__closure__)


_hook: Final = _Hook()


def _is_of(name: str, packages: tuple[str, ...]) -> bool:
    return name in packages or name.startswith(_prefixes(packages))


@cache
def _prefixes(packages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([f"{one}." for one in packages])


def _is_standard(kind: type) -> bool:
    """True for the loader of source files, and for others that only add to it."""
    return all(getattr(kind, name) is getattr(SourceFileLoader, name) for name in _METHODS)
