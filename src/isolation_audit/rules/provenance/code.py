"""Names that stand in the application's code and templates: they are nobody's data, and come from no unit of work.

The files are read as text, once, and only when a finding depends on it. Nothing is parsed.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.as_written import as_written
from isolation_audit.analysis.frames import is_beside_tests, is_installed
from isolation_audit.analysis.named_files import text_of
from isolation_audit.analysis.patterns import pattern
from isolation_audit.instrument.resolve import dict_of, function_of
from isolation_audit.model.tables import loaded_modules

if TYPE_CHECKING:
    from collections.abc import Callable

_FILES: Final = 3_000
_LARGEST: Final = 500_000
_TEMPLATES: Final = frozenset({".html", ".htm", ".txt", ".xml", ".jinja", ".jinja2", ".j2", ".mako"})
_ALL_TEMPLATES: Final = 2_000_000
"""Characters of templates that are read."""

_DEPTH: Final = 4
_assignment: Final = pattern(
    r"^[A-Za-z_][\w, ]*(?::[^=\n]+)?=\s*(?=[\[{(\"'brf]|dict\(|list\(|set\()(?:.*\n(?:(?:[ \t)\]}].*)?\n)*)",
    re.MULTILINE,
)
"""Statements that give a module's name some data, up to the next line that begins at the margin."""


_words: Final = pattern(r"[A-Za-z_]\w*")


class FunctionTexts:
    """The texts with which the functions of the application's modules are written: what they say to anybody."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._left = _ALL_TEMPLATES

    def without(self, name: str) -> str:
        """Those of all functions that don't have this name in them, as one that fills a table for tests has."""
        for module_name, module in loaded_modules():
            if module_name not in self._texts:
                own = module_name.partition(".")[0] == "isolation_audit"
                file = getattr(module, "__file__", None)
                asked = not own and type(file) is str and not is_installed(file) and not is_beside_tests(file)
                self._texts[module_name] = self._read(module) if asked else []
        name = name.casefold()
        return "\0".join(text for texts in self._texts.values() for text in texts if name not in text.casefold())

    def _read(self, module: ModuleType) -> list[str]:
        found = []
        for one in list(vars(module).values()):
            # By types, and by the dicts of classes: a proxy or a lazy object would be asked for what is behind it.
            fields = dict_of(one) if issubclass(type(one), type) else {}
            members = fields.values() if fields.get("__module__") == module.__name__ else (one,)
            for member in list(members):
                function = function_of(member)
                if function is not None and function.__module__ == module.__name__ and self._left > 0:
                    text = "\0".join(constants(function.__code__))[: self._left]
                    self._left -= len(text)
                    found.append(text)
        return found


def function_texts(_runtime: object) -> FunctionTexts:
    """Those of an audit: use it with ``runtime.part``."""
    return FunctionTexts()


def static_texts(_runtime: object) -> StaticTexts:
    """Those of an audit: use it with ``runtime.part``."""
    return StaticTexts()


class StaticTexts:
    """The data that modules of the application are written with, and the templates beside them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._folders: set[Path] = set()
        self._of_templates: list[str] = []
        self._files = 0
        """Modules that have such data; those of libraries and of the standard library have none."""
        self._left = _ALL_TEMPLATES

    def all(self) -> str:
        """The text of such statements in every module of the application that is loaded, and of its templates.

        Templates of installed packages count as well: an application may be one.
        """
        for name, module in loaded_modules():
            if name not in self._texts and self._files < _FILES:
                own = name.partition(".")[0] == "isolation_audit"
                file = getattr(module, "__file__", None)
                text = "" if own or type(file) is not str else _data(file) + self._templates(file)
                self._texts[name] = text
                self._files += bool(text)
        return "\0".join(filter(None, self._texts.values()))

    def templates(self) -> str:
        """The text of the templates alone."""
        self.all()
        return "\0".join(self._of_templates)

    def without(self, name: str) -> str:
        """Those of all statements that don't have this name in them, as the records of a user have."""
        name = name.casefold()
        return "\0".join(one for one in self.all().split("\0") if name not in one.casefold())

    def globals_with(self, file: str, names: Callable[[list[str]], bool]) -> frozenset[str]:
        """The globals of a file whose statements have a text that ``names`` knows, or are made of such globals."""
        found: set[str] = set()
        for statement in _statements(file):
            name, *words = _words.findall(statement)
            if names([statement]) or not found.isdisjoint(words):
                found.add(name)
        return frozenset(found)

    def _templates(self, file: str) -> str:
        folder = Path(file).parent / "templates"
        if folder in self._folders or not folder.is_dir():
            return ""
        self._folders.add(folder)
        read = []
        for path in folder.rglob("*"):
            if self._left > 0 and path.suffix in _TEMPLATES:
                read.append(text_of(str(path), _LARGEST)[: self._left])
                self._left -= len(read[-1])
        self._of_templates += read
        return "\0".join(["", *read])


def constants(code: CodeType | None, depth: int = _DEPTH) -> list[str]:
    """The texts that a function and those inside it are written with."""
    if code is None or not depth:
        return []
    found: list[str] = []
    waiting = list(as_written(code).co_consts)
    while waiting:
        value = waiting.pop()
        if type(value) is str:
            found.append(value)
        elif type(value) is tuple or type(value) is frozenset:
            waiting += value
        elif type(value) is CodeType:
            found += constants(value, depth - 1)
    return found


def _data(file: str) -> str:
    return "\0".join(_statements(file))


def _statements(file: str) -> list[str]:
    if not file.endswith(".py") or is_installed(file) or is_beside_tests(file):
        return []
    return _assignment.findall(text_of(file, _LARGEST))
