"""IA212: an answer for one user tells caches that serve everybody that they may keep it."""

from __future__ import annotations

from typing import Final

from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.content.egress import Egress, Surfaced
from isolation_audit.rules.shared_caches.answers import PersonalAnswer

_APP = """\
from flask import Flask, jsonify, request

app = Flask("shop")

@app.get("/cart")
def cart():
    answer = jsonify(user=request.headers["x-user"], items=3)
    answer.headers["Cache-Control"] = "{}, max-age=300"
    return answer

def main():
    for user in ["user-alice", "user-bob"]:
        app.test_client().get("/cart", headers={{"x-user": user}})
"""

_WORDS: Final = {
    "cookie": "sets a session's cookie",
    "named": "names its reader, as that of {owner} at the same address does",
    "differs": "is another than that of {owner} at the same address",
    "reader": "names its reader, as the request did",
    "given": "names its reader, and {owner} has got data of {ambient}",
}


class SharedCacheMonitor(Monitor):
    """Judges what the heads of answers allow."""

    rules = (
        Rule(
            "IA212",
            "personal-answer-for-shared-caches",
            Severity.ERROR,
            "An answer that is one user's own says, with `Cache-Control: public`, `s-maxage` or a header for a CDN, "
            "that caches which serve everybody may keep it, and no `Vary` tells them to keep one for each user. It "
            "sets a session's cookie; or two users are answered differently at one address, each with their own name; "
            "or it names nobody, and what each of two is answered comes again (a warning); or it names its reader, "
            "whom nothing but the request has named (a warning; an error once others were given data of that user). "
            "And whatever the head says: the cookie of one user's session is set in an answer to another user.",
            "A proxy or a CDN before the application gives the kept answer to whoever asks next: another user's page, "
            "or another user's session, with which they are logged in as that user. The application never sees that "
            "request.",
            "send personal answers with `Cache-Control: private` or `no-store`, also those that renew a session's "
            "cookie; where a shared cache is meant to keep one for each user, add the header that tells users apart to "
            "`Vary` (`Vary: Cookie`)",
            Example(config="[watch]\npayloads = true\n", bad=_APP.format("public"), good=_APP.format("private")),
            options="`watch.payloads`, `responses.paths`",
        ),
    )

    @observes(PersonalAnswer)
    def on_personal(self, found: PersonalAnswer) -> None:
        """Told where the answer leaves."""
        if found.why == "session":
            to = "{owner}" if found.other is not None else "somebody else"
            self.report(
                "IA212",
                f"the cookie of {{ambient}}'s session is set in an answer to {to}: a cache has kept it",
                ambient=found.user,
                owner=found.other,
                place="the cookie of {ambient} leaves here",
                at=found.stack,
                answered=found.endpoint,
            )
            return
        self.report(
            "IA212",
            f"an answer for {{ambient}} which caches may keep for everybody ({{detail}}) {_WORDS[found.why]}",
            detail=found.said,
            ambient=found.user,
            owner=found.other,
            place="the answer of {ambient} leaves here",
            at=found.stack,
            answered=found.endpoint,
            severity=Severity.WARNING if found.why in ("differs", "reader") else None,
        )

    @observes(Surfaced)
    def on_surfaced(self, surfaced: Surfaced) -> None:
        """A crossing: a cache may have made it of an answer that was seen before."""
        self.runtime.part(Egress).shared_caches.crossed(surfaced.content, surfaced.ambient)
