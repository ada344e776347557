# requires: APScheduler==3.11.3
# Jobs as they should be: one that sets the user it was added for, one that asks for nobody, and one on a thread.
import asyncio
from contextvars import ContextVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

current_user = ContextVar("current_user", default=None)
seen = []


async def remind(user):
    current_user.set(user)
    seen.append((user, current_user.get()))


async def tidy(user):
    seen.append((user, user))


def archive(user):
    seen.append((user, current_user.get() or user))


async def request(scheduler, user):
    current_user.set(user)
    if not scheduler.running:
        scheduler.start()
    for job in (remind, tidy, archive):
        scheduler.add_job(job, "date", args=[user])


async def main():
    scheduler = AsyncIOScheduler(timezone="UTC")
    for user in ("alice", "bob", "carol"):
        await asyncio.create_task(request(scheduler, user))
    for _ in range(200):
        if len(seen) == 9:
            break
        await asyncio.sleep(0.01)
    scheduler.shutdown()
    await asyncio.sleep(0)
    wrong = [pair for pair in seen if pair[0] != pair[1]]
    print(len(seen), "->", "LEAK" if wrong or len(seen) != 9 else "OK")


asyncio.run(main())
