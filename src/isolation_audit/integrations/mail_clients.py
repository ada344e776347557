"""The standard library's client of mail servers, and aiosmtplib: what they send, and as whom they log in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from isolation_audit.instrument.calls.interceptors import Interceptor
from isolation_audit.integrations import Point
from isolation_audit.vocabulary.exits import exits_of
from isolation_audit.vocabulary.outside import MailsSent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime


class MailClient:
    """The integration of one library, whose client is ``client``; ``names`` are those of what ``sendmail`` is given."""

    def __init__(self, distribution: str, since: str, client: str, names: tuple[str, str, str], login: str) -> None:
        self.distribution = distribution
        self.since = since
        self._client = client
        self._names = names
        self._login = login

    def points(self, runtime: Runtime) -> Iterator[Point]:
        """Sending and logging in."""
        if exits_of(runtime) is None:
            return
        mails = runtime.listener(MailsSent)
        sending, login = f"{self._client}.sendmail", f"{self._client}.login"
        yield Point(sending, partial(SendPoint, sending, mails, self._names))
        yield Point(login, partial(LoginPoint, login, mails, self._login))


class SendPoint(Interceptor):
    """Around ``sendmail``, which all other ways to send end in."""

    def __init__(self, place: str, mails: MailsSent, names: tuple[str, str, str], layout: Layout) -> None:
        self.place = place
        self._mails = mails
        self._sender, self._to, self._message = map(layout.argument, names)

    def before(self, values: Values) -> None:
        """Have it judged."""
        self._mails.sent(self.place, self._sender(values), self._to(values), self._message(values))


class LoginPoint(Interceptor):
    """Around ``login``."""

    def __init__(self, place: str, mails: MailsSent, name: str, layout: Layout) -> None:
        self.place = place
        self._mails = mails
        self._name = layout.argument(name)

    def before(self, values: Values) -> None:
        """Have it judged."""
        self._mails.login(self.place, self._name(values))


smtplib = MailClient("", "", "smtplib:SMTP", ("from_addr", "to_addrs", "msg"), "user")
aiosmtplib = MailClient("aiosmtplib", "2.0", "aiosmtplib.smtp:SMTP", ("sender", "recipients", "message"), "username")
