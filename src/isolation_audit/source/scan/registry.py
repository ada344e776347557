"""The Markdown document that lists imports: which of its lines name what is not there, or what is deprecated."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from isolation_audit.source.scan.reading import lines_of, top_level_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.source.scan.source import Source

_STATEMENT = re.compile(r"(?:from\s+[\w.]+\s+import\s+[\w.,*() ]+|import\s+[\w.]+(?:\s+as\s+\w+)?)")
_MARKED = re.compile(
    r"deprecat|legacy|obsolete|removed|do not use|don't use|never use|forbidden|\bold\b|~~|\u274c", re.IGNORECASE
)
_HEADING = re.compile(r"#{1,6}\s")


@dataclass(frozen=True, slots=True)
class Stale:
    """A line of the document that is not true, and why."""

    line: int
    text: str
    reason: str


def stale_lines(source: Source) -> list[Stale]:
    """What is out of date in the configured document; a missing document is out of date as a whole."""
    document = source.config.scan.registry
    if document is None:
        return []
    lines = lines_of(str(document))
    if not lines:
        return [Stale(1, "", "the document is empty or can't be read")]
    found = list(_check(source, lines))
    text = "\n".join(lines)
    for entry in source.deprecated.entries:
        new = entry.replacement
        if new is not None and not re.search(rf"\b{re.escape(new.module)}\b", text):
            found.append(Stale(1, "", f"{new}, which replaces {entry.target}, is not in it"))
    return found


def _check(source: Source, lines: list[str]) -> Iterator[Stale]:
    heading_marked = False
    names_of = cache(top_level_names)
    for number, line in enumerate(lines, start=1):
        if _HEADING.match(line):
            heading_marked = bool(_MARKED.search(line))
        marked = heading_marked or bool(_MARKED.search(_STATEMENT.sub("", line)))
        for match in _STATEMENT.finditer(line):
            for module, name in _imports(match[0]):
                reason = _wrong(source, module, name, names_of, marked=marked)
                if reason:
                    yield Stale(number, match[0], reason)


def _imports(statement: str) -> Iterator[tuple[str, str]]:
    try:
        (node,) = ast.parse(statement.strip().rstrip("(, ")).body
    except (SyntaxError, ValueError):
        return
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield node.module or "", alias.name
    elif isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, ""


def _wrong(source: Source, module: str, name: str, names_of, *, marked: bool) -> str:  # type: ignore[no-untyped-def]
    meant = source.resolver.resolve(f"{module}:{name}" if name != "*" else f"{module}:", "")
    way = source.deprecated.path(f"{module}.{name}".rstrip("."))
    if not marked and (way or any(source.deprecated.hit(one) for one in meant)):
        return f"recommends {module}{':' + name if name else ''}, which is deprecated"
    modules = source.modules
    top = module.partition(".")[0]
    if not modules.find(top) and not modules.is_folder(top):
        return ""  # not of this tree
    files = modules.find(module)
    if not files:
        return "" if modules.is_folder(module) else f"there is no module {module}"
    if not name or name == "*" or modules.find(f"{module}.{name}"):
        return ""
    known = [names_of(file) for file in files]
    if any(names is None or name in names for names in known):
        return ""
    return f"{module} has no {name}"
