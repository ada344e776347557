# requires: APScheduler==3.9.1.post1 setuptools==75.6.0
# Requests add reminders to one scheduler. Whoever adds the last one wakes it, and lends it the context for all.
# An auditor should find: alice's reminder is sent while the variable names bob.
import asyncio
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

current_user = ContextVar("current_user", default=None)
sent = []


async def remind(text):
    sent.append(f"{current_user.get()}: {text}")


async def request(scheduler, user):
    current_user.set(user)
    due = datetime.now(UTC) + timedelta(seconds=0.5)
    scheduler.add_job(remind, "date", run_date=due, args=[f"reminder of {user}"])


async def main():
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.start()
    for user in ("alice", "bob"):
        await asyncio.create_task(request(scheduler, user))
    await asyncio.sleep(1)
    scheduler.shutdown()
    await asyncio.sleep(0)
    print(sent, "->", "LEAK" if "bob: reminder of alice" in sent else "OK")


asyncio.run(main())
