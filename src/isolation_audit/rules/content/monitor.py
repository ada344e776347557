"""IA203: the payload of an event names another user than all other witnesses."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from isolation_audit.instrument.inputs.latest import LatestUnits
from isolation_audit.instrument.tracking.observations import Carried, Returned
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.model.users import VISITOR
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.content.egress import Surfaced
from isolation_audit.rules.crossing.monitor import count, count_crossing

if TYPE_CHECKING:
    from isolation_audit.rules.provenance.verdicts import Judgement

_APP = """\
from isolation_audit import user_scope

NOTES = [{"author": "user-alice", "text": "call the bank"}, {"author": "user-bob", "text": "buy milk"}]

class Screen:
    def send(self, to, data):
        pass

def show_notes(user_id):
    with user_scope(user_id):
        Screen().send(to=user_id, data={"notes": search(user_id)})

def main():
    show_notes("user-alice")
    show_notes("user-bob")

"""

_WATCHED = "[watch]\npayloads = true\n"

_BOARD = """\
import asyncio
import sqlite3

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

db = sqlite3.connect(":memory:")
db.row_factory = sqlite3.Row
db.execute("CREATE TABLE orders (id, owner, item)")

async def order(request):
    user = {{"user": request.headers["x-user"]}}
    rows = db.execute("SELECT owner, item FROM orders{condition}", user).fetchall()
    return JSONResponse([dict(row) for row in rows])

app = Starlette(routes=[Route("/orders", order)])

async def ask(user):
    headers = [(b"x-user", user.encode())]
    scope = {{"type": "http", "method": "GET", "path": "/orders", "query_string": b"", "headers": headers}}
    async def receive():
        return {{"type": "http.request", "body": b"", "more_body": False}}
    async def send(message):
        pass
    await app(scope, receive, send)

def main():
    for number, user in enumerate(["user-alice", "user-bob"]):
        db.execute("INSERT INTO orders VALUES (?, ?, ?)", (number, user, "tea"))
    for user in ["user-alice", "user-bob"]:
        asyncio.run(ask(user))
