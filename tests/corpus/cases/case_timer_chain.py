# requires: (stdlib only)
# Letters are queued, and a timer that sets itself again and again sends them; the first request has set the first one.
# An auditor should find: bob's letter is sent while the variable names alice, whose request is long over.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


class Outbox:
    def __init__(self):
        self.letters = asyncio.Queue()
        self.timer = None
        self.sent = []

    def put(self, text):
        self.letters.put_nowait(text)
        if self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(0.01, self.send)

    def send(self):
        while not self.letters.empty():
            text = self.letters.get_nowait()
            self.sent.append(f"{current_user.get()} sent: {text}")
        self.timer = asyncio.get_running_loop().call_later(0.01, self.send)


outbox = Outbox()


async def request(user):
    current_user.set(user)
    outbox.put(f"letter of {user}")
    await asyncio.sleep(0.03)


async def main():
    for user in ("alice", "bob"):
        await asyncio.create_task(request(user))
    outbox.timer.cancel()
    print(outbox.sent, "->", "LEAK" if "alice sent: letter of bob" in outbox.sent else "OK")


asyncio.run(main())
