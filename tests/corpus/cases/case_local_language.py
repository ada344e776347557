# requires: asgiref==3.8.1  control: asgiref==3.9.1
# A language that middleware keeps in a Local; the default that start-up sets makes one storage for all requests.
# An auditor should find: alice's page is rendered in the language that bob's request has set.
import asyncio
from contextvars import ContextVar

from asgiref.local import Local

current_user = ContextVar("current_user", default=None)
settings = Local()
settings.language = "en"
LANGUAGES = {"alice": "fr-alice", "bob": "de-bob"}


async def page(user, slow):
    current_user.set(user)
    settings.language = LANGUAGES[user]
    await asyncio.sleep(slow)
    return f"{user} reads {settings.language}"


async def main():
    pages = await asyncio.gather(page("alice", 0.05), page("bob", 0.01))
    print(pages, "->", "LEAK" if "fr" not in pages[0] else "OK")


asyncio.run(main())
