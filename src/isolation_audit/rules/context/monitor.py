"""IA503 and IA504: work that runs with another user's context, or with nobody's."""

from __future__ import annotations

from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.context.suspicions import ContextBled, ContextLost

_CONFIG = '[ambient]\ncontextvar = "app:current_user"\n'

_MAILER = """\
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

class Mailer:
    def __init__(self):
        self.queue = asyncio.Queue()
        self.worker = None

    async def work(self):
        while True:
            {item} = await self.queue.get()
            {first}
            print(f"sent by {current_user.get()}: {text}")
            done.set_result(None)

    async def send(self, text):
        if self.worker is None:
            self.worker = asyncio.create_task(self.work())
        done = asyncio.get_running_loop().create_future()
        await self.queue.put({put})
        await done

async def request(mailer, user):
    current_user.set(user)
    await mailer.send("report")

async def serve():
    mailer = Mailer()
    await asyncio.create_task(request(mailer, "user-alice"))
    await asyncio.create_task(request(mailer, "user-bob"))

def main():
    asyncio.run(serve())
"""

_POOL = """\
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)
def archive(text):
    print(f"archived for {current_user.get()}: {text}")

def request(pool, user):
    current_user.set(user)
    pool.submit({job}, "report")

def main():
    with ThreadPoolExecutor() as pool:
        copy_context().run(request, pool, "user-alice")
"""


def _mailer(item: str, put: str, first: str) -> str:
    return _MAILER.replace("{item}", item).replace("{put}", put).replace("{first}", first)


class LineageMonitor(Monitor):
    """Judges what :mod:`isolation_audit.rules.context.lineage` and the integrations of servers witness."""

    hears = (
        ("ErrorReports", "isolation_audit.rules.context.reporter_scopes:ReporterScopes"),
        ("TaskLocals", "isolation_audit.rules.context.task_namespaces:Namespaces"),
        ("LibraryContexts", "isolation_audit.rules.context.library_residue:LibraryResidue"),
        ("ContextVariables", "isolation_audit.rules.context.context_residue:ContextResidue"),
        ("LoggerTags", "isolation_audit.rules.context.log_tags:LogTags"),
        ("ActivatedSettings", "isolation_audit.rules.context.active_settings:ActiveSettings"),
        ("RequestContexts", "isolation_audit.rules.context.shared_values:SharedValues"),
        ("ContextsOfWork", "isolation_audit.rules.context.lineage:Lineage"),
    )

    rules = (
        Rule(
            "IA503",
            "context-bled",
            Severity.ERROR,
            "A request, a job or a queued item ran in a context that had another user than its own.",
            "Whatever asks for the current user gets the other one: records are written, rights are checked and data "
            "is read in the wrong name, and every address looks right.",
            "set the user at the start of each request, job and item, and reset it at the end; start long-lived tasks "
            "outside of requests, or with context=contextvars.Context(); detach what was attached",
            Example(
                config=_CONFIG,
                bad=_mailer("text, done", "(text, done)", "pass"),
                good=_mailer("user, text, done", "(current_user.get(), text, done)", "current_user.set(user)"),
            ),
            options="`watch.contexts`, `ambient.contextvar`, `integrations.disable`",
        ),
        Rule(
            "IA504",
            "context-lost",
            Severity.WARNING,
            "Code that works for a user asked who the current user is, and got nobody.",
            "Unknown is not harmless: an audit record without a name, a check that passes because nobody is logged in, "
            "a query without its condition.",
            "run the job in a copy of the context (contextvars.copy_context().run, asyncio.to_thread); set the user "
            "outside of tasks and of BaseHTTPMiddleware, whose inner layers have a context of their own",
            Example(
                config=_CONFIG,
                bad=_POOL.replace("{job}", "archive"),
                good=_POOL.replace("{job}", "copy_context().run, archive"),
            ),
            options="`watch.contexts`, `ambient.contextvar`, `integrations.disable`",
        ),
    )

    @observes(ContextBled)
    def on_bled(self, bled: ContextBled) -> None:
        """A context had somebody else's user."""
        self.report("IA503", bled.how, ambient=bled.ambient, owner=bled.owner, place=bled.place, at=bled.stack)

    @observes(ContextLost)
    def on_lost(self, lost: ContextLost) -> None:
        """A context had no user."""
        self.report("IA504", lost.how, owner=lost.owner, place=lost.place, at=lost.stack)
