"""The application of docs/howto/incident.md: an outlet that remembers one current user for all runs."""

from __future__ import annotations

import asyncio
import random

from isolation_audit import user_scope


class Outlet:
    def __init__(self) -> None:
        self.user_id = ""

    def begin(self, user_id: str) -> None:
        self.user_id = user_id

    async def send(self, event: str) -> None:
        await asyncio.sleep(0.05)
        deliver(event, self.user_id)


def deliver(event: str, to: str) -> str:
    return f"{event} to {to}"


async def run(outlet: Outlet, user_id: str, number: int) -> None:
    with user_scope(user_id, run_id=f"{user_id}-{number}"):
        outlet.begin(user_id)
        for event in ("started", "thinking", "completed"):
            await outlet.send(event)


async def main() -> None:
    outlet, chance = Outlet(), random.Random(4)
    running = []
    for number in range(12):
        running.append(asyncio.create_task(run(outlet, f"user{number % 5}", number)))
        await asyncio.sleep(chance.choice((0.02, 0.2, 0.3)))
    await asyncio.gather(*running)


def start() -> None:
    asyncio.run(main())
