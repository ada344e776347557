# requires: (stdlib only)
# Contexts as they should be: a worker that sets each item's user, jobs and threads that take a copy along, a
# subscriber that reads what others write to it, and work that goes on after its request.
import asyncio
import threading
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)
seen = []


async def worker(jobs):
    while True:
        user, done = await jobs.get()
        token = current_user.set(user)
        seen.append((user, current_user.get()))
        done.set_result(None)
        current_user.reset(token)


class Mailer:
    jobs = task = None

    async def send(self):
        if self.task is None:
            self.jobs = asyncio.Queue()
            self.task = asyncio.create_task(worker(self.jobs))
        done = asyncio.get_running_loop().create_future()
        await self.jobs.put((current_user.get(), done))
        await done


mailer = Mailer()
inboxes = {}


def note(user):
    seen.append((user, current_user.get()))


async def subscriber(user):
    while True:
        await inboxes[user].get()
        note(user)


async def request(user):
    current_user.set(user)
    inboxes[user] = asyncio.Queue()
    reading = asyncio.create_task(subscriber(user))
    await mailer.send()
    await asyncio.to_thread(note, user)
    await asyncio.get_running_loop().run_in_executor(None, copy_context().run, note, user)
    thread = threading.Thread(target=copy_context().run, args=(note, user))
    thread.start()
    thread.join()
    for inbox in list(inboxes.values()):
        inbox.put_nowait("hello")
    await asyncio.sleep(0.01)
    return reading


async def main():
    reading = await asyncio.gather(*(asyncio.create_task(request(user)) for user in ("alice", "bob", "alice")))
    for one in reading:
        one.cancel()
    print(len(seen), "->", "OK" if len(seen) > 15 and all(user == ambient for user, ambient in seen) else "LEAK")


asyncio.run(main())
