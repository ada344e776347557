"""The unit of work that a context is in: a request, a message of a connection, a job, a queued item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.requests import Request


class UnitOfWork:
    """What one context works on, a slot for each thing that lives as long as the unit; None where there is none.

    It is never changed once a context has it: whoever begins or ends something gives the context another one (see
    ``contexts.change_unit``), so that tasks and threads that have inherited the former go on with what that has.
    """

    # Not in ``__slots__``, and without ``__init__``: one is made for each request, without a call.
    request: Request | None = None
    """The request, the connection or the message that is served."""
    client: Any = None
    """The client whose message is handled: a channel of Channels, a session id of python-socketio."""
    item: Any = None
    """The job or the queued item that is worked on; see ``rules/context/lineage.py``."""
    job: Any = None
    """The job that is counted, and what is known of its message; see ``instrument/work/jobs.py``."""
    given_by: Inputs | None = None
    """The inputs of the unit that has handed over what is worked on; see ``integrations/continued_work.py``."""
    runs_for: Inputs | None = None
    """Those of the unit that has started this thread, or submitted the job that a pool runs: all that is done there is
    done for it, as long as it takes no item of another unit from a queue."""


NO_UNIT: Final = UnitOfWork()
"""Of a context that works on nothing."""
