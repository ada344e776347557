"""What the application's code is written with: its words are nobody's data. Read as text, when a finding depends on it.

Of a script that serves and asks in one file, and of tests, only the functions that write and read count: the rest has
the words of those who ask in it, too. So it is with all code where no request has come in from outside.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.frames import is_installed, is_of_tests, script
from isolation_audit.analysis.named_files import text_of
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.sites import BRANCHED, NAVIGATED, PASSED, STORED
from isolation_audit.model.tables import loaded_modules
from isolation_audit.rules.state.openness import accumulates, hands_each, is_restricted, shows_all, sums, takes_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.instrument.rewrite.sites import AccessSite

__builtins__ = BUILTINS

_LARGEST: Final = 500_000
_FILES: Final = 500
_SECONDS: Final = 0.1
"""How long one question may take; what was not looked at by then is looked at with the next."""

_STATEMENT: Final = 8
"""Lines from a read on in which a comparison is looked for."""

_AFTER: Final = 200

_comparison: Final = r"==|!=|<|>|\bin\b|\bis\b|\.startswith\(|\.endswith\("
_filtered: Final = re.compile(rf".*?\bif\b.*?(?:{_comparison})").match
_loop: Final = re.compile(r"\s*(?:async )?for ([\w, ()]+) in ").match

_given: Final = re.compile(r"\s*(\w+)(?:\s*:[^=]+)?\s*=(?!=)(.+)").fullmatch
"""A statement that gives something a name of its own."""

_as_script: Final = re.compile(r"^if __name__ == [\"']__main__[\"']:", re.MULTILINE).split

_DEFINITIONS: Final = ("def ", "async def ", "lambda")

_BEGINNING: Final = (*_DEFINITIONS[:2], "class ", "@")

_ALL: Final = 8_000_000
"""Characters of all files that are kept."""


_ANSWERS: Final = 20_000
"""Answers that are remembered: each request reads at the same sites, and a file is read once."""

Question = Callable[["Literals", "AccessSite"], bool]


def _once(question: Question) -> Question:
    @wraps(question)
    def asked(self: Literals, site: AccessSite) -> bool:
        key = question, site
        known = self.answers.get(key)
        if known is None:
            if len(self.answers) >= _ANSWERS:
                self.answers.clear()
            known = self.answers[key] = question(self, site)
        return known

    return asked


class Literals:
    """The words of the application's code."""

    def __init__(self) -> None:
        self.answers: dict[tuple[Question, AccessSite], bool] = {}
        """What was said of each site."""
        self._texts: dict[str, str] = {}
        self._left = _ALL
        self._folders = "\0".join((os.getcwd(), sys.prefix, script() or "")).casefold()  # noqa: PTH109

    def hold(self, atom: str, sites: Iterable[AccessSite], *, asks: bool = False) -> bool:
        """True where code of the application has these words one after the other, whatever stands between them.

        ``asks`` where the code is itself who asks.
        """
        wanted = re.compile(r"[\W_]+".join(map(re.escape, atom.split(" "))))
        until = monotonic() + _SECONDS
        for text in self._all(list(sites), asks=asks):
            if wanted.search(text) is not None:
                return True
            if monotonic() > until:
                return False
        return False

    def is_of_paths(self, atom: str) -> bool:
        """True for a part of where the program runs and lies: what it opens there, such as its database, has it."""
        return re.search(r"[\W_]+".join(map(re.escape, atom.split(" "))), self._folders) is not None

    def function(self, site: AccessSite) -> str:
        """The text of the function around a site, in lower case."""
        return _function(self._text(site.file), site.line)

    def goes_through(self, site: AccessSite, table: str) -> bool:
        """True where the function around a site reads all of what is called so: ``max(SCORES.values())``."""
        name = re.escape(table.casefold())
        all_of_it = rf"\b{name}\s*\.\s*(?:values|items)\s*\(|\bin\s+{name}\b(?!\s*[.\[(])"
        return re.search(all_of_it, self.function(site)) is not None

    @_once
    def shows_all(self, site: AccessSite) -> bool:
        """True where every entry of a container is shown."""
        return shows_all(self.function(site), site.expression)

    @_once
    def asks_if_any(self, site: AccessSite) -> bool:
        """True where it is only asked whether there is something: ``one.buyer is None``, ``if not self.waiting:``."""
        lines = self._text(site.file).splitlines()[site.line - 1 : site.line]
        expression = re.escape(site.expression.casefold())
        asked = (
            rf"{expression} is (?:not )?none\b"
            rf"|^\s*(?:if|elif|while)\b(?:.*\b(?:and|or))?(?: not)? {expression}(?:\s*:| (?:and|or) )"
        )
        return site.use in (NAVIGATED, BRANCHED) and any(re.search(asked, line) for line in lines)

    @_once
    def takes_out(self, site: AccessSite) -> bool:
        """True where what is read is taken out of its place, and goes on: ``other, self.waiting = self.waiting, None``.

        It was put there for whoever comes next, who leaves nothing behind.
        """
        expression = re.escape(site.expression.casefold())
        taken = rf"^\s*\w+, {expression} = {expression}, none$|^\s*\w+ = {expression}\n\s*{expression} = none$"
        return site.use in (PASSED, STORED) and re.search(taken, self.function(site), re.MULTILINE) is not None

    @_once
    def hands_each(self, site: AccessSite) -> bool:
        """True where each entry of a container is handed to somebody, and nothing else is done with it."""
        return hands_each(self.function(site), site.expression)

    @_once
    def sums(self, site: AccessSite) -> bool:
        """True where one number is made of all that a container has."""
        return sums(self.function(site), site.expression)

    @_once
    def accumulates(self, site: AccessSite) -> bool:
        """True for the store of a number that was made of the one before, by whomever."""
        line = self._text(site.file).splitlines()[site.line - 1 : site.line]
        return bool(line) and accumulates(line[0], site.expression)

    @_once
    def takes_keys(self, site: AccessSite) -> bool:
        """True where of a mapping only the keys are taken, at this place: elsewhere in the function, all may go on."""
        return takes_keys(_call_around(self._text(site.file).splitlines(), site), site.expression)

    @_once
    def is_restricted(self, site: AccessSite) -> bool:
        """True where only administrators and the like get into the function around a site."""
        text = self._text(site.file)
        return is_restricted(_decorators(text, site.line) + _function(text, site.line))

    @_once
    def picks(self, site: AccessSite) -> bool:
        """True where a container is gone through for what fits a comparison: ``[one for one in all if one.x == x]``."""
        # Names of expressions have single quotes, whatever the code has.
        lines = _to_the_next_function(self._text(site.file).replace('"', "'").splitlines()[site.line - 1 :])
        expression = site.expression.casefold().replace('"', "'")
        if _picks(lines, expression):
            return True
        given = _given(lines[0]) if lines else None
        if given is None or given[2].strip() != expression:
            return False
        through = re.compile(rf"\bin {given[1]}\b(?!\s*[.\[(])").search
        begins = next((number for number, line in enumerate(lines) if number and through(line)), 0)
        return begins > 0 and _picks(lines[begins:], given[1])

    def _all(self, sites: list[AccessSite], *, asks: bool) -> Iterator[str]:
        main = script()
        seen = {main}
        for one in sites:
            text = self._text(one.file)
            if asks or one.file == main or is_of_tests(one.file):
                seen.add(one.file)
                yield _function(text, one.line)
            elif one.file not in seen:
                seen.add(one.file)
                yield text
        for name, module in [] if asks else loaded_modules():
            file = None if name.partition(".")[0] == "isolation_audit" else getattr(module, "__file__", None)
            if type(file) is str and file not in seen and not is_installed(file) and not is_of_tests(file):
                seen.add(file)
                yield self._text(file)
            if len(seen) > _FILES:
                return

    def _text(self, file: str) -> str:
        known = self._texts.get(file)
        if known is None:
            known = ""
            if file.endswith(".py"):
                # What runs only as a script is not the application's.
                known = _as_script(text_of(file, min(_LARGEST, self._left)))[0].casefold()
            self._left -= len(known)
            self._texts[file] = known
        return known


