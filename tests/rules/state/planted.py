"""Leaks of each kind of state, planted into code that a number decides: where they are written and read, and how."""

from __future__ import annotations

import random

KINDS: dict[str, tuple[str, str, str]] = {
    "attribute of an object": ("class A: pass\nkept = A()\nkept.{n} = None", "kept.{n} = text", "kept.{n}"),
    "attribute of a class": ("class A:\n    {n} = None", "A.{n} = text", "A.{n}"),
    "slot": ("class A:\n    __slots__ = ('{n}',)\nkept = A()\nkept.{n} = None", "kept.{n} = text", "kept.{n}"),
    "attribute by name": (
        "class A: pass\nkept = A()\nkept.{n} = None",
        "setattr(kept, '{n}', text)",
        "getattr(kept, '{n}')",
    ),
    "fields of an object": (
        "class A: pass\nkept = A()\nkept.{n} = None",
        "kept.__dict__['{n}'] = text",
        "vars(kept)['{n}']",
    ),
    "item of a dict": ("kept = {{}}", "kept['{n}'] = text", "kept.get('{n}')"),
    "item of a UserDict": (
        "import collections\nkept = collections.UserDict()",
        "kept['{n}'] = text",
        "kept.get('{n}')",
    ),
    "element of a list": ("kept = []", "kept.append(text)", "(kept[-1] if kept else None)"),
    "element of a deque": (
        "import collections\nkept = collections.deque()",
        "kept.appendleft(text)",
        "kept and kept[0]",
    ),
    "part of a list": ("kept = []", "kept.insert(0, text)", "kept[:1]"),
    "element of a set": ("kept = set()", "kept.add(text)", "sorted(kept)[:1]"),
    "object in a dict": ("kept = {{}}", "kept['{n}'] = {{'text': text}}", "kept.get('{n}', {{}}).get('text')"),
    "global": ("{n} = None", "global {n}\n{n} = text", "{n}"),
    "thread local": ("import threading\nkept = threading.local()", "kept.{n} = text", "getattr(kept, '{n}', None)"),
}
"""What the module has, what writes, and what reads."""

_WAYS = ("straight", "in a loop", "in a function", "in a method", "in a task", "in a loop that calls something")


def names(number: int) -> tuple[str, str]:
    """The kind and the way of this number."""
    kinds = list(KINDS)
    return kinds[number % len(kinds)], _WAYS[number // len(kinds) % len(_WAYS)]


def program(number: int, *, leaks: bool = True) -> str:
    """A module whose ``handle(user, text)`` answers with what the last one has said, or keeps nothing."""
    chosen = random.Random(number)
    kind, way = names(number)
    name = chosen.choice(("last", "note", "draft", "recent", "answer"))
    has, writes, reads = (text.format(n=name) for text in KINDS[kind])
    lines = writes.splitlines()
    head, store = (lines[:1], lines[1:]) if len(lines) > 1 else ([], lines)
    work = [f"found = {reads}", *store]
    if not leaks:
        head, has, work = [], "", [*has.splitlines(), *store, f"found = {reads}"]
    around = [
        *(["steps = []", "for step in range(2):", "    steps.append(step)"] if chosen.random() < 0.5 else []),
        *(["size = len(text)", "if size > 1000:", "    return None"] if chosen.random() < 0.5 else []),
    ]
    if way == "in a loop":
        work = [
            "answers = []",
            "for turn in range(1):",
            *_deeper([*work, "answers.append(found)"]),
            "found = answers[0]",
        ]
    elif way == "in a loop that calls something":
        work = ["for turn in sorted([text])[:1]:", *_deeper([*work, "str(turn)"])]
    body = [*head, *around, *work, "return found"]
    if way == "in a task":
        head_of = ["import asyncio", "async def work(user, text):", *_deeper(body), "def handle(user, text):"]
        return "\n".join([has, *head_of, "    return asyncio.run(work(user, text))", ""])
    if way == "in a method":
        return "\n".join([has, "class Handler:", "    def work(self, user, text):", *_deeper(body, 8), _AS_METHOD])
    if way == "in a function":
        return "\n".join(
            [has, "def work(user, text):", *_deeper(body), "def handle(user, text):", "    return work(user, text)", ""]
        )
    return "\n".join([has, "def handle(user, text):", *_deeper(body), ""])


_AS_METHOD = """\
handler = Handler()
def handle(user, text):
    return handler.work(user, text)
"""


def _deeper(lines: list[str], by: int = 4) -> list[str]:
    return [" " * by + line for line in lines]
