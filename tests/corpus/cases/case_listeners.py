# requires: (stdlib only)
# An event bus tells every listener of everything: each session listens, and writes what it hears to its own user.
# An auditor should find: the listener that bob registered is called with what is alice's.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


class Bus:
    def __init__(self):
        self.listeners = []

    def listen(self, listener):
        self.listeners.append(listener)

    def publish(self, event):
        for listener in self.listeners:
            listener(event)


bus = Bus()


async def session(user, inbox, says):
    current_user.set(user)
    bus.listen(inbox.append)
    await asyncio.sleep(0.02)
    if says:
        bus.publish({"to": user, "text": f"your code is {user}-4711"})
    await asyncio.sleep(0.02)


async def main():
    inboxes = {"alice": [], "bob": []}
    await asyncio.gather(*(session(user, inbox, user == "alice") for user, inbox in inboxes.items()))
    print(inboxes, "->", "LEAK" if inboxes["bob"] else "OK")


asyncio.run(main())
