"""One constructor call: its arguments mapped from the old signature to the new, or the reason why not."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isolation_audit.config.paths import Root

if TYPE_CHECKING:
    from isolation_audit.config.model import Deprecation
    from isolation_audit.source.migrate.signatures import Signature


LEFT_OUT = ""
"""Stands for the new name of an argument that the configuration drops: ``arguments = { registry = "" }``."""

_HARMLESS = (ast.Name, ast.Attribute, ast.Constant, ast.expr_context)


class Unsafe(Exception):  # noqa: N818 - a verdict on one place in the source
    """A place that is left to a person, and why."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """From the constructor of a deprecation to its replacement."""

    deprecation: Deprecation
    old: Signature | None
    new: Signature | None
    is_outside: bool = False
    """The source of the old class is not in the tree, so that the configuration stands for it."""

    def names(self, call: ast.Call) -> list[tuple[ast.expr | ast.keyword, str | None]]:
        """The new name to write for each argument of a call, in the order of the source; None keeps it by position, and
        ``LEFT_OUT`` says that it goes.

        Raises:
            Unsafe: an argument has no counterpart, or one is missing.
        """
        if any(isinstance(argument, ast.Starred) for argument in call.args):
            raise Unsafe("it unpacks its arguments with *")
        if any(keyword.arg is None for keyword in call.keywords):
            raise Unsafe("it unpacks its arguments with **")
        old_names = self._positional(len(call.args))
        given: dict[str, ast.expr] = dict(zip(old_names, call.args, strict=True))
        for keyword in call.keywords:
            if keyword.arg in given:
                raise Unsafe(f"argument {keyword.arg!r} is given twice")
            given[keyword.arg or ""] = keyword.value
        self._check_user(given)
        new_names = [self._renamed(name) for name in given]
        self._check_left_out(given)
        self._check_new([name for name in new_names if name != LEFT_OUT])
        self._check_defaults(given)
        by_position = new_names[: len(call.args)]
        kept = self._kept([name for name in by_position if name != LEFT_OUT])
        mapped: list[tuple[ast.expr | ast.keyword, str | None]] = []
        for argument, name in zip(call.args, by_position, strict=True):
            stays = name != LEFT_OUT and sum(one is None for _, one in mapped) < kept
            mapped.append((argument, None if stays else name))
        mapped += zip(call.keywords, new_names[len(call.args) :], strict=True)
        return mapped

    def _check_left_out(self, given: dict[str, ast.expr]) -> None:
        for name, value in given.items():
            dropped = dict(self.deprecation.arguments).get(name) == LEFT_OUT
            if dropped and not all(isinstance(node, _HARMLESS) for node in ast.walk(value)):
                raise Unsafe(f"argument {name!r} is left out, and working it out may do something")

    def _positional(self, count: int) -> tuple[str, ...]:
        """The old names of the first arguments by position."""
        if not count:
            return ()
        if self.old is None and not self.is_outside:
            raise Unsafe(f"the source does not say which parameters {self.deprecation.target.qualname} takes")
        # Where the old class is elsewhere, or takes just anything, the configuration's order stands for its own.
        says = self.old is not None and (self.old.positional or not self.old.takes_any_position)
        order = self.old.positional if self.old and says else tuple([name for name, _ in self.deprecation.arguments])
        if count > len(order):
            raise Unsafe(f"{count} arguments by position, and only {len(order)} are known")
        return order[:count]

    def _check_user(self, given: dict[str, ast.expr]) -> None:
        """Where the configuration says which argument holds the user, a call without it would invent one."""
        holders = [
            path.argument
            for path in self.deprecation.owner
            if path.root is Root.ARGUMENT and isinstance(path.argument, str)
        ]
        if not holders:
            return
        values = [given[name] for name in holders if name in given]
        if not values:
            raise Unsafe(f"it passes no user ({' or '.join(holders)})")
        if all(isinstance(value, ast.Constant) and value.value is None for value in values):
            raise Unsafe("it passes None for the user")

    def _renamed(self, name: str) -> str:
        table = dict(self.deprecation.arguments)
        if name in table:
            return table[name]
        if table or (self.new is not None and not self.new.takes(name)):
            raise Unsafe(f"argument {name!r} has no counterpart")
        return name

    def _check_new(self, names: list[str]) -> None:
        if len(set(names)) != len(names):
            raise Unsafe("two arguments would get the same name")
        if self.new is None:
            return
        for name in names:
            if not self.new.takes(name) and name not in self.new.positional:
                raise Unsafe(f"the replacement takes no argument {name!r}")
        missing = sorted(self.new.required - set(names))
        if missing:
            raise Unsafe(f"the replacement needs {', '.join(map(repr, missing))}")

    def _check_defaults(self, given: dict[str, ast.expr]) -> None:
        """What a call leaves out has to stay what it was."""
        if self.old is None or self.new is None:
            return
        table, now = dict(self.deprecation.arguments), dict(self.new.defaults)
        for name, was in self.old.defaults:
            new_name = table.get(name, name)
            if name not in given and now.get(new_name, was) != was:
                raise Unsafe(f"it leaves {name!r} out, which was {was}, and would be {now[new_name]}")

    def _kept(self, names: list[str]) -> int:
        """How many arguments can stay by position: as long as both signatures agree."""
        if self.new is None:
            return 0
        kept = 0
        while kept < len(names) and kept < len(self.new.positional) and self.new.positional[kept] == names[kept]:
            kept += 1
        if any(name in self.new.positional[: self.new.positional_only] for name in names[kept:]):
            raise Unsafe("the replacement takes an argument by position only")
        return kept
