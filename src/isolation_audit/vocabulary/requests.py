"""Requests, from beginning to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.requests import Request
    from isolation_audit.model.users import User


class RequestsArrived:
    """Requests that have been served, and whose they were."""

    __slots__ = ()

    def arrived(self, request: Request, user: User | None, endpoint: Any) -> None:
        """A request is over, and was this user's."""


class RequestContexts:
    """Context variables as a request finds and leaves them; ``sharing`` is what :meth:`begin` has given."""

    __slots__ = ()

    def begin(self, request: Request, outer: Request | None) -> Any:
        """A request begins, within another one or not; None where there is nothing to look at in the end."""
        raise NotImplementedError

    def end(self, sharing: Any, user: User | None) -> None:
        """It is over, and was ``user``'s."""


class InputsLearned:
    """What users say in their inputs."""

    __slots__ = ()

    def learn(self, inputs: Inputs, user: User) -> None:
        """What a unit was asked with is its user's."""
