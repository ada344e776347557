"""Applications with one ambient variable under an auditor, and what it finds."""

from __future__ import annotations

from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

from isolation_audit.config import Config, model

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.auditor import Auditor

current_user: ContextVar[Any] = ContextVar("current_user", default=None)

HEAD = """\
import asyncio, contextvars, queue, threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)

"""
"""What programs that are given as text begin with."""


class Audit:
    """One auditor that knows the variable ``current_user`` of this file."""

    def __init__(self, auditor: Auditor) -> None:
        self.auditor = auditor

    @staticmethod
    def as_user(user: str | None, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a call in a context of its own, where ``user`` is the ambient one."""

        def inside() -> Any:
            current_user.set(user)
            return call(*args, **kwargs)

        return copy_context().run(inside)

    def found(self, code: str) -> list[Any]:
        """The distinct findings of one rule."""
        return [entry.finding for entry in self.auditor.recorder.entries() if entry.finding.rule == code]

    def pairs(self, code: str) -> set[tuple[str | None, str | None]]:
        """Owner and ambient user of each."""
        return {(one.witnesses.owner, one.witnesses.ambient) for one in self.found(code)}

    @property
    def faults(self) -> dict[str, int]:
        """The auditor's own faults, by place."""
        return self.auditor.runtime.barrier.counts


def config(**parts: Any) -> Config:
    """The configuration of these tests: only the ambient variable is named."""
    ambient = model.Ambient(contextvar=model.Target(__name__, "current_user"))
    return Config(ambient=ambient, report=model.Report(terminal=False, raw_ids=True), **parts)
