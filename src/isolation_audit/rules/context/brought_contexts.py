"""Contexts that jobs and queued items bring along, to be worked on in: copies, made where they were handed over.

One that was copied in another user's work, and is used again and again, has that user in it for whoever comes.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.work.suspicion import Suspicion
from isolation_audit.model.users import same

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from contextvars import Context

    from isolation_audit.model.users import User
    from isolation_audit.rules.context.suspicions import Suspicions

KEPT: Final = "a job of {owner} ran in a context that had been copied in the work of {ambient}"


class KeptContext:
    """One that has another user than the one who has submitted the job that runs in it."""

    __slots__ = ("_context", "_suspicions", "suspicion")

    def __init__(self, context: Context, suspicion: Suspicion, suspicions: Suspicions) -> None:
        self._context = context
        self._suspicions = suspicions
        self.suspicion = suspicion

    def close(self) -> None:
        """The job is done."""
        with suppress(RuntimeError):  # another job has entered it meanwhile
            self._context.run(self._suspicions.close, self.suspicion)


def look_into(
    context: Context,
    submitter: User,
    native: Callable[[], User | None],
    suspicions: Suspicions,
    where: Hashable,
) -> KeptContext | None:
    """Suspect a context that is about to be run in; None where its user is the submitter, or nobody."""

    def look() -> KeptContext | None:
        bearer = native()
        if bearer is None or same(bearer, submitter):
            return None
        opened = suspicions.open(Suspicion(KEPT, bearer, submitter), where)
        return None if opened is None else KeptContext(context, opened, suspicions)

    with suppress(RuntimeError):  # it is in use at this moment: then it is no copy
        return context.run(look)
    return None
