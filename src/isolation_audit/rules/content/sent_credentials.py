"""Credentials in requests to other services: one that is alice's must not go out when bob's work asks.

Whose a credential is, is read in it (Basic, JWTs), or learned where it came in: a token's answer, a cookie that a
service has set, a row of settings, a header of the request that is served, each where it names the one user whose work
brought it in. What alice's own requests come with, and what the process keeps under her name, is hers as well. What
nobody's name came with is the application's own, and everybody's. A credential that has come in through bob's own unit
of work is his unit's to use, whoever's it is.
"""

from __future__ import annotations

import os
from base64 import b64decode
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.borders import mentions
from isolation_audit.content.index import Mark
from isolation_audit.content.request_texts import sent_body, text_of
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.credentials import cookies_in, keys_in, keys_in_query
from isolation_audit.model.current_inputs import current_inputs, inputs_at_exit
from isolation_audit.model.inputs import ANSWER, REQUEST, OutgoingRequest
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.rules import Severity
from isolation_audit.model.served_hosts import ServedHosts
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.content.client_headers import readable
from isolation_audit.rules.content.egress import Egress
from isolation_audit.rules.provenance.code import static_texts
from isolation_audit.rules.provenance.own_records import OwnRecords
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.inputs import Input, Inputs
    from isolation_audit.model.users import User
    from isolation_audit.vocabulary.outside import Headers

CREDENTIAL: Final = "a credential in a request to another service"

_OWNERS: Final = 10_000
"""Credentials whose owner is remembered, by hash: nothing can be read from it."""

_ROLES: Final = frozenset(
    {"admin", "api", "app", "bot", "client", "guest", "root", "service", "system", "test", "user"}
)
"""Ids that a part of a service's own key may be as well."""

_word: Final = pattern(r"[\w.@+-]+")

_SHORTEST: Final = 6
"""Characters of a password that can be told from any other word."""


class SentCredentials:
    """Whose the credentials are that one audit has seen going out."""

    def __init__(self, runtime: Runtime) -> None:
        self._sinks = runtime.part(Egress)
        self._logins = runtime.part(ServedHosts).logins
        self._static = runtime.part(static_texts)
        self._records = runtime.part(OwnRecords)
        self._owners: dict[int, User | None] = {}
        """None for the application's own."""

    def sent(self, target: str, url: str, headers: Headers) -> None:
        """A request is about to go out, as it is."""
        user, inputs = self._sinks.sender(), inputs_at_exit()
        if user is None or inputs is None:
            return
        for name, value in headers:
            if name.lower() == "authorization":
                self._logins.note(value)
        for credential in _credentials(url, headers):
            owner, judgement = self._owner(inputs, credential, user)
            if owner is None or same(owner, user) or judgement is None or self._on_behalf(url, headers, owner):
                continue
            unit = current_inputs() or inputs
            if owner.id not in unit.told:
                unit.told.add(owner.id)
                self._sinks.publish(target, CREDENTIAL, user, Mark(owner), judgement=judgement)

    def _owner(self, inputs: Inputs, credential: str, user: User) -> tuple[User | None, Judgement | None]:
        """Whose it is, and what is to be said of its use by ``user``; None for both where nothing is."""
        named = self._named(readable(credential))
        if user.id in named:
            self._learn(credential, user)
            return user, None
        if named:
            other = next(iter(named.values()))
            judged = self._sinks.judged(user, {other.id: other}, other.id.encode(), None, page=False)
            severity = judged[0].verdict.severity if judged else None
            return other, judged[0] if severity not in (None, Severity.NOTE) else None
        secret = _secret(credential)
        came, naming = self._came_in(inputs, secret, user) if secret else (False, False)
        if came:
            self._learn(credential, user if naming else None)
            return None, None
        if hash(credential) not in self._owners:
            return self._kept(inputs, credential, user)
        owner = self._owners[hash(credential)]
        how = None if owner is None else Judgement(Verdict.MEMORY, owner, "", _kinds(inputs))
        return owner, how

    def _kept(self, inputs: Inputs, credential: str, user: User) -> tuple[User | None, Judgement | None]:
        """Of one that came in with nothing of this unit's: whose requests come with it, or under whose name it is kept.

        A notification that bob's work sends to a service of alice's has a token of hers: there, something names her.
        """
        request = current_unit().request
        owner = None if request is None else request.owner_of(credential)
        if owner is not None and owner.kind is Kind.USER and not self._is_ours(credential):
            judged = self._sinks.judged(user, {owner.id: owner}, owner.id.encode(), None, page=False)
            severity = judged[0].verdict.severity if judged else None
            return owner, judged[0] if severity not in (None, Severity.NOTE) else None
        endpoint = current_endpoint()
        made_by = None if endpoint is None else endpoint.code()
        kept = self._records.of_another(readable(credential), user, inputs, made_by) if self._records.any() else None
        return (None, None) if kept is None else (kept[0].content, kept[0])

    def _is_ours(self, credential: str) -> bool:
        """True where the application was started with it, or has it in its code: several may come with its key."""
        return credential in self._static.all() or credential in os.environ.values()

    def _learn(self, credential: str, user: User | None) -> None:
        """It was used by ``user``, whose name it came in with; with nobody's it is everybody's, as with two users'."""
        known = self._owners.setdefault(hash(credential), user)
        if known is not None and user is not None and not same(known, user):
            self._owners[hash(credential)] = None
        drop_oldest(self._owners, _OWNERS)

    def _came_in(self, inputs: Inputs, credential: str, user: User) -> tuple[bool, bool]:
        """Whether the unit was given it, and whether that named ``user``, and nobody else, beside it."""
        came = False
        for place, one in enumerate(inputs.kept):
            question = text_of(one.asked(one.question))[0] if one.question is not None else ""
            answer = text_of(one.texts(one.value))[0]
            if credential not in answer and (one.kind != REQUEST or credential not in question):
                continue
            came = True
            told = [_beside(one, question, answer), *([] if place == 0 else [_asked_before(inputs.kept[place - 1])])]
            text = "\0".join(told)
            if set(self._named(text)) == {user.id} or self._is_in_word(text, user):
                return True, True
        return came, False

    def _named(self, text: str) -> dict[str, User]:
        marks = self._sinks.marks(text) if text else []
        return {mark.user.id: mark.user for mark in marks if mark.user.kind is Kind.USER}

    def _is_in_word(self, text: str, user: User) -> bool:
        """True where the id is a part of a key (``alice-key``) that is not in the application's code or environment.

        Nobody else may be named, beside it or in the key. Not counted is who is named by a part of the id only, as a
        user ``alice`` is in the key of ``alice.liddell``.
        """
        if user.id.lower() in _ROLES or not mentions(text, user.id):
            return False
        words = {word for word in _word.findall(text) if mentions(word, user.id)}
        if self._named(_word.sub(lambda one: one[0].replace(user.id, "\0") if one[0] in words else one[0], text)):
            return False
        own = "\0".join([self._static.all(), *os.environ.values()]) if words else ""
        return any(word not in own for word in words)

    def _on_behalf(self, url: str, headers: Headers, owner: User) -> bool:
        """True where the request says by itself whom it asks for."""
        said = [url, *(value for name, value in headers if not list(keys_in(name.lower(), value)))]
        return owner.id in self._named("\0".join(said))