def _call_around(lines: list[str], site: AccessSite) -> str:
    """The line of a site, with the one above and the one below where the call that it is given to goes on there."""
    if not 0 < site.line <= len(lines):
        return ""
    here, expression = lines[site.line - 1], site.expression.casefold()
    before, after = lines[site.line - 2 : site.line - 1], lines[site.line : site.line + 1]
    above = before if here.lstrip(" *").startswith(expression) else []
    below = after if here.rstrip(" ,").endswith(expression) else []
    return " ".join([*above, here, *below])


def _to_the_next_function(lines: list[str]) -> list[str]:
    """Without what stands after the function in which the first of some lines is."""
    for number, line in enumerate(lines):
        if number and _margin(line) < _margin(lines[0]) and line.lstrip().startswith(_BEGINNING):
            return lines[:number]
    return lines


def _picks(lines: list[str], expression: str) -> bool:
    """True where a statement, or the loop that begins there, goes through what is called so with a comparison."""
    text = " ".join(line.strip() for line in lines[:_STATEMENT])
    if _filtered(text.partition(expression)[2][:_AFTER]):
        return True
    loop = _loop(lines[0]) if lines else None
    return loop is not None and any(_compared(loop[1], line) for line in lines[1:_STATEMENT])


def _compared(names: str, line: str) -> bool:
    """True for a line that compares what a loop has come to."""
    found = re.search(rf"\bif\b(.*(?:{_comparison}).*)", line)
    return found is not None and not set(re.findall(r"\w+", names)).isdisjoint(re.findall(r"\w+", found[1]))


def _function(text: str, line: int) -> str:
    """The function around a line, as text: from its ``def`` to where the margin is as far out again."""
    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return ""
    first, margin = line - 1, _margin(lines[line - 1])
    while first >= 0 and not (_margin(lines[first]) < margin and lines[first].lstrip().startswith(_DEFINITIONS)):
        first -= 1
    if first < 0:
        return lines[line - 1]
    margin, last = _margin(lines[first]), first + 1
    while last < len(lines) and (
        not lines[last].strip() or _margin(lines[last]) > margin or lines[last].strip() == "):"
    ):
        last += 1
    return "\n".join(lines[first:last])


def _decorators(text: str, line: int) -> str:
    """What stands above the function around a line."""
    lines = text.splitlines()
    first = lines[:line].index(start) if (start := _function(text, line).partition("\n")[0]) in lines[:line] else 0
    above = first
    while above and lines[above - 1].lstrip()[:1] in ("@", ")"):
        above -= 1
    return "".join(f"{one}\n" for one in lines[above:first])


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())
