"""Which file a dotted module name means, and which name a file has, as far as the tree tells."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.source.scan.walk import File

_SUFFIXES = (".py", ".pyi", ".pyw")


class Modules:
    """Looks modules up in the files of a tree. ``roots`` are folders on ``sys.path``, most telling first."""

    def __init__(self, files: Iterable[File], roots: Iterable[str]) -> None:
        self._files = {file.path.replace("\\", "/"): file for file in files if file.is_python}
        folders = {path: posixpath.dirname(path) for path in self._files}
        self._folders: set[str] = set()
        self._packages = {
            posixpath.dirname(path) for path in self._files if path.endswith(("/__init__.py", "/__init__.pyi"))
        }
        self._roots = [root.replace("\\", "/").rstrip("/") for root in roots]
        self._tops: dict[str, set[str]] = {}
        self._names: dict[str, str] = {}
        for folder in set(folders.values()):
            above = folder
            while above not in self._folders:
                self._folders.add(above)
                above = posixpath.dirname(above)
        tops = {folder: self._top(folder) for folder in set(folders.values())}
        for path, folder in folders.items():
            root = tops[folder]
            first = path[len(root) + 1 :].partition("/")[0].partition(".")[0]
            self._tops.setdefault(first, set()).add(root)

    def _top(self, folder: str) -> str:
        """The folder above the outermost package that ``folder`` is or is in; itself, where it is none."""
        while folder in self._packages and folder != "/":
            folder = posixpath.dirname(folder)
        return folder

    def find(self, name: str) -> list[str]:
        """Paths of the files that ``import name`` may mean; none where it is not in the tree."""
        if not name:
            return []
        inside = name.replace(".", "/")
        roots = dict.fromkeys([*self._roots, *sorted(self._tops.get(name.partition(".")[0], ()))])
        return [path for root in roots for path in self._at(f"{root}/{inside}")]

    def _at(self, stem: str) -> list[str]:
        # A package wins over a module of the same name, and code over its stub.
        for place in (f"{stem}/__init__", stem):
            found = [place + suffix for suffix in _SUFFIXES if place + suffix in self._files]
            if found:
                return found[:1]
        return []

    def is_folder(self, name: str) -> bool:
        """Whether ``name`` is a package without an ``__init__`` file."""
        inside = name.replace(".", "/")
        roots = [*self._roots, *self._tops.get(name.partition(".")[0], ())]
        return any(f"{root}/{inside}" in self._folders for root in roots)

    def name(self, path: str) -> str:
        """The dotted name of a file: from the folder above its outermost package, or from the nearest root."""
        path = path.replace("\\", "/")
        if path not in self._names:
            folder = posixpath.dirname(path)
            top = self._top(folder)
            if top == folder:  # in no package: perhaps a namespace below a root
                above = [root for root in self._roots if path.startswith(root + "/")]
                top = max(above, key=len, default=top)
            inside = path[len(top) + 1 :].rpartition(".")[0].replace("/", ".")
            self._names[path] = inside.removesuffix(".__init__")
        return self._names[path]

    def package(self, path: str) -> str:
        """The package in which a file's relative imports start."""
        name = self.name(path)
        return name if posixpath.basename(path).startswith("__init__.") else name.rpartition(".")[0]

    def absolute(self, module: str, path: str) -> str:
        """``module`` as the file at ``path`` means it, without the dots of a relative import in front."""
        if not module.startswith("."):
            return module
        rest = module.lstrip(".")
        package = [part for part in self.package(path).split(".") if part]
        level = len(module) - len(rest) - 1
        if level > len(package):
            return f"?{rest}"  # beyond the top: it means nothing
        base = ".".join(package[: len(package) - level])
        return ".".join(part for part in (base, rest) if part)
