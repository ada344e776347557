"""Requests to other services, as integrations tell of them: whose credentials they have, and whose words they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.rules.content.prompts import Prompts
from isolation_audit.rules.content.sent_credentials import SentCredentials
from isolation_audit.vocabulary.outside import Headers, RequestsSent

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.instrument.runtime import Runtime


class OutgoingRequests(RequestsSent):
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._credentials = runtime.part(SentCredentials)
        self._prompts = runtime.part(Prompts)

    def sent(self, target: str, url: str, headers: Headers) -> None:
        """A request is about to go out, as it is."""
        self._credentials.sent(target, url, headers)

    def said(self, target: str, body: Callable[[], str], url: str = "") -> None:
        """The same of its body."""
        self._prompts.said(target, body, url)
