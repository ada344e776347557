# requires: (stdlib only)
# A batch of log lines is written by a timer; the first request of a batch starts it, and the timer keeps its context.
# An auditor should find: the line that bob added is written while the variable names alice.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


class Batch:
    def __init__(self):
        self.waiting = []
        self.written = []
        self.timer = None

    def add(self, line):
        self.waiting.append(line)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().create_task(self.flush())

    async def flush(self):
        await asyncio.sleep(0.05)
        self.written += [(current_user.get(), line) for line in self.waiting]
        self.waiting.clear()
        self.timer = None


batch = Batch()


async def request(user):
    current_user.set(user)
    batch.add(f"{user} opened the safe")


async def main():
    await asyncio.create_task(request("alice"))
    await asyncio.create_task(request("bob"))
    await asyncio.sleep(0.1)
    print(batch.written, "->", "LEAK" if batch.written[1][0] == "alice" else "OK")


asyncio.run(main())
