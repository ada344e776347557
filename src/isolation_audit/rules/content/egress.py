"""Sinks: what leaves for a user whom only the ambient context names is searched for other users' data.

The integrations say where bytes pass and what they are a part of; who may be named in them is decided here. Nothing is
searched while nobody is known to be running: that is unknown, not clean, and no reason to guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.content import secrets
from isolation_audit.content.fields import field_of
from isolation_audit.content.index import Mark
from isolation_audit.content.naming import keys_of_objects, tells_of_acts, values_of_records
from isolation_audit.content.payload import Gathering
from isolation_audit.content.witness import foreign
from isolation_audit.instrument.inputs.latest import LatestUnits
from isolation_audit.instrument.inputs.unlearned import Unlearned
from isolation_audit.instrument.stacks import DEEP, capture
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import inputs_at_exit, unit_inputs
from isolation_audit.model.owner_tags import drop_oldest
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.content.given_cookies import GivenCookies
from isolation_audit.rules.content.payloads import LARGEST, Payloads
from isolation_audit.rules.provenance.code import constants
from isolation_audit.rules.provenance.judge import Exit, Judge
from isolation_audit.rules.provenance.mistaken import Mistaken
from isolation_audit.rules.provenance.own_records import OwnRecords
from isolation_audit.rules.provenance.own_rows import OwnRows
from isolation_audit.rules.provenance.shared_with import SharedWith
from isolation_audit.rules.provenance.verdicts import Verdict
from isolation_audit.rules.provenance.words_judge import WordsJudge
from isolation_audit.rules.shared_caches.answers import SharedCaches
from isolation_audit.rules.state.read_inputs import ReadInputs
from isolation_audit.vocabulary.exits import Exits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import CodeType

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.stacks import RawStack
    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.instrument.work.routes import Endpoint
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.provenance.verdicts import Judgement

_READABLE: Final = frozenset(map(id, (bytes, bytearray, memoryview, str)))

_FOR_WORDS: Final = 64 * 1024
"""Of these, bytes that are searched for the words of others."""

_PASSED_ON: Final = 256
"""Payloads that are remembered between a framework and its server."""

_OF_MEMORY: Final = frozenset({Verdict.WORDS, Verdict.KEPT, Verdict.READ, Verdict.MISTAKEN})
"""Verdicts on what names nobody and was kept in this process."""


@dataclass(slots=True, eq=False, repr=False)
class Surfaced:
    """What passed a sink during one user's work holds another user's data; ``what`` it was, with its article.

    For what answers a request, ``endpoint`` is the view that has made it, and ``field`` where the data is in it: a JSON
    path such as ``$.items[3].owner``, or the name of a header.
    """

    target: str
    what: str
    ambient: User
    content: User
    stack: RawStack
    endpoint: Endpoint | None = None
    field: str | None = None
    judgement: Judgement | None = None
    """Where that has come from, as far as the unit of work knows its inputs."""


class Egress(Payloads, Exits):
    """One audit's judge of payloads at sinks."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._passed_on: dict[tuple[int, int, str], None] = {}
        self._judge = runtime.part(Judge)
        self._words = runtime.part(WordsJudge)
        self._records = runtime.part(OwnRecords)
        self._rows = runtime.part(OwnRows)
        self._mistaken = runtime.part(Mistaken)
        self._shared_with = runtime.part(SharedWith)
        self._latest = runtime.part(LatestUnits)
        self._unlearned = runtime.part(Unlearned)
        self.given_cookies = runtime.part(GivenCookies)
        self.shared_caches: SharedCaches = SharedCaches(runtime, self)

    def secrets(self, payload: Any, target: str, what: str) -> None:
        """Look for other users' secrets alone: in what may well name others, as a message from one to another does."""
        if not secrets.version() or id(type(payload)) not in _READABLE:
            return
        user = self.user()
        if user is None:
            return
        mark = secret_of_another(self.marks(payload), user)
        if mark is not None:
            self.publish(target, what, user, mark)

    def judge(
        self, user: User, named: Mapping[str, User], text: bytes, made_by: CodeType | None, *, page: bool
    ) -> Judgement | None:
        """The worst that is to be said of the others whom a response has ``named``; None where all is well."""
        judged = self.judged(user, named, text, made_by, page=page)
        return judged[0] if judged and judged[0].verdict.severity is not None else None

    def judged(
        self, user: User, named: Mapping[str, User], text: bytes, made_by: CodeType | None, *, page: bool
    ) -> list[Judgement]:
        """What is to be said of each of them, the worst first."""
        self._words.words.catch_up()
        inputs = inputs_at_exit()
        others = [one for one in named.values() if not same(one, user)]
        if self._allowed:
            meant = {mark.user.id for mark in self._content.marks_outside(str(text, "utf-8", "replace"), self._allowed)}
            others = [one for one in others if one.id in meant]
        if inputs is None or not others:
            return []
        inputs = self._unlearned.with_left(inputs, user)
        beside = {one.id for one in others}
        if user.id not in named:
            outside = {mark.user.id for mark in self.outside_mentions(text)} - self._listed(text)
            beside -= {one for one in outside if not tells_of_acts(text[:LARGEST], one)}
        said = str(text[:_FOR_WORDS], "utf-8", "replace")
        judged = self._judge.judge(inputs, others, Exit(user, made_by, frozenset(beside), user.id in named, page, said))
        endpoint = current_endpoint()
        for one in judged:
            self._latest.judged(endpoint, one.verdict.name.lower())
        return judged

    def _listed(self, text: bytes) -> set[str]:
        """The ids of users of whom one object has entries, or one list records: a list of all, not one's record."""
        payload = str(text[:LARGEST], "utf-8", "replace")
        found: set[str] = set()
        for names in [*keys_of_objects(payload), *values_of_records(payload)]:
            users = {user.id for name in names if (user := self._user(name)) is not None}
            found |= users if len(users) > 1 else set()
        return found

    def _user(self, name: str) -> User | None:
        user = self._runtime.users.known(name)
        return user if user is not None and user.kind is Kind.USER else None

    def words(
        self,
        target: str,
        what: str,
        user: User,
        payload: str | bytes,
        *,
        endpoint: Endpoint | None = None,
        own: Inputs | None = None,
        answers: AnsweredRequest | None = None,
    ) -> None:
        """Tell of the words of others in a payload that names none of them, or of what is kept under their names.

        ``own`` are the inputs of the running unit of work, where the caller has them at hand. What has made it is the
        ``endpoint``, or that of what it ``answers``, which is asked where it matters.
        """
        own = own or unit_inputs()
        if own is None:
            return
        words = self._words.words
        if len(own.kept) > own.learned:
            words.learn(own, user)
        if self._unlearned.units or self._unlearned.left or words.unfinished:
            words.catch_up()
        odd = own.contested or bool(own.strange)
        kept, read = self._records.any(), self._rows.any()
        if not (odd or words.anchors or kept or read):
            return
        part = payload[:_FOR_WORDS]
        text = str(part, "utf-8", "replace") if isinstance(part, bytes) else part
        suspected = own.contested or words.of_others(text, user)
        if not (
            suspected
            or odd
            or (kept and self._records.has_any(text, user))
            or (read and self._rows.has_any(text, user))
        ):
            return
        inputs = inputs_at_exit()
        if inputs is None:
            return
        inputs = self._unlearned.with_left(inputs, user)
        endpoint = current_endpoint() or (endpoint if answers is None else answers.endpoint)
        made_by = None if endpoint is None else endpoint.code()
        found = self._words.judge(inputs, text, user, made_by) if suspected else None
        found = found or self._kept_or_read(inputs, text, user, made_by)
        if found is None and own.strange:
            found = self._mistaken.judge(inputs, text, user, made_by)
        if found is None:
            return
        judgement, has_them = found
        if judgement.verdict in _OF_MEMORY and self._is_shared(user, judgement.content, has_them, endpoint, inputs):
            self._latest.judged(endpoint, "shared_with")
            return
        self._latest.judged(endpoint, judgement.verdict.name.lower())
        mark = Mark(judgement.content)
        held = field_of(text, lambda value: has_them(_joined(value)), lambda key: bool(self.named(key)), frozenset())
        self.publish(target, what, user, mark, endpoint=endpoint, field=held, judgement=judgement)

    def answered(self, inputs: Inputs, user: User, answer: bytes, place: str) -> None:
        """The user's request is answered so; ``place`` is where a redirect leads."""
        self._words.words.answered(inputs, user, answer, place)

    def knows_words(self) -> bool:
        """True where anybody has said something, or something was read for somebody alone."""
        return bool(self._words.words.anchors or self._rows.any())

    def _kept_or_read(
        self, inputs: Inputs, text: str, user: User, made_by: CodeType | None
    ) -> tuple[Judgement, Callable[[str], bool]] | None:
        """What is to be said of what is kept under another's name, and of what was read for somebody else alone."""
        found = self._records.of_another(text, user, inputs, made_by)
        if found is None and (found := self._rows.of_another(text, user, inputs, made_by)) is not None:
            found = None if self._records.lists_all(text, found[0].content, made_by) else found
        return found

    def _is_shared(
        self, user: User, owner: User, has_them: Callable[[str], bool], endpoint: Endpoint | None, inputs: Inputs
    ) -> bool:
        """True where what the application keeps says that it is for ``user`` as well."""
        made_by = None if endpoint is None else endpoint.code()
        brought = ReadInputs(inputs, user, self._content).values()
        view, written = None if endpoint is None else endpoint.view, constants(made_by)
        return self._shared_with.both(user, owner, has_them, made_by, brought, view=view, written=written)

    def publish(
        self,
        target: str,
        what: str,
        user: User,
        mark: Mark,
        *,
        endpoint: Endpoint | None = None,
        field: str | None = None,
        judgement: Judgement | None = None,
    ) -> None:
        """Tell of another user's mark, in what the ``endpoint`` has made: often it has returned by now."""
        known = None if endpoint is None else current_endpoint()
        if known is not None and endpoint is not None and endpoint.route in (None, known.route):
            # A server knows no more than the application that it serves; a framework inside may know the view, and a
            # library below that which function of the application's has been asked.
            endpoint = known
        self._runtime.publish(Surfaced(target, what, user, mark.user, capture(DEEP), endpoint, field, judgement))

    # A framework's response is searched where it leaves the application, and comes by again in the server below. Where
    # the server has begun the request, that knows of it; other servers send when the request is over.

    def pass_on(self, payload: bytes, user: User) -> None:
        """Remember that these bytes were searched on behalf of ``user``."""
        request = current_unit().request
        if request is not None and request.served:
            request.searched = payload, user
            return
        self._passed_on[hash(payload), len(payload), user.id] = None
        if len(self._passed_on) > _PASSED_ON:
            drop_oldest(self._passed_on, _PASSED_ON)

    def was_searched_here(self, payload: bytes) -> bool:
        """The same on behalf of the user whose work is running."""
        request = current_unit().request
        if request is not None and request.searched is not None and request.searched[0] is payload:
            request.searched = None
            return True
        user = self.user() if self._passed_on else None
        return user is not None and self.was_searched(payload, user)

    def was_searched(self, payload: bytes, user: User) -> bool:
        """True, once, where they come by again."""
        request = current_unit().request
        searched = None if request is None else request.searched
        if request is not None and searched is not None and searched[0] == payload and searched[1] is user:
            request.searched = None
            return True
        return bool(self._passed_on) and self._passed_on.pop((hash(payload), len(payload), user.id), self) is None


def _joined(value: Any) -> str:
    return "\0".join(Gathering(value).texts)


def secret_of_another(marks: Iterable[Mark], user: User) -> Mark | None:
    """The first mark that may not even be mentioned to ``user``."""
    return foreign([mark for mark in marks if mark.secret], [user])