def _credentials(url: str, headers: Headers) -> Iterator[str]:
    parts = urlsplit(url)
    for name, value in headers:
        yield from _keys_of(name.lower(), value)
        if name.lower() == "cookie":
            yield from (text for _name, text in cookies_in(value, ()))
    yield from keys_in_query(parts.query)
    if parts.username:
        yield parts.username


def _keys_of(name: str, value: str) -> Iterator[str]:
    """What is a credential in a header; with the scheme of Basic credentials, which tells what is in them."""
    if name in ("authorization", "proxy-authorization") and value[:6].lower() == "basic ":
        yield value
    else:
        yield from keys_in(name.replace("proxy-authorization", "authorization"), value)


def _secret(credential: str) -> str:
    """What would be found where it came in: a token as it is, of Basic credentials the password."""
    if credential[:6].lower() != "basic ":
        return credential
    try:
        password = b64decode(credential[6:].strip()).partition(b":")[2].decode("utf-8", "replace")
    except ValueError:
        return ""
    return password if len(password) >= _SHORTEST else ""


def _beside(one: Input, question: str, answer: str) -> str:
    """What says for whom a credential came in: not the headers that have nothing to do with it."""
    if one.kind != ANSWER:
        return f"{question}\0{answer}"
    asked = one.asked(one.question) if one.question is not None else None
    if type(asked) is list and len(asked) == 2 and type(asked[1]) is list:
        question = "\0".join([str(asked[0]), *_keys(asked[1]), sent_body(one.question)])
    return f"{question}\0{answer}"


def _keys(headers: Iterable[Any]) -> Iterator[str]:
    for name, value in headers:
        yield from map(readable, _keys_of(str(name).lower(), str(value)))


def _asked_before(one: Input) -> str:
    """The standard library's client asks first, and is answered by a second input."""
    asked = one.question
    if one.kind != ANSWER or type(asked) is not OutgoingRequest:
        return ""
    return "\0".join([asked.url, *_keys(asked.headers), asked.body])


def _kinds(inputs: Inputs) -> str:
    return ", ".join(dict.fromkeys(one.kind for one in inputs.kept))
