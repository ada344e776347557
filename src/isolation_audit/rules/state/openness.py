"""What a function's text says of what it is for: it shows all that there is, or it decides for everybody.

Read as text, like all of the application's code: on Python 3.11 nothing is parsed beside its threads.
"""

from __future__ import annotations

import re
from typing import Final

from isolation_audit.instrument.originals import BUILTINS

__builtins__ = BUILTINS

_OPENING: Final = "([{"
_CLOSING: Final = ")]}"

_summing: Final = "max|min|sum|f?mean|median|mode|nlargest|nsmallest|counter|any|all"
"""What tells something of all entries, and of none."""

_parts: Final = re.compile(r"\.(?:values|items|keys|copy)$")
_with_values: Final = re.compile(r"\.(?:values|items|copy)(?:\(\))?$")
_role: Final = r"admin|staff|superuser|moderator|role|permission|privileg"
_decides: Final = re.compile(
    rf"^ *@[\w.]*(?:{_role})|^ *@[\w.]+\([^\n]*(?:{_role})|\b(?:depends|security)\([\w.]*(?:{_role})"
    rf"|\b(?:require|check|ensure|assert)[a-z]*_?\w*(?:{_role})\w*\(",
    re.MULTILINE,
).search
"""A decorator, a dependency or a call that lets only some in."""

_refusals: Final = re.compile(
    r"\bif ([^\n]*?):\s*(?:raise|abort|return)\b[^\n]*(?:403|forbid|permission|denied|not allowed)"
).findall
_who: Final = "user|username|who|me|claims|uid|login|principal|email"
_asserted: Final = re.compile(
    rf"\bassert [^\n]*(?:\b(?:{_who})\b[^\n]* in (?!\w+\[)\w+\b(?![.(\[])|\b\w*(?:{_role}))"
).search
"""Only those whose names are in a collection go on, or those of a role."""
_tells: Final = re.compile(rf"(?:[!=]=|\bin\b) *[\"'(\[{{]|[\"'] *(?:[!=]=|(?:not )?in\b)|\b\w*(?:{_role})").search
"""A condition that asks for a role, or for somebody whose name stands in the code."""


def is_restricted(function: str) -> bool:
    """True where a function, in small letters, lets only administrators and the like go on."""
    return bool(_decides(function) or _asserted(function)) or any(_tells(asked) for asked in _refusals(function))


def shows_all(function: str, expression: str) -> bool:
    """True where a function goes through a container to its end: in a comprehension, in a loop, or as a whole list.

    ``next(one for one in all)``, ``list(all)[-1]`` and a loop that returns what it comes to take one of them, whosever
    that is.
    """
    what = re.escape(_parts.sub("", expression.casefold().partition("(")[0]))
    if re.search(rf"\b(?:{_summing})\((?:\w+, *)?\(?(?:\w+\()?{what}\b", function):
        return True
    through = re.compile(rf"\bfor\b[^\n:]*? in (?:\w+\()*{what}\b").search(function)
    if through is None:
        listed = re.compile(rf"\b(?:list|sorted|tuple|set|frozenset)(?=\(\s*{what}\.(?:values|items)\(\))").search(
            function
        )
        return listed is not None and function[_closing(function, listed.end()) + 1 :][:1] != "["
    begins = _opening(function, through.start())
    if begins < 0:
        return _comes_to_its_end(function[through.start() :], function[: through.start()])
    ends = _closing(function, begins)
    return re.search(r"\bnext\s*$", function[:begins]) is None and function[ends + 1 : ends + 2] != "["


def hands_each(function: str, expression: str) -> bool:
    """True where a loop does nothing with each entry but hand it on: ``for event in log: view.apply(event)``."""
    what = re.escape(expression.casefold())
    loop = re.search(rf"^( *)for (\w+) in {what}:\n((?:\1 +[^\n]+\n?)+)", function, re.MULTILINE)
    return loop is not None and all(
        re.fullmatch(rf" *[\w.]+\({loop[2]}\)", line) is not None for line in loop[3].splitlines()
    )


def sums(function: str, expression: str) -> bool:
    """True where of what a container has one number is made: ``statistics.median(self.samples)``."""
    what = re.escape(_parts.sub("", expression.casefold().partition("(")[0]))
    return re.search(rf"\b(?:{_summing})\((?:\w+, *)?{what}\b", function) is not None


def accumulates(line: str, expression: str) -> bool:
    """True where a number is made of the one before: ``self.total += n``, ``self.most = max(self.most, n)``."""
    what = re.escape(expression.casefold())
    return re.search(rf"{what} (?:[-+*]=|= (?:max|min)\(.*{what}\b|= {what} [-+*])", line) is not None


def takes_keys(function: str, expression: str) -> bool:
    """True where of a mapping only the keys are taken: ``sorted(HERE)``, ``[*HERE]``; not of ``HERE.values()``."""
    expression = expression.casefold()
    if _with_values.search(expression) is not None:
        return False
    what = re.escape(expression)
    called = rf"\b(?:sorted|list|tuple|set|frozenset|iter|enumerate|join)\(\s*{what}\s*[,)]"
    return re.search(rf"{called}|[\[({{,]\s*\*\s*{what}\s*[,)\]}}]", function) is not None


def _opening(text: str, place: int) -> int:
    """Where the bracket begins that is around a place; -1 where there is none in that statement."""
    depth = 0
    for index in range(place - 1, -1, -1):
        sign = text[index]
        if sign in _CLOSING:
            depth += 1
        elif sign in _OPENING:
            if not depth:
                return index
            depth -= 1
        elif sign == "\n" and not depth and text[:index].rstrip()[-1:] in (":", *_CLOSING):
            return -1
    return -1


def _closing(text: str, place: int) -> int:
    depth = 0
    for index in range(place, len(text)):
        if text[index] in _OPENING:
            depth += 1
        elif text[index] in _CLOSING:
            depth -= 1
            if not depth:
                return index
    return len(text)


def _comes_to_its_end(loop: str, before: str) -> bool:
    margin = len(before) - len(before.rstrip(" "))
    lines = loop.splitlines()
    body = [lines[0].partition(":")[2]]
    for line in lines[1:]:
        if line.strip() and len(line) - len(line.lstrip()) <= margin:
            break
        body.append(line)
    return not re.search(r"\b(?:return|break)\b", "\n".join(body))
