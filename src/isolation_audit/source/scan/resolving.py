"""Follows paths across files to where a thing is defined: through re-exports, aliases, stars and packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.config.model import Target
    from isolation_audit.source.scan.facts import Facts
    from isolation_audit.source.scan.modules import Modules

_DEEPEST = 60


class Resolver:
    """``facts`` are those of the files parsed so far; a file without facts defines whatever is asked of it itself."""

    def __init__(self, modules: Modules, facts: dict[str, Facts], known: Iterable[Target]) -> None:
        self._modules = modules
        self._facts = facts
        self._exports = {path: dict(found.exports) for path, found in facts.items()}
        self._known = {target.module for target in known}
        """Modules that are configured, in the tree or not."""
        self._outside: dict[str, set[str]] = {}
        for target in known:
            if target.qualname:
                self._outside.setdefault(target.module, set()).add(target.qualname.partition(".")[0])
        self._memory: dict[tuple[str, str], frozenset[str]] = {}
        self.unknown: set[tuple[str, str]] = set()
        """Files, and names of theirs whose attributes were asked for: nobody has looked at what these names mean."""

    def resolve(self, path: str, file: str) -> frozenset[str]:
        """The dotted names of everything that ``path``, as written in ``file``, may mean."""
        return self._resolve(path, file, 0)

    def exported(self, module: str, file: str) -> dict[str, frozenset[str]]:
        """What ``from module import *`` gives to ``file``: names, and what they mean."""
        found: dict[str, frozenset[str]] = {}
        self._star(self._modules.absolute(module, file), found, set())
        return found

    def is_module(self, name: str) -> bool:
        """Whether the tree or the configuration has a module, or a folder of modules, of this name."""
        return (
            bool(self._modules.find(name))
            or self._modules.is_folder(name)
            or any(known == name or known.startswith(name + ".") for known in self._known)
        )

    def _resolve(self, path: str, file: str, depth: int) -> frozenset[str]:
        if depth > _DEEPEST:
            return frozenset()
        if path.startswith('"'):
            first, _, rest = path[1:].replace(":", ".").partition(".")
            return self._attribute(first, rest, depth)
        module, _, rest = path.partition(":")
        if not module:
            if self._is_hidden(rest.partition(".")[0], file):
                return frozenset([f"{self._modules.name(file)}.{rest}"])
            return self._of_file(file, rest, depth)
        return self._attribute(self._modules.absolute(module, file), rest, depth)

    def _is_hidden(self, name: str, file: str) -> bool:
        """Whether a class or function of the file's own is not what others get by its name: something took it over."""
        paths = self._exports.get(file, {}).get(name, ())
        return bool(paths) and f":{name}" not in paths

    def _attribute(self, module: str, rest: str, depth: int) -> frozenset[str]:
        key = (module, rest)
        if key not in self._memory:
            self._memory[key] = frozenset()  # a circle of imports ends here
            self._memory[key] = self._look_up(module, rest, depth)
        return self._memory[key]

    def _look_up(self, module: str, rest: str, depth: int) -> frozenset[str]:
        files = self._modules.find(module)
        if not files:
            if rest:
                first, _, more = rest.partition(".")
                if self.is_module(f"{module}.{first}"):
                    return self._attribute(f"{module}.{first}", more, depth + 1)
            return frozenset([f"{module}.{rest}" if rest else module])
        return frozenset().union(*[self._of_file(file, rest, depth) for file in files])

    def _of_file(self, file: str, rest: str, depth: int) -> frozenset[str]:
        name = self._modules.name(file)
        if not rest:
            return frozenset([name])
        exports = self._exports.get(file, {})
        parts = rest.split(".")
        for length in range(len(parts), 0, -1):
            key = ".".join(parts[:length])
            if key in exports:
                more = parts[length:]
                paths = exports[key]
                own = {f"{name}.{rest}"} if not paths or f":{key}" in paths else set()
                for path in paths:
                    if path != f":{key}":
                        joined = ".".join([path, *more]).replace(":.", ":")
                        own |= self._resolve(joined, file, depth + 1)
                return frozenset(own)
        if self._is_submodule(f"{name}.{parts[0]}", file):
            return self._attribute(f"{name}.{parts[0]}", ".".join(parts[1:]), depth + 1)
        for star in self._facts[file].stars if file in self._facts else ():
            found: dict[str, frozenset[str]] = {}
            self._star(self._modules.absolute(star, file), found, {file})
            if parts[0] in found:
                return self._attribute(self._modules.absolute(star, file), rest, depth + 1)
        if len(parts) > 1:
            self.unknown.add((file, parts[0]))
        return frozenset([f"{name}.{rest}"])

    def _is_submodule(self, name: str, file: str) -> bool:
        return file.rpartition("/")[2].startswith("__init__.") and self.is_module(name)

    def _star(self, module: str, found: dict[str, frozenset[str]], seen: set[str]) -> None:
        for file in self._modules.find(module):
            if file in seen or file not in self._facts:
                continue
            seen.add(file)
            facts = self._facts[file]
            public = facts.exported
            for name in self._exports[file]:
                if "." not in name and (name in public if public is not None else not name.startswith("_")):
                    found.setdefault(name, self._of_file(file, name, 0))
            inner: dict[str, frozenset[str]] = {}
            for star in facts.stars:
                self._star(self._modules.absolute(star, file), inner, seen)
            for name, meanings in inner.items():
                if public is None or name in public:
                    found.setdefault(name, meanings)
        if not self._modules.find(module):  # outside the tree, what is configured is there
            for name in self._outside.get(module, ()):
                found.setdefault(name, frozenset([f"{module}.{name}"]))
