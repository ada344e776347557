"""The content witness: whose marks a payload holds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import secrets
from isolation_audit.content.encodings import unwrapped
from isolation_audit.content.index import Index, Mark
from isolation_audit.content.naming import parsed
from isolation_audit.content.payload import CHARACTERS, Gathering, plain_texts
from isolation_audit.model.users import Kind, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from isolation_audit.model.bindings import Bindings
    from isolation_audit.model.users import User, Users

_LATEST: Final = 64
"""Results of searches that are remembered."""


class ContentWitness:
    """Knows the identifiers of live users, learned from the tables as they learn them, and finds them in payloads."""

    def __init__(self, users: Users, bindings: Bindings) -> None:
        self.index = Index()
        self._users = users
        self._version = -1
        self._secrets: dict[str, None] = {}
        self._latest: dict[tuple[int, int], tuple[int, tuple[list[Mark], bool]]] = {}
        """The latest results, by what the text was, which is not kept, and by what was searched for."""
        self._folded = Index()
        """The secrets in small letters."""
        users.listener = bindings.listener = self

    def learned(self, identifier: str, user: User) -> None:
        """A table has a new identifier of this user."""
        if user.kind is Kind.USER:
            self.index.add(identifier, self.index.mark_of(user))

    def forgotten(self, identifier: str) -> None:
        """A table has let an identifier go."""
        if identifier not in self._secrets:
            self.index.forget(identifier)

    def marks(self, payload: Any) -> tuple[list[Mark], bool]:
        """The marks in a payload, each once; False where it was not searched to its end."""
        if type(payload) is str and len(payload) <= CHARACTERS:
            return self.marks_of_text(payload)
        texts = plain_texts(payload) if type(payload) is dict else None
        if texts is not None:
            return self.marks_of_text("\0".join(texts))
        gathered = Gathering(payload)
        # One text is searched faster than many; no identifier goes across a NUL.
        marks, complete = self.marks_of_text("\0".join(gathered.texts))
        return marks, complete and not gathered.truncated

    def marks_of_text(self, text: str) -> tuple[list[Mark], bool]:
        """The marks in a text, which is as long as it may be.

        What was searched a moment ago is not searched again: one text goes to all who are in a room.
        """
        if self._version != secrets.Version.number:
            self._take_secrets()
        key = hash(text), len(text)
        known = self._latest.get(key)
        if known is not None and known[0] == self.index.version:
            return known[1]
        version = self.index.version
        marks, complete = self.index.find(text)
        found = ([*marks, *self._encoded_secrets(text, marks)] if self._secrets else marks), complete
        if len(self._latest) >= _LATEST:
            self._latest.clear()
        self._latest[key] = version, found
        return found

    def _encoded_secrets(self, text: str, known: list[Mark]) -> Iterator[Mark]:
        """Secrets in other letters' case, and in what the tokens of a text hold: nobody writes them so by accident."""
        for reading in (text, *unwrapped(text)):
            for mark in self._folded.find(reading.lower())[0]:
                if mark not in known:
                    known = [*known, mark]
                    yield mark

    def marks_outside(self, payload: Any, mentions: frozenset[str]) -> list[Mark]:
        """The marks outside of the fields that may name others; texts that are JSON are read for it."""
        texts = Gathering(payload, mentions).texts
        for place, text in enumerate(texts):
            held = parsed(text)
            if held is not None:
                texts[place] = "\0".join(Gathering(held, mentions).texts)
        return self.index.find("\0".join(texts))[0]

    def _take_secrets(self) -> None:
        self._version = secrets.version()
        current = secrets.known()
        for text in self._secrets.keys() - {text for text, _user_id in current}:
            self.index.forget(text)
            self._folded.forget(text.lower())
        self._secrets = dict.fromkeys(text for text, _user_id in current)
        owners = Counter(folded for folded, _user_id in {(text.lower(), user_id) for text, user_id in current})
        for text, user_id in current:
            user = self._users.token(user_id)
            if user is not None and user.kind is Kind.USER:
                self.index.add(text, Mark(user, secret=True))
                if owners[text.lower()] == 1:
                    self._folded.add(text.lower(), Mark(user, secret=True))


def foreign(marks: Iterable[Mark], rightful: Iterable[User]) -> Mark | None:
    """The mark that makes a payload another user's: a secret of theirs; or any mark, where nobody rightful is named.

    Whoever is told about others is named as well, as a rule: "carol (user-7) wrote to you, user-8".
    """
    mine = list(rightful)
    others = [mark for mark in marks if not any(same(mark.user, user) for user in mine)]
    secret = next((mark for mark in others if mark.secret), None)
    if secret is not None or not others:
        return secret
    return others[0] if len(others) == len(list(marks)) else None