"""


def _reader(surfaced: Surfaced) -> str:
    return "a visitor without a login" if surfaced.ambient is VISITOR else "{ambient}"


class ContentMonitor(Monitor):
    """Judges what payloads carry; addressing is judged next door, in ``crossing``."""

    hears = (
        ("MailsSent", "isolation_audit.rules.content.mails:Mails"),
        ("ClientTokens", "isolation_audit.rules.content.login_tokens:LoginTokens"),
        ("RequestsSent", "isolation_audit.rules.content.outgoing_requests:OutgoingRequests"),
        ("ClientHeaders", "isolation_audit.rules.content.client_headers:Credentials"),
        ("ClientCookies", "isolation_audit.rules.content.client_cookies:cookies_of"),
        ("RowsWritten", "isolation_audit.rules.provenance.written_rows:WrittenRows"),
        ("FilesOpened", "isolation_audit.rules.content.written_files:Files"),
        ("InputsLearned", "isolation_audit.rules.provenance.own_words:OwnWords"),
        ("Exits", "isolation_audit.rules.content.exits:exits"),
    )

    rules = (
        Rule(
            "IA203",
            "content-crossing",
            Severity.ERROR,
            "What was sent to a user holds an identifier or a secret of another user, and that has not come in with "
            "the user's own work.",
            "Every address may be right and the data still be somebody else's: a query without its condition on the "
            "user, a cache key that two users share.",
            "find where the data was read: the query, the cache or the object that it came from is not kept by user; "
            "list fields that name others on purpose under emitters.mentions or responses.mentions",
            Example(
                config='[[emitters]]\ntarget = "app:Screen.send"\naddressee = ["args.to"]\npayload = ["args.data"]\n',
                bad=_APP + "def search(user_id):\n    return NOTES[:1]\n",
                good=_APP + 'def search(user_id):\n    return [note for note in NOTES if note["author"] == user_id]\n',
            ),
            options="`watch.payloads`, `emitters.payload`, `emitters.mentions`, `responses`, `identity.bind`, "
            "`identity.system`; `canary()` and `secret()` in the Python API",
        ),
        Rule(
            "IA209",
            "read-of-another",
            Severity.NOTE,
            "A response names another user, and the request's own work has read that: from a database, a key-value "
            "store or another service.",
            "It is no leak from one user's work into another's: the application has asked for the record, and has "
            "sent it to its user. Whether this user may see it is decided by a check of the application's, which "
            "nobody sees from here. Where such a check is missing, this is the place where it shows.",
            "read the view: where it is meant to show others' records, nothing is wrong; else add the missing "
            "condition to its query, or the missing check",
            Example(
                config=_WATCHED, bad=_BOARD.format(condition=""), good=_BOARD.format(condition=" WHERE owner = :user")
            ),
            options="`responses.mentions`, `responses.paths`, `identity.system`",
        ),
    )

    @observes(Carried)
    def on_carried(self, carried: Carried) -> None:
        """A crossing, unless this event is counted as one already."""
        if not self.recorder.enabled("IA203"):
            return
        passage = carried.passage
        emission = passage.emission
        target = str(passage.entry.target)
        count_crossing(self.runtime, emission, None, "IA203")
        owner, to = passage.owner, "{ambient}"
        if passage.addressee is not None:
            to = "{addressee}"
        elif owner is not None:
            to = "{owner}"
        elif passage.ambient is None:
            owner, to = emission.claimed, "{owner}"
        self.report(
            "IA203",
            f"event {{event}} for {to} carries data of {{content}}, seen at {{detail}}",
            target=target,
            detail=f"{target}.{passage.method}" if not target.endswith(f".{passage.method}") else target,
            place="data of {content} passed here",
            event=emission.name,
            ambient=passage.ambient,
            owner=owner,
            addressee=passage.addressee,
            content=carried.content,
            record=passage.record,
        )

    @observes(Returned)
    def on_returned(self, returned: Returned) -> None:
        """What a user's own work gives back is for that user."""
        if not self.recorder.enabled("IA203"):
            return
        count(self.runtime, "IA203")
        self.report(
            "IA203",
            "the result of {target} for {ambient} carries data of {content}",
            target=returned.target,
            place="data of {content} was returned to here",
            ambient=returned.ambient,
            content=returned.content,
        )

    @observes(Surfaced)
    def on_surfaced(self, surfaced: Surfaced) -> None:
        """No target of the configuration: the ambient user is the only other witness."""
        judged = surfaced.judgement
        severity = None if judged is None else judged.verdict.severity
        if severity is Severity.NOTE:
            self._authorised(surfaced)
            return
        if not self.recorder.enabled("IA203"):
            return
        count(self.runtime, "IA203")
        self.report(
            "IA203",
            f"{surfaced.what} for {_reader(surfaced)} carries data of {{content}}, seen at {{target}}{{detail}}",
            target=surfaced.target,
            detail="" if judged is None else f": {judged.why}",
            place="data of {content} passed here",
            ambient=None if surfaced.ambient is VISITOR else surfaced.ambient,
            content=surfaced.content,
            at=surfaced.stack,
            answered=surfaced.endpoint,
            field=surfaced.field,
            provenance=None if judged is None else judged.words,
            explanation=partial(self._explained, judged),
            severity=severity,
        )

    def _authorised(self, surfaced: Surfaced) -> None:
        """What the application itself has asked for, or shows to all: its decision, and worth a look."""
        judged = surfaced.judgement
        self.report(
            "IA209",
            f"{surfaced.what} for {_reader(surfaced)} names {{content}}: {{detail}}",
            target=surfaced.target,
            detail="" if judged is None else judged.why,
            place="data of {content} passed here",
            ambient=None if surfaced.ambient is VISITOR else surfaced.ambient,
            content=surfaced.content,
            at=surfaced.stack,
            answered=surfaced.endpoint,
            provenance=None if judged is None else judged.words,
            explanation=partial(self._explained, judged),
        )

    def _explained(self, judged: Judgement | None) -> dict[str, Any] | None:
        """What the judgement rests on, for whoever asks why."""
        if judged is None:
            return None
        seen = self.runtime.part(LatestUnits).of(judged.content)
        user = self.label(judged.content)
        return {
            "verdict": judged.verdict.name.lower(),
            "inputs": dict(judged.counts),
            "last_seen": None if seen is None or user is None else seen.as_dict(user),
        }
