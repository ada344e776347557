"""Mails: exits of the unit of work that sends them. Whom they go to, and whom they tell of, has to have come in."""

from __future__ import annotations

from email import message_from_bytes
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content.index import Mark
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.current_inputs import unit_inputs
from isolation_audit.model.users import Kind
from isolation_audit.rules.content.egress import Egress, secret_of_another
from isolation_audit.rules.content.payloads import LARGEST
from isolation_audit.vocabulary.outside import MailsSent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User

ADDRESSEE: Final = "the envelope of a mail"
MAIL: Final = "a mail"
LOGIN: Final = "the login to a mail server"

_PARTS: Final = 50


class Mails(MailsSent):
    """What one audit sees going out."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Egress)

    def login(self, target: str, name: Any) -> None:
        """A connection logs in."""
        user = self._sinks.sender()
        if user is not None and type(name) is str:
            self._judge(target, LOGIN, user, name)

    def sent(self, target: str, sender: Any, addressees: Any, message: Any) -> None:
        """A mail is about to go out."""
        user = self._sinks.sender()
        if user is None:
            return
        to = [addressees] if type(addressees) is str else addressees
        envelope = "\0".join(
            one
            for one in (sender, *(to if type(to) is list or type(to) is tuple or type(to) is set else ()))
            if type(one) is str
        )
        if not self._judge(target, ADDRESSEE, user, envelope):
            self._judge(target, MAIL, user, "\0".join(_texts(message)))

    def _judge(self, target: str, what: str, user: User, text: str) -> bool:
        """True where something was told."""
        marks = self._sinks.marks(text) if text else []
        secret = secret_of_another(marks, user)
        if secret is not None:
            self._sinks.publish(target, what, user, secret)
            return True
        named = {mark.user.id: mark.user for mark in marks if mark.user.kind is Kind.USER}
        if not named.keys() - {user.id} or unit_inputs() is None:
            return False
        endpoint = current_endpoint()
        made_by = None if endpoint is None else endpoint.code()
        if what == ADDRESSEE:
            named.pop(user.id, None)  # each of them is given the mail, whoever else is
        judgement = self._sinks.judge(user, named, text.encode("utf-8", "replace"), made_by, page=False)
        if judgement is not None:
            self._sinks.publish(target, what, user, Mark(judgement.content), judgement=judgement)
        return judgement is not None


def _texts(message: Any) -> Iterator[str]:
    """The texts of a mail, without its encodings."""
    if type(message) is str:
        message = message.encode("utf-8", "replace")
    if type(message) is not bytes and type(message) is not bytearray:
        return
    read = message_from_bytes(bytes(message[:LARGEST]))
    for name in ("from", "to", "cc", "subject", "reply-to"):
        yield str(read.get(name, ""))
    for part in _parts(read):
        if part.get_content_maintype() == "text":
            body: Any = part.get_payload(decode=True)
            yield str(body, "utf-8", "replace") if type(body) is bytes else ""


def _parts(read: Any) -> Iterable[Any]:
    return [part for part, _ in zip(read.walk(), range(_PARTS), strict=False)]
