"""Responses on their way out: their bodies, chunk by chunk."""

from __future__ import annotations

import re
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content import secrets
from isolation_audit.content.compressed import unpacking
from isolation_audit.content.index import Mark
from isolation_audit.instrument.work.routes import current_endpoint
from isolation_audit.model.contexts import current_unit
from isolation_audit.model.current_inputs import current_inputs
from isolation_audit.model.rules import Severity
from isolation_audit.model.users import VISITOR, same
from isolation_audit.rules.content.egress import secret_of_another
from isolation_audit.rules.content.handed_out import look_for_credentials, may_have_credentials
from isolation_audit.rules.content.payloads import LARGEST
from isolation_audit.rules.content.pushes import Events, Push
from isolation_audit.rules.content.response_heads import HEAD, NOBODYS, readable
from isolation_audit.rules.provenance.verdicts import Judgement, Verdict
from isolation_audit.vocabulary.exits import PUSHED, LeavingResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from isolation_audit.instrument.work.answered import AnsweredRequest
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User
    from isolation_audit.rules.content.egress import Egress
    from isolation_audit.rules.shared_caches.answers import Answer

RESPONSE: Final = "a response"

_HELD: Final = 256
"""Bytes at the end of a chunk in which a break is looked for, so that no identifier is cut in two."""

_AT_ONCE: Final = 500
"""Events of one chunk that are judged one by one."""

_last_break: Final = pattern(rb'.*[\s",;<>{}]', re.DOTALL)
_UNREAD: Final = pattern(
    r"image/|audio/|video/|font/|text/(css|javascript)|application/(javascript|octet-stream|pdf|wasm|zip|gzip)"
)
"""Types that are nobody's data, or no text."""


