# requires: (stdlib only)
# Timers and workers as they should be: one that is set before the first request, one that sets each item's user, a
# thread without anybody's context that is told whose the item is, and a session's own reminders.
import asyncio
import queue
import threading
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)
seen, letters, reports = [], asyncio.Queue(), queue.Queue()


def tick():
    while not letters.empty():
        user, _text = letters.get_nowait()
        token = current_user.set(user)
        seen.append((user, current_user.get()))
        current_user.reset(token)
    asyncio.get_running_loop().call_later(0.005, tick)


def write():
    while True:
        user, done = reports.get()
        if done is None:
            return
        copy_context().run(note, user, user)
        done.set()


def note(user, ambient):
    current_user.set(ambient)
    seen.append((user, current_user.get()))


def remind(user):
    seen.append((user, current_user.get()))


async def request(user, started):
    current_user.set(user)
    letters.put_nowait((user, "letter"))
    if not started:
        tick()
        started.append(threading.Thread(target=copy_context().run, args=(write,)))
        started[0].start()
    asyncio.get_running_loop().call_later(0.01, remind, user)
    done = threading.Event()
    reports.put((user, done))
    await asyncio.to_thread(done.wait)
    await asyncio.sleep(0.03)


async def main():
    started = []
    for user in ("alice", "bob", "carol"):
        await asyncio.create_task(request(user, started))
    reports.put((None, None))
    wrong = [pair for pair in seen if pair[0] != pair[1]]
    print(len(seen), "->", "LEAK" if wrong or len(seen) != 9 else "OK")


asyncio.run(main())
