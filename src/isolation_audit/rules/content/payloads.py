"""What payloads say of users, and for whom they leave."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.fields import field_of
from isolation_audit.content.naming import ATTRIBUTIONS, parsed
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.users import VISITOR, Kind

if TYPE_CHECKING:
    from isolation_audit.content.index import Mark
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

LARGEST: Final = 256 * 1024
"""Bytes of one payload that are searched."""


class Payloads:
    """Reads the payloads of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        if runtime.content is None:
            raise LookupError("no payload is watched")
        self._runtime = runtime
        self._current = runtime.ambient.current
        self._content = runtime.content
        responses = runtime.config.responses
        self._allowed = frozenset(responses.mentions)
        self._mentions = ATTRIBUTIONS.union(responses.mentions)
        self.opens_paths = bool(responses.paths)
        """True where the configuration names paths whose responses may name others."""
        self._open_to_all = re.compile("|".join(map(translate, responses.paths))).match if responses.paths else None

    def user(self) -> User | None:
        """The user whose work is running; None for nobody, for a placeholder and for the system."""
        current = self._current
        user = current()
        return user if user is not None and user.kind is Kind.USER else None

    def sender(self) -> User | None:
        """The same; in a job, its publisher, unless it says another; in a thread that has no context of its own, the
        user whose work has handed over what runs there.
        """
        user = self._current()
        if user is None:
            unit = current_unit()
            job = None if unit.job is None else unit.job.published
            inputs = unit.runs_for if unit.runs_for is unit.given_by else None
            user = None if inputs is None or inputs.ended else inputs.user
            if user is None and job is not None:
                user = job.publisher()
        return user if user is not None and user.kind is Kind.USER else None

    def reader(self) -> User | None:
        """The same; or ``VISITOR``, where the login says that there is none, and nothing came that could be one's."""
        current = self._current
        user = current()
        if user is not None and user.kind is Kind.USER:
            return user
        request = current_unit().request
        return VISITOR if request is not None and request.is_a_visitors() else None

    def marks(self, payload: Any) -> list[Mark]:
        """The marks in a text or in bytes, as far as they are searched."""
        part = payload if len(payload) <= LARGEST else payload[:LARGEST]
        marks, complete = self._content.marks_of_text(part if type(part) is str else str(part, "utf-8", "replace"))
        if not complete or part is not payload:
            self._runtime.tally.payloads_truncated += 1
        return marks

    def marked(self, payload: Any) -> bool:
        """True where plain data holds any mark."""
        return bool(self._content.marks(payload)[0])

    def unread(self) -> None:
        """Count a payload that can't be searched, because it is compressed."""
        self._runtime.tally.payloads_truncated += 1

    def named(self, text: str) -> set[str]:
        """The ids of the users whom a text names."""
        return {mark.user.id for mark in self._content.marks_of_text(text)[0]}

    def outside_mentions(self, payload: bytes) -> list[Mark]:
        """The marks in a body, but for those in fields that may name others."""
        text = str(payload, "utf-8", "replace")
        return self._content.marks_outside(text, self._allowed if _is_one_name(text) else self._mentions)

    def field(self, body: bytes, mark: Mark) -> str | None:
        """Where in a JSON document a mark is, outside of the fields that may name others; a secret anywhere."""
        skip = frozenset() if mark.secret else self._mentions

        def holds(value: Any) -> bool:
            return mark in self._content.marks_outside(value, skip)

        return field_of(str(body[:LARGEST], "utf-8", "replace"), holds, lambda key: bool(self.named(key)), skip)

    def may_name_others(self, asked: str) -> bool:
        """True where the configuration says so of the path that was asked for."""
        return self._open_to_all is not None and self._open_to_all(asked.partition("?")[0]) is not None


def _is_one_name(text: str) -> bool:
    """True for an object of JSON that says who has made something, and nothing of it: that is no record."""
    held = parsed(text)
    return type(held) is dict and all(
        key in ATTRIBUTIONS and (type(value) is not list and type(value) is not dict) for key, value in held.items()
    )