class Response(LeavingResponse):
    """One response.

    A finding, where the body names another user and, up to its end, not the one whose request it is for; unless the
    request has asked for that user by name, or the configuration says that it may. ``outermost``: seen where it leaves
    the application, with its whole body, which comes by again in the server.
    """

    __slots__ = (
        "_body",
        "_concerned",
        "_events",
        "_found",
        "_head",
        "_held",
        "_left",
        "_outermost",
        "_own",
        "_page",
        "_push",
        "_readable",
        "_request",
        "_shared",
        "_sinks",
        "_target",
        "_unended",
        "_unpacking",
        "_waiting",
    )

    def __init__(
        self,
        sinks: Egress,
        target: str,
        headers: Iterable[tuple[bytes, bytes]],
        request: AnsweredRequest,
        *,
        outermost: bool = False,
    ) -> None:
        self._sinks = sinks
        self._outermost = outermost
        self._target = target
        self._request = request
        self._held = b""
        self._body: list[bytes] = []
        self._left = LARGEST
        self._shared = self._own = sinks.opens_paths and sinks.may_name_others(request.asked)
        self._concerned: dict[str, User] = {}
        """Everybody whom the body names, by id."""
        self._found: Mark | None = None
        self._waiting: list[bytes] = []
        encoding, kind = "identity", ""
        self._head: list[tuple[bytes, bytes]] = []
        """The headers that may tell of somebody."""
        for name, value in headers:
            lower = name.lower()
            if lower == b"content-type":
                kind = value.decode("latin-1").strip().lower()
            elif lower == b"content-encoding":
                encoding = value.decode("latin-1").strip().lower()
            elif lower not in NOBODYS:
                self._head.append((name, value))
        self._push = Push(sinks, target) if kind.startswith("text/event-stream") else None
        self._events: Events | None = None if self._push is None else Events()
        self._unended = True
        """As long as nothing waits for the end of the unit, which may come before that of the body."""
        self.kept: Answer | None = None
        """What caches for everybody may keep of it, where its head, as it leaves the process, says that they may."""
        self._page = kind.startswith(("text/html", "application/xhtml"))
        self._readable = _UNREAD.match(kind) is None
        self._unpacking = None if encoding in ("identity", "") else unpacking(encoding, LARGEST)
        if self._unpacking is None and encoding not in ("identity", ""):
            self._give_up()

    def chunk(self, data: bytes, *, last: bool) -> None:
        """The next part of the body."""
        self._keep(data, last=last)
        if self._readable:
            self.chunk_for(self._sinks.user(), data, last=last)

    def _keep(self, data: bytes, *, last: bool) -> None:
        kept = self.kept
        if kept is not None and (user := self._sinks.user()) is not None:
            kept.part(data, user, last=last)

    def _give_up(self) -> None:
        self._readable = False
        if self._sinks.user() is not None:
            self._sinks.unread()

    def chunk_for(self, user: User | None, data: bytes, *, last: bool, unpacked: bool = False) -> None:
        """The same, where it was asked already whose work is running; ``unpacked`` where it is no more compressed."""
        if self._unpacking is not None and self._readable and not unpacked:
            data = self._unpacked(data)
        if not self._readable:
            return
        if user is None:
            self._wait(data, last=last)
            return
        if self._waiting:
            data, self._waiting, self._left = b"".join([*self._waiting, data]), [], LARGEST
        request = current_unit().request
        if self._outermost:
            if request is not None and request.served:
                request.searched = data, user  # as pass_on()
            else:
                self._sinks.pass_on(data, user)
        elif self._sinks.was_searched(data, user):
            return
        if self._push is not None and self._events is not None:
            self._pushed(self._push, self._events, data, user, last=last)
        else:
            own = None if request is None or current_unit().given_by is not None else request.inputs
            inputs = own or current_inputs()
            if inputs is not None:
                self._by_provenance(data, user, inputs, last=last)
            else:
                self._by_names(data, user, last=last)

    def _unpacked(self, data: bytes) -> bytes:
        part = None if self._unpacking is None else self._unpacking.part(data)
        if part is None:
            self._give_up()
            return b""
        return part

    def _by_names(self, data: bytes, user: User, *, last: bool) -> None:
        """Outside of units of work nothing is known but whom the body names."""
        if self._left > 0 and not self._own:
            # Together they may be JSON, which says in which field somebody is named.
            self._left -= len(data)
            self._body.append(data)
        # The own name settles it, but for secrets.
        if not self._own or secrets.version():
            self._search(self._whole(data, last=last), user)
        if last and self._found is not None and not self._own:
            self._found = self._unasked(self._sinks.outside_mentions(b"".join(self._body)[:LARGEST]))
            if self._found is not None:
                self._publish(user, self._found)
            self._found = None

    def _pushed(self, push: Push, events: Events, data: bytes, user: User, *, last: bool) -> None:
        """Events are judged one by one: a stream of them may go on for days. Of very many at once the rest is one."""
        found = events.events(data, last=last)
        for event in (*islice(found, _AT_ONCE), b"\n".join(found)):
            if event and not self._shared:
                push.message(event, user, asked=self._request.asked, endpoint=self._request.endpoint)
            elif event:
                self._sinks.secrets(event, self._target, PUSHED)

    def _wait(self, data: bytes, *, last: bool) -> None:
        """Keep what was sent before anybody knows for whom; it is judged when that is known."""
        request = current_unit().request
        if request is None or self._left <= 0:
            return
        self._left -= len(data)
        self._waiting.append(data)
        if last:
            body, self._waiting, self._left = b"".join(self._waiting), [], LARGEST
            look_for_credentials(body)
            if request.is_a_visitors():  # at once: the process may end as soon as the client has its answer
                self._for_visitor(body)
                return
            request.when_known(partial(self._once_known, body), partial(self._for_visitor, body))

    def _once_known(self, rest: bytes) -> None:
        """The end of what has waited, and is unpacked already."""
        self._keep(rest, last=True)
        if self._readable:
            self.chunk_for(self._sinks.user(), rest, last=True, unpacked=True)

    def _for_visitor(self, body: bytes) -> None:
        """Judge what has left for somebody without a login: whom it names has to have come in as for anybody else."""
        body = body[:LARGEST]
        if self._push is not None or self._shared or current_inputs() is None:
            return
        if self._outermost:
            self._sinks.pass_on(body, VISITOR)
        elif self._sinks.was_searched(body, VISITOR):
            return
        asked = self._sinks.named(self._request.asked)
        marks = [mark for mark in self._sinks.marks(body) if not mark.secret and mark.user.id not in asked]
        named = {mark.user.id: mark.user for mark in marks}
        if named:
            self._judge(VISITOR, named, body)

    def _by_provenance(self, data: bytes, user: User, inputs: Inputs, *, last: bool) -> None:
        """Collect whom the body names; at its end, judge by what came in through the unit of work."""
        if self._unended and not last:
            # A client that leaves, and a stream that never ends, are judged by what has left until then.
            self._unended = False
            inputs.at_end.append(partial(self._once_known, b""))
        if self._left > 0:
            self._left -= len(data)
            self._body.append(data)
        text = data if last and not self._held else self._whole(data, last=last)
        for mark in self._sinks.marks(text) if text else ():
            if not mark.secret:
                self._concerned.setdefault(mark.user.id, mark.user)
            elif not same(mark.user, user) and self._found is None:
                self._found, self._shared = mark, True  # the secret tells it all
                self._publish(user, mark, text)
        if not last:
            return
        if not self._shared:
            body = b"".join(self._body)[:LARGEST]
            if self._outermost or not self._sinks.was_searched(body, user):
                self._whole_body(body, user, inputs)
        self._concerned = {}

    def _whole_body(self, body: bytes, user: User, inputs: Inputs) -> None:
        """Judge whom it names; and where that tells nothing, whose words it has."""
        if may_have_credentials(body):
            look_for_credentials(body)
        told = False
        if self._concerned.keys() - {user.id}:
            asked = self._sinks.named(self._request.asked) - {user.id}
            named = {user_id: one for user_id, one in self._concerned.items() if user_id not in asked}
            told = self._judge(user, named, body)
        if not told:
            # The common case asks nothing again: the inputs of the unit that sends it are those of the request.
            own = inputs if current_unit().given_by is None else None
            self._sinks.words(self._target, RESPONSE, user, body, answers=self._request, own=own)
            if inputs.saying is not None:
                self._sinks.answered(inputs, user, body, self._place())
        if self._head:
            self._judge_head(user)

    def _place(self) -> str:
        return next((str(value, "latin-1") for name, value in self._head if name.lower() == b"location"), "")

    def _judge_head(self, user: User) -> None:
        """The same of its headers."""
        owner = self._sinks.given_cookies.owner(user, self._head, current_inputs())
        if owner is not None:
            self._head = []
            judgement = Judgement(Verdict.GIVEN, owner)
            self._sinks.publish(
                self._target, HEAD, user, Mark(owner), endpoint=self._request.endpoint, judgement=judgement
            )
            return
        head = readable(self._head)
        self._head = []
        asked = self._sinks.named(self._request.asked) - {user.id}
        named = {mark.user.id: mark.user for mark in self._sinks.marks(head) if mark.user.id not in asked}
        if not named.keys() - {user.id} or not self._judge(user, named, head.encode(), HEAD):
            self._sinks.words(self._target, HEAD, user, head, answers=self._request)

    def _judge(self, user: User, named: Mapping[str, User], body: bytes, what: str = RESPONSE) -> bool:
        endpoint = current_endpoint() or self._request.endpoint
        made_by = None if endpoint is None else endpoint.code()
        judgement = self._sinks.judge(user, named, body, made_by, page=self._page and what is RESPONSE)
        if judgement is not None:
            self._publish(user, Mark(judgement.content), body, judgement, what)
        return judgement is not None and judgement.verdict.severity is not Severity.NOTE

    def _whole(self, data: bytes, *, last: bool) -> bytes:
        """What can be searched now; the rest, which the next chunk may continue, is held back."""
        text = self._held + data
        self._held = b""
        if last:
            return text
        end = _last_break.match(text, max(0, len(text) - _HELD))
        if end is None:
            if len(text) > _HELD:
                return text
            self._held = text
            return b""
        self._held = text[end.end() :]
        return text[: end.end()]

    def _search(self, text: bytes, user: User) -> None:
        marks = self._sinks.marks(text) if text else []
        if not marks:
            return
        secret = secret_of_another(marks, user)
        if secret is not None:
            self._own = True  # the secret tells it all
            self._publish(user, secret, text)
        elif any(mark.user.id == user.id for mark in marks):
            self._own = True
        elif self._found is None:
            self._found = self._unasked(marks)

    def _publish(
        self,
        user: User,
        mark: Mark,
        text: bytes | None = None,
        judgement: Judgement | None = None,
        what: str = RESPONSE,
    ) -> None:
        """Tell of a mark, in ``text`` or in the whole body, and of the field that has it."""
        body = b"".join(self._body) if text is None else text
        # What was asked for is told by its route: to look for the field would cost more than all the rest.
        wanted = judgement is None or judgement.verdict.severity is not Severity.NOTE
        field = self._sinks.field(body, mark) if wanted else None
        self._sinks.publish(
            self._target, what, user, mark, endpoint=self._request.endpoint, field=field, judgement=judgement
        )

    def _unasked(self, marks: list[Mark]) -> Mark | None:
        """The first mark of somebody whom the request has not named."""
        asked = self._sinks.named(self._request.asked)
        return next((mark for mark in marks if mark.user.id not in asked), None)
