"""IA505: a pooled resource that one user's work left dirty, and another's goes on with."""

from __future__ import annotations

from isolation_audit.model.rules import Example, Rule, Severity
from isolation_audit.rules.base import Monitor, observes
from isolation_audit.rules.pools.unread_answers import Dirty

_CONFIG = """\
[ambient]
contextvar = "app:current_user"
"""

_APP = """\
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)

async def answer_slowly(reader, writer):
    while line := await reader.readline():
        await asyncio.sleep(0.05)
        writer.write(b"record of " + line)
    writer.close()

class Client:
    def __init__(self, port):
        self.port, self.streams = port, None

    async def get(self, user):
        current_user.set(user)
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(user.encode() + b"\\n")
        {read}

    async def close(self):
        if self.streams is not None:
            self.streams[1].close()
            await self.streams[1].wait_closed()
            self.streams = None

async def main():
    server = await asyncio.start_server(answer_slowly, "127.0.0.1", 0)
    client = Client(server.sockets[0].getsockname()[1])
    alice = asyncio.create_task(client.get("alice"))
    await asyncio.sleep(0.02)
    alice.cancel()
    await asyncio.wait([alice])
    await asyncio.create_task(client.get("bob"))
    await client.close()
    await asyncio.sleep(0.1)
    server.close()
"""

_BAD = "return await reader.readline()"

_GOOD = """\
try:
            return await reader.readline()
        except BaseException:
            await self.close()
            raise"""


class PoolingMonitor(Monitor):
    """Judges nothing more: what the mechanism publishes is a leak."""

    hears = (
        ("DatabaseSessions", "isolation_audit.rules.pools.databases:Databases"),
        ("OrmSessions", "isolation_audit.rules.pools.orm_sessions:Sessions"),
        ("QuestionsAndAnswers", "isolation_audit.rules.pools.unread_answers:Pools"),
    )

    rules = (
        Rule(
            "IA505",
            "pooled-resource-dirty",
            Severity.ERROR,
            "One user's work left a connection or session with unread answers or changed settings, and another user's "
            "work used it.",
            "The next user reads the answer that the first one did not wait for, or works with their settings, their "
            "temporary tables, their uncommitted rows.",
            "close the connection when the work on it is cancelled; before it goes back to the pool, roll back and "
            "reset what the work has set; give each request a session of its own",
            Example(config=_CONFIG, bad=_APP.replace("{read}", _BAD), good=_APP.replace("{read}", _GOOD)),
            options="`watch.pools`, `integrations.disable`",
        ),
    )

    @observes(Dirty)
    def on_dirty(self, dirty: Dirty) -> None:
        """Left by one user, taken by another."""
        self.report(
            "IA505",
            "{ambient} is served over what {owner} left behind {detail}: {target}",
            detail=dirty.how,
            target=dirty.target,
            ambient=dirty.taken_by,
            owner=dirty.left_by,
            record=dirty.record,
            place="taken for {ambient} here",
            at=dirty.stack,
        )
