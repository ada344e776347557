# requires: blinker==1.6
# Each request listens to what its order comes to, and never stops: the next customer's is added to its answer.
# An auditor should find: the listener that alice's request has left behind is called with what is bob's.
import asyncio
from contextvars import ContextVar

from blinker import signal

current_user = ContextVar("current_user", default=None)
settled = signal("settled")
answers = {}


async def order(user):
    current_user.set(user)
    lines = answers[user] = []

    def hear(sender, **line):
        lines.append(line)

    settled.connect(hear, weak=False)
    await asyncio.sleep(0)
    settled.send("shop", customer=user, total=4711)


async def main():
    for user in ("alice", "bob"):
        await asyncio.create_task(order(user))
    print(answers, "->", "LEAK" if len(answers["alice"]) > 1 else "OK")


asyncio.run(main())
