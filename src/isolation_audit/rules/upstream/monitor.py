"""IA211: a service has sent a request in one user's work, and with another user's login."""

from __future__ import annotations

from isolation_audit.instrument.tracking.observations import SentForAnother
from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes

_APP = """\
import asyncio
import httpx
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from isolation_audit import user_scope

billing = Starlette(routes=[Route("/invoices", lambda request: PlainTextResponse("none"))])
client = httpx.AsyncClient(transport=httpx.ASGITransport(app=billing), base_url="http://billing")

async def invoices(user, login):
    with user_scope(user):
        await client.get("/invoices", headers={"X-User": login})

async def ask():
    await invoices("alice", login="alice")
    await invoices("bob", login="bob")
"""


class UpstreamMonitor(Monitor):
    """Judges for whom requests were sent, beside whose they are where they arrive."""

    hears = (("RequestsArrived", "isolation_audit.rules.upstream.senders:Senders"),)

    rules = (
        Rule(
            "IA211",
            "sent-for-another-user",
            Severity.ERROR,
            "Another audited service sent a request while it worked for one user, and the request is another user's "
            "where it arrives.",
            "It has used somebody else's token, session or id: its user sees and changes data of another.",
            "in the service that sends the request, take the login from the context of the work that sends it, and not "
            "from a client that all users share",
            Example(
                config='[baggage]\nhosts = ["billing"]\naccept = true\n\n[identity]\nheaders = ["x-user"]\n',
                bad=_APP + '    await invoices("bob", login="alice")\n\ndef main():\n    asyncio.run(ask())\n',
                good=_APP + "\ndef main():\n    asyncio.run(ask())\n",
            ),
            options="`baggage.hosts`, `baggage.accept`",
        ),
    )

    @observes(SentForAnother)
    def on_sent(self, sent: SentForAnother) -> None:
        """Told where the request has arrived: where it was sent is another process's to know."""
        self.report(
            "IA211",
            "a request of {ambient} was sent by a service that was at work for {owner}",
            ambient=sent.user,
            owner=sent.sender,
            place="the request of {ambient} is answered here",
            answered=sent.endpoint,
        )
