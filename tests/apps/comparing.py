"""Whether two servers have answered the same, but for what differs between any two runs: tokens, times, ports."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driving import Answer, Step

_VARIES = [
    (re.compile(r"127\.0\.0\.1(:|%3A)\d+"), "HOST"),
    (re.compile(r"localhost(:|%3A)\d+"), "HOST"),
    (re.compile(r'(name="(?:csrf\w*|_xsrf|authenticity_token)"[^>]*?value=)"[^"]*"'), r'\1"TOKEN"'),
    (re.compile(r'(name="csrf[-_]?\w*"[^>]*?content=)"[^"]*"'), r'\1"TOKEN"'),
    (re.compile(r'(csrf[-_]?\w*"?\s*[:=,]\s*)(["\'])[^"\']{16,}\2', re.IGNORECASE), r"\1TOKEN"),
    (re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b[0-9a-f]{32,}\b"), "HEX"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "JWT"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"), "TIME"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:\s?[ap]\.?m\.?)?", re.IGNORECASE), "TIME"),
    (re.compile(r"\b\d{1,2}\s?[ap]\.m\."), "TIME"),
    (re.compile(r"\b1[6-9]\d{8}(?:\.\d+|\d{3})?\b"), "SECONDS"),
    (re.compile(r">\s*(?:just )?now\s*<"), ">AGO<"),
    (re.compile(r"\bJust now\b"), "AGO"),
    (re.compile(r"(?:just now|now|an?|\d+)\s*\xa0?(?:second|minute)s?(?:,? \d+\s*seconds?)?( ago)?"), "AGO"),
]
"""What is different in any two runs of one application, and the word that stands for it."""


def normalised(text: str, varies: tuple[str, ...] = ()) -> str:
    """``text`` without what varies."""
    for pattern in varies:
        text = re.sub(pattern, "VARIES", text)
    for known, word in _VARIES:
        text = known.sub(word, text)
    return text


def differences(steps: list[Step], varies: tuple[str, ...] = ()) -> list[str]:
    """A line for each step whose two answers are not the same."""
    return [f"{step.user}: {step.name}: {apart}" for step in steps if (apart := _apart(step.answers, varies))]


def _apart(answers: list[Answer], varies: tuple[str, ...]) -> str:
    bare, audited = answers
    if bare.status != audited.status:
        return f"status {bare.status} bare, {audited.status} audited"
    for name in sorted({*bare.headers, *audited.headers}):
        pair = [normalised(side.headers.get(name, ""), varies) for side in answers]
        if pair[0] != pair[1]:
            return f"header {name}: {pair[0]!r} bare, {pair[1]!r} audited"
    lines = [normalised(side.body, varies).splitlines() for side in answers]
    for first, second in zip(*lines, strict=False):
        if first != second:
            return _where(first, second)
    if len(lines[0]) != len(lines[1]):
        return f"{len(lines[0])} lines bare, {len(lines[1])} audited"
    return ""


def _where(first: str, second: str) -> str:
    start = next((at for at, (one, other) in enumerate(zip(first, second, strict=False)) if one != other), 0)
    begin = max(0, start - 30)
    return f"{first[begin : start + 60]!r} bare, {second[begin : start + 60]!r} audited"
