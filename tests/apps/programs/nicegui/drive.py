"""Three users of a page: log in with its form, write notes and on the board, and look at it, over Socket.IO."""

import asyncio
import json
import re

import socketio
from driving import Answer, answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
_elements = re.compile(r"parseElements\(String\.raw`(.*?)`\)", re.DOTALL)
_client = re.compile(r"'client_id': '([^']+)'")


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.do(user, "log in", lambda side, user=user: asyncio.run(log_in(side, user)))
            web.signed_in(user)
        use(web, user, f"{number}th of {user}", "Add", "Who")
    for user in USERS:
        use(web, user, f"{number} for all", "Post", "Who")


def use(web, user, text, *buttons):
    """The page, what is typed into it, and what it shows after each button."""
    return web.do(user, " ".join(buttons), lambda side: asyncio.run(_use(side, user, text, buttons)), requests=2)


async def log_in(side, user):
    async with Page(side, user, "/login") as page:
        await page.type("Username", user)
        await page.type("Password", PASSWORD)
        await page.click("Log in")
        return Answer(200, {}, str(await page.heard("open")))


async def _use(side, user, text, buttons):
    async with Page(side, user, "/") as page:
        await page.type("Note", text)
        shown = [page.greeting()]
        for button in buttons:
            await page.click(button)
            shown.append(await page.text())
        return Answer(200, {}, "\n".join(shown))


class Page:
    """A page in a browser, and its connection."""

    def __init__(self, side, user, path):
        self.side, self.user, self.path = side, user, path
        self.socket = socketio.AsyncClient()
        self.messages = {name: asyncio.Queue() for name in ("update", "open")}
        for name, messages in self.messages.items():
            self.socket.on(name, messages.put_nowait)

    async def __aenter__(self):
        client = self.side.client(self.user)
        body = answer(client.get(self.path)).body
        self.elements = json.loads(_elements.search(body)[1].replace("&quot;", '"'))
        self.number = _client.search(body)[1]
        asked = f"client_id={self.number}&tab_id=t{self.number}&document_id=d{self.number}&implicit_handshake=true"
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        where = {"socketio_path": "/_nicegui_ws/socket.io", "transports": ["websocket"]}
        await self.socket.connect(f"{self.side.base}?{asked}&next_message_id=0", {"Cookie": cookies}, **where)
        return self

    async def __aexit__(self, *_error):
        await self.socket.disconnect()

    def greeting(self):
        return next(one["text"] for one in self.elements.values() if one.get("text", "").startswith("hello"))

    async def type(self, label, text):
        await self._event(label, "update:value", [json.dumps(text)])

    async def click(self, label):
        await self._event(label, "click", [])

    async def _event(self, label, kind, arguments):
        number, one = next(pair for pair in self.elements.items() if pair[1].get("props", {}).get("label") == label)
        listener = next(event["listener_id"] for event in one["events"] if event["type"] == kind)
        event = {"id": int(number), "client_id": self.number, "listener_id": listener, "args": arguments}
        await self.socket.emit("event", event)

    async def heard(self, name):
        return await asyncio.wait_for(self.messages[name].get(), 60)

    async def text(self):
        """What the label shows next."""
        while True:
            changed = await self.heard("update")
            for one in changed.values():
                if isinstance(one, dict) and one.get("tag") == "div" and one.get("text"):
                    return one["text"]


def leak(web):
    for user in USERS[:2]:
        shown = use(web, user, "nothing", "Who").body
    assert f"you are {USERS[0]}" in shown
    for user in USERS[:2]:
        shown = use(web, user, "mine", "Add").body
    assert f"after {USERS[0]}" in shown
