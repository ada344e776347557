# requires: (stdlib only)
# The clean twin of case_pool_thread: every job takes its submitter's context along.
import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)


def export():
    return f"rows of {current_user.get()}"


async def request(user):
    current_user.set(user)
    own = asyncio.to_thread(export)
    by_hand = asyncio.get_running_loop().run_in_executor(None, copy_context().run, export)
    return await asyncio.gather(own, by_hand)


async def main():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    got = [await asyncio.create_task(request(user)) for user in ("alice", "bob", "alice")]
    right = [[f"rows of {user}"] * 2 for user in ("alice", "bob", "alice")]
    print(got, "->", "OK" if got == right else "LEAK")


asyncio.run(main())
