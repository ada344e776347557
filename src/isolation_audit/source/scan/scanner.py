"""One scan: rounds of looking, parsing and resolving until nothing new leads to what is deprecated."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from isolation_audit.config import FILE_NAME
from isolation_audit.source.scan.deprecated import Deprecated
from isolation_audit.source.scan.facts import Facts
from isolation_audit.source.scan.globs import matches
from isolation_audit.source.scan.importing import Importing, Imports
from isolation_audit.source.scan.lexical import Words
from isolation_audit.source.scan.modules import Modules
from isolation_audit.source.scan.names import Naming
from isolation_audit.source.scan.reading import (
    Looking,
    Parsing,
    Readers,
    collecting_rarely,
    contents,
    processes,
)
from isolation_audit.source.scan.renaming import may_rename
from isolation_audit.source.scan.resolving import Resolver
from isolation_audit.source.scan.source import Source, base_folder
from isolation_audit.source.scan.walk import Tree
from isolation_audit.source.scan.wanted_names import homes, wanted_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.config.model import Config
    from isolation_audit.source.scan.cache import Cache
    from isolation_audit.source.scan.lexical import Mention
    from isolation_audit.source.scan.walk import File

PARSE_ALL = 2_000
"""Up to so many files, all of them are parsed, to tell which do not parse."""

LARGEST_TEXT = 16 * 1024 * 1024
"""Bytes of a file that is looked at for conflict markers only."""

_ROUNDS = 30


def read_source(
    config: Config,
    paths: Iterable[Path],
    cache: Cache,
    *,
    parse: str = "auto",
    jobs: int | None = None,
    overlay: Mapping[str, bytes] | None = None,
    names: bool = True,
) -> Source:
    """Read a tree as far as is needed to resolve everything in it that leads to something deprecated.

    ``parse`` is ``all``, ``mentions`` (only files that mention something deprecated), or ``auto``: all in small trees.
    ``overlay`` holds contents that stand for those of files, to see what a change would mean. ``names`` says whether
    names that several things have are of interest.

    Raises:
        UsageError: one of the paths is not there.
    """
    began = time.perf_counter()
    tree = Tree(paths, base_folder(config), config.scan.exclude)
    ours = str(config.source)
    # To see what a change would mean, only what refers to something is of interest.
    largest = LARGEST_TEXT if overlay is None else -1
    files = {
        file.path: file
        for file in tree.files
        if (file.is_telling or file.size <= largest) and file.path != ours and not file.path.endswith(f"/{FILE_NAME}")
    }
    roots = [str(root) for root in config.scan.roots] or _guessed_roots(tree)
    modules = Modules(files.values(), roots)
    deprecated = Deprecated(config)
    for file in files.values():
        entry = next((entry for entry in config.deprecations if entry.files and matches(file.shown, entry.files)), None)
        if entry is not None and file.is_python:
            deprecated.old_modules.setdefault(modules.name(file.path), entry)
    parse_all = parse == "all" or (parse == "auto" and sum(file.is_python for file in files.values()) <= PARSE_ALL)
    source = Source(
        config, tree, modules, deprecated, Resolver(modules, {}, deprecated.targets), files, parsed_all=parse_all
    )
    readers = Readers(jobs or processes())
    try:
        with collecting_rarely():
            _Rounds(source, cache, readers, overlay or {}).run(names=names)
    finally:
        readers.close()
    source.seconds = time.perf_counter() - began
    return source


def _guessed_roots(tree: Tree) -> list[str]:
    folders = [start if Path(start).is_dir() else str(Path(start).parent) for start in [*tree.starts, tree.base]]
    return list(dict.fromkeys(place for folder in folders for place in (folder + "/src", folder)))


class _Rounds:
    """Reads until the words and the files that matter are all known."""

    def __init__(self, source: Source, cache: Cache, readers: Readers, overlay: Mapping[str, bytes]) -> None:
        self._overlay = overlay
        self._source = source
        self._cache = cache
        self._readers = readers
        self._words = source.deprecated.words(cache.words)
        self._asked: set[tuple[str, str]] = set()
        self._given: dict[str, set[str]] = {}
        self._texts: dict[str, bytes] = {}
        """Packages that others lie in."""

    def run(self, *, names: bool) -> None:
        source = self._source
        self._look()
        for _ in range(_ROUNDS):
            while self._parse(self._wanted()) or self._follow_modules():
                self._resolve()
            more = self._new_names()
            if not more:
                break
            # Something deprecated has a further name. Files that use only that have not been looked at.
            self._words = source.deprecated.words([*self._words.names, *more])
            self._look_again(Words(frozenset(more), frozenset()))
        if names:
            self._name()
        self._cache.keep(self._words, source)

    def _name(self) -> None:
        """Read who has, gives and imports names that several things may have."""
        source = self._source
        configured = tuple(sorted(homes(source.config)))
        files = [file for file in source.files.values() if file.is_python]
        source.names, unknown = self._cache.names(files, configured)
        found = self._readers.run(Naming.of(configured), unknown)
        source.names.update({path: names for path, names in found if names is not None})
        wanted = source.wanted = wanted_names(source)
        having = {path: here for path, names in source.names.items() if (here := names.has & wanted)}
        source.imports, paths = self._cache.imports(source.files, having)
        read = self._readers.run(Importing(wanted), [source.files[path] for path in paths])
        source.imports.update({path: imports or Imports() for path, imports in read})

    def _look(self) -> None:
        source = self._source
        source.looks, unknown = self._cache.looks(source.files.values(), self._words, parse_all=source.parsed_all)
        for path, look in self._readers.run(Looking(self._words, source.parsed_all, self._overlay), unknown):
            if look is not None:
                source.looks[path] = look
        source.broken.update({path: look.broken for path, look in source.looks.items() if look.broken})
        self._resolve()

    def _look_again(self, fresh: Words) -> None:
        """Look for further words; a file that has none of them stays as it is known."""
        source = self._source
        looking = Looking(self._words, source.parsed_all, self._overlay, fresh)
        for path, look in self._readers.run(looking, list(source.files.values())):
            if look is not None:
                source.looks[path] = look
                source.facts.pop(path, None)
                self._asked = {one for one in self._asked if one[0] != path}
                if look.broken:
                    source.broken[path] = look.broken
        self._resolve()

    def _parse(self, wanted: list[File]) -> bool:
        """Parse files; whether there were any."""
        source = self._source
        unknown = []
        for file in wanted:
            facts = self._cache.facts(file, self._words)
            if facts is None:
                unknown.append(file)
            else:
                source.facts[file.path] = facts
        for path, result in self._readers.run(Parsing(self._words, self._overlay), unknown):
            if isinstance(result, Facts):
                source.facts[path] = result
            else:
                source.broken[path] = result
        return bool(wanted)

    def _follow_modules(self) -> bool:
        """Parse packages that hand on another module (``from . import compat as legacy``) where ``legacy.Engine`` is
        asked for: such a file need not mention what is deprecated. Whether there were any.
        """
        source = self._source
        for path, facts in source.facts.items():
            for use in facts.uses:
                if "." in use.path.partition(":")[2]:
                    source.resolver.resolve(use.path, path)
        fresh = source.resolver.unknown - self._asked
        self._asked |= fresh
        for path in {path for path, _ in fresh}:
            names = {name for file, name in self._asked if file == path}
            read = Parsing(Words(self._words.names | names, self._words.modules), self._overlay)(path)
            if isinstance(read, Facts):
                source.facts[path] = read
        return bool(fresh)

    def _resolve(self) -> None:
        source = self._source
        source.resolver = Resolver(source.modules, source.facts, source.deprecated.targets)
        source.deprecated.settle(source.resolver)

    def _wanted(self) -> list[File]:
        """Files that have not been parsed and may refer to something deprecated."""
        source = self._source
        done = source.facts.keys() | source.broken.keys()
        homes = {path for module in source.deprecated.modules for path in source.modules.find(module)}
        carriers = self._carriers()
        referring = (path for path, look in source.looks.items() if self._may_refer(look.mention, path, carriers))
        wanted = dict.fromkeys((*sorted(homes), *referring))
        return [source.files[path] for path in wanted if path not in done and path in source.files]

    def _carriers(self) -> set[str]:
        """The last parts of all modules that have something deprecated, or a module of it, under one of their names."""
        source = self._source
        words = {part for module in source.deprecated.modules for part in module.split(".")} | self._words.modules
        for path, facts in source.facts.items():
            if facts.exports or facts.stars:
                words |= self._names_of(path)
        return words

    def _names_of(self, path: str) -> set[str]:
        """The last part of a module's name, and other names that the packages around it give it."""
        if path not in self._given:
            name = self._source.modules.name(path)
            package, _, last = name.rpartition(".")
            found = self._given[path] = {last}
            while package:
                for home in self._source.modules.find(package):
                    if not self._source.files[home].size or not self._may_give(home, last):
                        continue
                    read = Parsing(Words(frozenset([last]), frozenset()), self._overlay)(home)
                    for given, paths in read.exports if isinstance(read, Facts) else ():
                        if any(name in self._source.resolver.resolve(written, home) for written in paths):
                            found.add(given)
                package = package.rpartition(".")[0]
        return self._given[path]

    def _may_give(self, home: str, last: str) -> bool:
        """Whether a package may give a module of its own another name."""
        data = self._texts.get(home)
        if data is None:
            try:
                data = self._texts[home] = self._overlay[home] if home in self._overlay else contents(home)
            except OSError:
                return False
        return may_rename(data, last)

    def _may_refer(self, mention: Mention | None, path: str, carriers: set[str]) -> bool:
        if mention is None:
            return False
        if mention.uncertain or not mention.attributes.isdisjoint({"?", *carriers}):
            return True
        # getattr(module, "Engine"), patch.object(module, "Engine")
        if not mention.strings.isdisjoint(self._words.names):
            return True
        source = self._source
        resolve, leads = source.resolver.resolve, source.deprecated.leads
        paths = [*mention.imported, *('"' + text.lstrip(".") for text in mention.strings)]
        if any(leads(name) for written in paths for name in resolve(written, path)):
            return True
        if any(self._goes_an_old_way(written, path) for written in paths):
            return True
        if any(text.startswith(".") for text in mention.strings):
            return True
        return any(self._is_carrier(star, path) for star in mention.stars)

    def _goes_an_old_way(self, written: str, path: str) -> bool:
        module, _, rest = written.lstrip('"').partition(":")
        name = f"{self._source.modules.absolute(module, path)}.{rest}".rstrip(".")
        return self._source.deprecated.path(name) is not None

    def _is_carrier(self, star: str, path: str) -> bool:
        exported = self._source.resolver.exported(star, path)
        return any(self._source.deprecated.leads(name) for names in exported.values() for name in names)

    def _new_names(self) -> set[str]:
        """Names under which files hand on something deprecated, as far as they are not among the words."""
        source = self._source
        found = set()
        for path, facts in source.facts.items():
            for name, paths in facts.exports:
                last = name.rpartition(".")[2]
                own = f":{name}"
                if last in self._words.all or not any(written != own for written in paths):
                    continue
                # A package on the way to it counts only as far as its module: everything leads through the top.
                meant = {one for written in paths for one in source.resolver.resolve(written, path)}
                if any(source.deprecated.hit(one) or one in source.deprecated.modules for one in meant):
                    found.add(last)
        return found
