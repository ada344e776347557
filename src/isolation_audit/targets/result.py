"""Result: what a ``[[scopes]]`` call returns to its user is searched for other users' data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.content.bodies import body_of
from isolation_audit.content.witness import foreign
from isolation_audit.instrument.tracking.observations import Returned
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.users import Kind

if TYPE_CHECKING:
    from isolation_audit.config import model
    from isolation_audit.content.witness import ContentWitness
    from isolation_audit.instrument.runtime import Runtime


class Results:
    """Searches what the calls of one target return; asked within the scope: the ambient user is still the scope's."""

    def __init__(self, entry: model.Scope, runtime: Runtime, content: ContentWitness) -> None:
        self.place = str(entry.target)
        self._runtime = runtime
        self._content = content

    def search(self, result: Any) -> None:
        """Search a result that is there, where it is for somebody."""
        runtime = self._runtime
        user = runtime.ambient.current()
        if user is None or user.kind is not Kind.USER:
            return
        is_response, body = body_of(result)
        if is_response:
            request = current_unit().request
            if request is not None and request.answer_to(user):
                return  # it is searched where it leaves the application, piece by piece where it streams
        marks, complete = self._content.marks(body if is_response else result)
        if not complete:
            runtime.tally.payloads_truncated += 1
        mark = foreign(marks, [user])
        if mark is not None:
            runtime.publish(Returned(self.place, user, mark.user))
