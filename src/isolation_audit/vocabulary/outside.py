"""What units of work exchange with the outside: clients of other services and what those keep, mails, and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Headers = list[tuple[str, str]]
"""Names as they were written, and values."""


class MailsSent:
    """Mails, and the logins to mail servers."""

    __slots__ = ()

    def login(self, target: str, name: Any) -> None:
        """A connection logs in."""

    def sent(self, target: str, sender: Any, addressees: Any, message: Any) -> None:
        """A mail is about to go out."""


class ClientTokens:
    """Tokens that clients of OAuth keep."""

    __slots__ = ()

    def stored(self, holder: Any) -> None:
        """A token is put into a client."""

    def used(self, holder: Any) -> None:
        """A client's token is read."""


class RequestsSent:
    """Requests to other services."""

    __slots__ = ()

    def sent(self, target: str, url: str, headers: Headers) -> None:
        """A request is about to go out, as it is."""

    def said(self, target: str, body: Callable[[], str], url: str = "") -> None:
        """The same of its body, which is read where it matters; ``url`` may be the path alone."""


class ClientHeaders:
    """Headers that a client puts into all its requests."""

    __slots__ = ()

    def sent(
        self, target: str, defaults: Iterable[tuple[str, str]], headers: Iterable[tuple[str, str]], url: str
    ) -> None:
        """A request to ``url`` is about to go out with ``headers``, into which the client has put its ``defaults``."""


class ClientCookies:
    """Cookies that clients have got, and send."""

    __slots__ = ()

    def received(self, headers: Headers, cookies: Iterable[tuple[str, str]]) -> None:
        """The answer to a request with ``headers`` has set ``cookies``."""

    def sent(self, headers: Headers, target: str) -> None:
        """A request with ``headers`` is about to go out."""


class RowsWritten:
    """Statements that change rows of a database."""

    __slots__ = ()

    def wrote(self, target: str, statement: Any, given: Any) -> None:
        """One is about to run, with its parameters; of several rows these are a list."""


class FilesOpened:
    """Files that are read, and written."""

    __slots__ = ()

    def opened(self, path: Any, flags: Any) -> None:
        """A file is opened."""
