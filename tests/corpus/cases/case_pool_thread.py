# requires: (stdlib only)
# A job in a worker thread says who it works for and never takes that back: the thread keeps it for the next job.
# An auditor should find: bob's job, submitted in bob's context, runs while the thread's variable names alice.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


def export(user):
    if user is not None:  # signed in just now; others are taken from the context
        current_user.set(user)
    return f"rows of {current_user.get()}"


async def request(user, signs_in):
    current_user.set(user)
    return await asyncio.get_running_loop().run_in_executor(None, export, user if signs_in else None)


async def main():
    from concurrent.futures import ThreadPoolExecutor

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await asyncio.create_task(request("alice", signs_in=True))
    got = await asyncio.create_task(request("bob", signs_in=False))
    print("bob got", got, "->", "LEAK" if "alice" in got else "OK")


asyncio.run(main())
