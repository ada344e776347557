# requires: blinker==1.9.0
# Receivers as they should be: one for all, one that a request disconnects, one that minds whose the event is, one of
# a service that the first request starts, one that asks for a single sender, and announcements that are for everyone.
import asyncio
from contextvars import ContextVar

from blinker import signal

current_user = ContextVar("current_user", default=None)
settled, said = signal("settled"), signal("said")
log, wrong = [], []


@settled.connect
def write(sender, **line):
    log.append(line)


class Statistics:
    started = None

    def __init__(self):
        self.lines = []
        settled.connect(self.count)

    def count(self, sender, **line):
        self.lines.append(line)


class Session:
    def __init__(self, user):
        self.user, self.lines, self.heard = user, [], []
        settled.connect(self.hear)
        settled.connect(self.own, sender=self)
        said.connect(self.show)

    def hear(self, sender, customer, **line):
        if customer != self.user:
            return
        self.lines.append(line)

    def own(self, sender, **line):
        self.lines.append(line)

    def show(self, sender, **message):
        self.heard.append(message)


async def order(user, session):
    current_user.set(user)
    if Statistics.started is None:
        Statistics.started = Statistics()
    lines = []

    def hear(sender, **line):
        lines.append(line)

    with settled.connected_to(hear):
        settled.send(session, to=user, customer=user, total=4711)
    said.send("room", author=user, text="done")
    if len(lines) != 1:
        wrong.append(user)


async def connection(user):
    current_user.set(user)
    session = Session(user)
    await asyncio.sleep(0.01)
    await asyncio.create_task(order(user, session))
    await asyncio.sleep(0.02)
    if len(session.lines) != 2 or len(session.heard) != 3:
        wrong.append(user)


async def main():
    await asyncio.gather(*(asyncio.create_task(connection(user)) for user in ("alice", "bob", "carol")))
    print(len(log), len(Statistics.started.lines), wrong, "->", "LEAK" if wrong or len(log) != 3 else "OK")


asyncio.run(main())
