"""An application whose engines come by dependencies of FastAPI and by factory objects."""

from __future__ import annotations

APP = """\
import asyncio
from fastapi import Depends, FastAPI

class Engine:
    def __init__(self, user_id):
        self.user_id = user_id

class Factory:
    def __init__(self):
        self._active = {}

    async def create(self, user_id):
        made = Engine(user_id)
        self._active[f"{user_id}-1"] = made
        return made

    def end(self, user_id):
        self._active.pop(f"{user_id}-1", None)

class LateFactory(Factory):
    async def create(self, user_id):
        self.made = await super().create(user_id)
        self._active.clear()
        self.by_user = {user_id: self.made}
        return self.made

class PassingFactory:
    def __init__(self):
        self.settings = {"limit": 3}

    async def create(self, user_id):
        return Engine(user_id)

factory = Factory()
app = FastAPI()
kept = []

async def get_engine(user_id: str):
    return await factory.create(user_id)

async def make_engine(user_id: str):
    return Engine(user_id)

class Making:
    def __call__(self, user_id: str):
        return Engine(user_id)

async def ask_properly(user_id: str):
    return await factory.create(user_id)

@app.get("/")
async def root(engine=Depends(get_engine)):
    kept.append(engine)
    return engine.user_id

async def get(path):
    from httpx import ASGITransport, AsyncClient
    async with AsyncClient(transport=ASGITransport(app), base_url="http://app") as client:
        return (await client.get(path)).json()
"""

CONFIG = """\
[[engines]]
target = "PACKAGE.app:Engine"
owner = "args.user_id"
"""


def factory(name: str, *, canonical: bool = False) -> str:
    builds = 'builds = "PACKAGE.app:Engine"'
    return f'\n[[factories]]\ntarget = "PACKAGE.app:{name}"\n{builds}\ncanonical = {str(canonical).lower()}\n'


START = CONFIG + factory("Factory.create", canonical=True) + factory("PassingFactory.create", canonical=True)
