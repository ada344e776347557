"""Small programs that leak, each with the twin in which the fault is mended: what the monitor of state is tried on.

``handle(user, text)`` is the work for one user. Alice's comes first; where it is a coroutine, bob's begins while hers
waits.
"""

LEAKS = {
    "what stands under a user's name": (
        """
        SALARIES = {"alice": 81230, "bob": 41177}
        kept = {}

        def handle(user, text):
            if "page" not in kept:
                kept["page"] = {"salary": SALARIES[user]}
            return dict(kept["page"])
        """,
        """
        SALARIES = {"alice": 81230, "bob": 41177}
        kept = {}

        def handle(user, text):
            if user not in kept:
                kept[user] = {"salary": SALARIES[user]}
            return dict(kept[user])
        """,
    ),
    "rows that name their owners": (
        """
        ROWS = [{"owner": "alice", "amount": 88012}, {"owner": "bob", "amount": 31415}]
        kept = {}

        def handle(user, text):
            if "page" not in kept:
                kept["page"] = [row["amount"] for row in ROWS if row["owner"] == user]
            return list(kept["page"])
        """,
        """
        ROWS = [{"owner": "alice", "amount": 88012}, {"owner": "bob", "amount": 31415}]

        def handle(user, text):
            return [row["amount"] for row in ROWS if row["owner"] == user]
        """,
    ),
    "global": (
        """
        last = None

        def handle(user, text):
            global last
            before, last = last, text
            return [before, text]
        """,
        """
        def handle(user, text):
            last = None
            before, last = last, text
            return [before, text]
        """,
    ),
    "nonlocal": (
        """
        def make():
            last = ""

            def handle(user, text):
                nonlocal last
                before = last
                last = text
                return [before, text]

            return handle

        handle = make()
        """,
        """
        def make():
            last = {}

            def handle(user, text):
                before = last.get(user)
                last[user] = text
                return [before, text]

            return handle

        handle = make()
        """,
    ),
    "closure": (
        """
        def make():
            said = []

            def handle(user, text):
                said.append(text)
                return list(said)

            return handle

        handle = make()
        """,
        """
        def make():
            def handle(user, text):
                said = []
                said.append(text)
                return list(said)

            return handle

        handle = make()
        """,
    ),
    "default argument": (
        """
        def remember(text, said=[]):
            said.append(text)
            return said

        def handle(user, text):
            return list(remember(text))
        """,
        """
        def remember(text, said=None):
            said = [] if said is None else said
            said.append(text)
            return said

        def handle(user, text):
            return list(remember(text))
        """,
    ),
    "default of a context variable": (
        """
        from contextvars import ContextVar

        said = ContextVar("said", default=[])

        def handle(user, text):
            said.get().append(text)
            return list(said.get())
        """,
        """
        from contextvars import ContextVar

        said = ContextVar("said", default=())

        def handle(user, text):
            said.set((text,))
            return list(said.get())
        """,
    ),
    "environment": (
        """
        import os

        def handle(user, text):
            before = os.environ.get("STATE_TEST_TOKEN")
            os.environ["STATE_TEST_TOKEN"] = text
            return [before]
        """,
        """
        import os

        def handle(user, text):
            environ = dict(os.environ)
            before = environ.get("STATE_TEST_TOKEN")
            environ["STATE_TEST_TOKEN"] = text
            return [before]
        """,
    ),
    "filter of a log": (
        """
        import logging

        class Tag(logging.Filter):
            tag = None

            def filter(self, record):
                record.tag = self.tag
                return True

        tag = Tag()
        log = logging.getLogger("state.small")
        log.addFilter(tag)

        class Keep(logging.Handler):
            lines = []

            def emit(self, record):
                self.lines.append(record.tag)

        log.addHandler(Keep())

        def handle(user, text):
            log.warning("asked")
            tag.tag = text
        """,
        """
        import logging
        from contextvars import ContextVar

        current = ContextVar("current", default=None)

        class Tag(logging.Filter):
            def filter(self, record):
                record.tag = current.get()
                return True

        tag = Tag()
        log = logging.getLogger("state.small.clean")
        log.addFilter(tag)

        def handle(user, text):
            current.set(text)
            log.warning("asked")
        """,
    ),
    "single flight": (
        """
        import asyncio

        flights = {}

        async def fetch(text):
            await asyncio.sleep(0.01)
            return {"answer": text}

        async def handle(user, text):
            if "balance" not in flights:
                flights["balance"] = asyncio.ensure_future(fetch(text))
            return await flights["balance"]
        """,
        """
        import asyncio

        flights = {}

        async def fetch(text):
            await asyncio.sleep(0.01)
            return {"answer": text}

        async def handle(user, text):
            if user not in flights:
                flights[user] = asyncio.ensure_future(fetch(text))
            return await flights[user]
        """,
    ),
    "generator": (
        """
        def conversation():
            said = []
            while True:
                text = yield list(said)
                said.append(text)

        talk = conversation()
        next(talk)

        def handle(user, text):
            return talk.send(text)
        """,
        """
        def conversation():
            said = []
            while True:
                text = yield list(said)
                said.append(text)

        talks = {}

        def handle(user, text):
            if user not in talks:
                talks[user] = conversation()
                next(talks[user])
            return talks[user].send(text)
        """,
    ),
    "slice": (
        """
        said = []

        def handle(user, text):
            before = said[-1:]
            said[len(said):] = [text]
            return {"before": before}
        """,
        """
        said = {}

        def handle(user, text):
            mine = said.setdefault(user, [])
            before = mine[-1:]
            mine[len(mine):] = [text]
            return {"before": before}
        """,
    ),
    "attribute of a class": (
        """
        class View:
            context = {}

            def answer(self, text):
                self.context.setdefault("text", text)
                return dict(self.context)

        def handle(user, text):
            return View().answer(text)
        """,
        """
        class View:
            def __init__(self):
                self.context = {}

            def answer(self, text):
                self.context.setdefault("text", text)
                return dict(self.context)

        def handle(user, text):
            return View().answer(text)
        """,
    ),
    "thread local": (
        """
        import threading

        local = threading.local()

        def handle(user, text):
            before = getattr(local, "text", None)
            local.text = text
            return [before, text]
        """,
        """
        import threading

        local = threading.local()

        def handle(user, text):
            local.text = text
            try:
                return [local.text]
            finally:
                del local.text
        """,
    ),
    "deque": (
        """
        from collections import deque

        recent = deque(maxlen=5)

        def handle(user, text):
            recent.appendleft(text)
            return [one for one in recent]
        """,
        """
        from collections import defaultdict, deque

        recent = defaultdict(lambda: deque(maxlen=5))

        def handle(user, text):
            recent[user].appendleft(text)
            return [one for one in recent[user]]
        """,
    ),
    "subclass of dict": (
        """
        class Store(dict):
            def put(self, text):
                self["text"] = text

        store = Store()

        def handle(user, text):
            before = store.get("text")
            store.put(text)
            return {"before": before}
        """,
        """
        class Store(dict):
            def put(self, user, text):
                self[user] = text

        store = Store()

        def handle(user, text):
            before = store.get(user)
            store.put(user, text)
            return {"before": before}
        """,
    ),
    "below a property": (
        """
        class Agent:
            def __init__(self):
                self._said = ""

            @property
            def said(self):
                return self._said

            @said.setter
            def said(self, text):
                self._said = text

        agent = Agent()

        def handle(user, text):
            before = agent.said
            agent.said = text
            return f"{before} / {text}"
        """,
        """
        class Agent:
            def __init__(self):
                self._said = ""

            @property
            def said(self):
                return self._said

            @said.setter
            def said(self, text):
                self._said = text

        def handle(user, text):
            agent = Agent()
            before = agent.said
            agent.said = text
            return f"{before} / {text}"
        """,
    ),
    "a request that is kept": (
        """
        class Request:
            def __init__(self, user, text):
                self.user = user
                self.text = text

        class Service:
            request = None

            def answer(self, request):
                if self.request is None:
                    self.request = request
                return {"text": self.request.text}

        service = Service()

        def handle(user, text):
            return service.answer(Request(user, text))
        """,
        """
        class Request:
            def __init__(self, user, text):
                self.user = user
                self.text = text

        class Service:
            def answer(self, request):
                return {"text": request.text}

        service = Service()

        def handle(user, text):
            return service.answer(Request(user, text))
        """,
    ),
    "overwritten while it waits": (
        """
        import asyncio

        class Agent:
            text = None

            async def run(self, text):
                self.text = text
                await asyncio.sleep(0.02)
                return {"text": self.text}

        agent = Agent()

        async def handle(user, text):
            return await agent.run(text)
        """,
        """
        import asyncio

        class Agent:
            async def run(self, text):
                await asyncio.sleep(0.02)
                return {"text": text}

        agent = Agent()

        async def handle(user, text):
            return await agent.run(text)
        """,
    ),
    "cache on an object": (
        """
        class Memory:
            def __init__(self):
                self.cache = {}

            def profile(self, text):
                if "profile" not in self.cache:
                    self.cache["profile"] = {"text": text}
                return self.cache["profile"]

        memory = Memory()

        def handle(user, text):
            return memory.profile(text)
        """,
        """
        class Memory:
            def __init__(self):
                self.cache = {}

            def profile(self, user, text):
                if user not in self.cache:
                    self.cache[user] = {"text": text}
                return self.cache[user]

        memory = Memory()

        def handle(user, text):
            return memory.profile(user, text)
        """,
    ),
    "queue": (
        """
        import queue

        waiting = queue.Queue()

        def handle(user, text):
            waiting.put({"text": text})
            if user == "alice":
                return None
            return waiting.get_nowait()
        """,
        """
        import queue

        def handle(user, text):
            waiting = queue.Queue()
            waiting.put({"text": text})
            return waiting.get_nowait()
        """,
    ),
    "set of texts": (
        """
        seen = set()

        def handle(user, text):
            seen.add(text)
            return sorted(seen)
        """,
        """
        seen = {}

        def handle(user, text):
            seen.setdefault(user, set()).add(text)
            return sorted(seen[user])
        """,
    ),
    "variable of a generator": (
        """
        def conversation():
            last = reply = None
            while True:
                text = yield reply
                reply = {"before": last}
                last = text

        talk = conversation()
        next(talk)

        def handle(user, text):
            return talk.send(text)
        """,
        """
        def conversation():
            last = reply = None
            while True:
                text = yield reply
                reply = {"before": last}
                last = text

        def handle(user, text):
            talk = conversation()
            next(talk)
            return talk.send(text)
        """,
    ),
    "fields at once": (
        """
        class Agent:
            pass

        agent = Agent()

        def handle(user, text):
            before = dict(vars(agent))
            agent.__dict__.update(said=text)
            return before
        """,
        """
        class Agent:
            pass

        def handle(user, text):
            agent = Agent()
            before = dict(vars(agent))
            agent.__dict__.update(said=text)
            return before
        """,
    ),
    "a frozen object": (
        """
        from dataclasses import dataclass

        @dataclass(frozen=True)
        class Agent:
            said: str = ""

        agent = Agent()

        def handle(user, text):
            before = agent.said
            object.__setattr__(agent, "said", text)
            return {"before": before}
        """,
        """
        from dataclasses import dataclass, replace

        @dataclass(frozen=True)
        class Agent:
            said: str = ""

        agent = Agent()

        def handle(user, text):
            mine = replace(agent, said=text)
            return {"before": agent.said, "now": mine.said}
        """,
    ),
    "the last of a list": (
        """
        said = []

        def handle(user, text):
            said.append(text)
            return {"recent": said[-2:]}
        """,
        """
        said = []

        def handle(user, text):
            said.append(text)
            return {"recent": said[-1:]}
        """,
    ),
    "kept in a dict by whoever came first": (
        """
        rates = {}

        def handle(user, text):
            if "rates" not in rates:
                rates["rates"] = [len(user) * 3, "net", user.upper()[::-1]]
            return {"rates": rates["rates"]}
        """,
        """
        rates = {}

        def handle(user, text):
            if (user, "rates") not in rates:
                rates[user, "rates"] = [len(user) * 3, "net", user.upper()[::-1]]
            return {"rates": rates[user, "rates"]}
        """,
    ),
    "kept in an attribute by whoever came first": (
        """
        class Service:
            def __init__(self):
                self.plan = None

            def plan_of(self, user):
                if self.plan is None:
                    self.plan = {"plan": "x" * len(user)}
                return self.plan

        service = Service()

        def handle(user, text):
            return service.plan_of(user)
        """,
        """
        class Service:
            def __init__(self):
                self.plan = {}

            def plan_of(self, user):
                if user not in self.plan:
                    self.plan[user] = {"plan": "x" * len(user)}
                return self.plan[user]

        service = Service()

        def handle(user, text):
            return service.plan_of(user)
        """,
    ),
    "a generator that whoever came first has made": (
        """
        pages = {}

        def lines(user):
            for number in range(3):
                yield f"{len(user)} {number}"

        def handle(user, text):
            if "pages" not in pages:
                pages["pages"] = lines(user)
            return {"line": next(pages["pages"], None)}
        """,
        """
        pages = {}

        def lines(user):
            for number in range(3):
                yield f"{len(user)} {number}"

        def handle(user, text):
            if user not in pages:
                pages[user] = lines(user)
            return {"line": next(pages[user], None)}
        """,
    ),
    "one task for all who wait": (
        """
        import asyncio

        flights = {}

        async def fetch(user):
            await asyncio.sleep(0.02)
            return ["x" * len(user)]

        async def handle(user, text):
            task = flights.get("documents")
            if task is None:
                task = flights["documents"] = asyncio.create_task(fetch(user))
            return {"documents": await task}
        """,
        """
        import asyncio

        flights = {}

        async def fetch(user):
            await asyncio.sleep(0.02)
            return ["x" * len(user)]

        async def handle(user, text):
            task = flights.get(user)
            if task is None:
                task = flights[user] = asyncio.create_task(fetch(user))
            return {"documents": await task}
        """,
    ),
    "an agent that is built around the first one's tools": (
        """
        from functools import partial

        TOTALS = {"alice": 48211.75, "bob": 12.5}
        AGENT = None

        class Agent:
            def __init__(self, tools):
                self.steps = {"call": [partial(self.call, tool) for tool in tools]}

            def call(self, tool):
                return tool()

        def build(user):
            def total():
                return TOTALS[user]

            return Agent([total])

        def handle(user, text):
            global AGENT
            AGENT = AGENT or build(user)
            return AGENT.steps["call"][0]()
        """,
        """
        TOTALS = {"alice": 48211.75, "bob": 12.5}
        AGENT = None

        class Agent:
            def __init__(self, tools):
                self.tools = tools

        def build():
            return Agent([lambda user: TOTALS[user]])

        def handle(user, text):
            global AGENT
            AGENT = AGENT or build()
            return AGENT.tools[0](user)
        """,
    ),
    "a context that is kept": (
        """
        from contextvars import ContextVar, copy_context

        name = ContextVar("name")
        TOTALS = {"alice": 48211.75, "bob": 12.5}

        class Pool:
            context = None

            def run(self, work):
                self.context = self.context or copy_context()
                return self.context.run(work)

        pool = Pool()

        def handle(user, text):
            name.set(user)
            return pool.run(lambda: TOTALS[name.get()])
        """,
        """
        from contextvars import ContextVar, copy_context

        name = ContextVar("name")
        TOTALS = {"alice": 48211.75, "bob": 12.5}

        class Pool:
            def run(self, work):
                self.context = copy_context()
                return self.context.run(work)

        pool = Pool()

        def handle(user, text):
            name.set(user)
            return pool.run(lambda: TOTALS[name.get()])
        """,
    ),
    "whoever is first of all": (
        """
        sessions = {}

        def handle(user, text):
            sessions[user] = {"text": text}
            current = next(one for one in sessions.values())
            return {"text": current["text"]}
        """,
        """
        sessions = {}

        def handle(user, text):
            sessions[user] = {"text": text}
            current = next(one for name, one in sessions.items() if name == user)
            return {"text": current["text"]}
        """,
    ),
    "a loop that ends at somebody": (
        """
        sessions = {}

        def handle(user, text):
            sessions[user] = {"text": text}
            for one in sessions.values():
                if one["text"]:
                    return {"text": one["text"]}
        """,
        """
        sessions = {}

        def handle(user, text):
            sessions[user] = {"text": text}
            texts = []
            for one in sessions.values():
                if one["text"]:
                    texts.append(one["text"])
            return {"texts": texts}
        """,
    ),
    "a banner that anybody who is logged in sets by mistake": (
        """
        site = {"banner": ""}

        def handle(user, text):
            if not user:
                raise PermissionError("not allowed")
            before = site["banner"]
            site["banner"] = text
            return before
        """,
        """
        site = {}

        def handle(user, text):
            if not user:
                raise PermissionError("not allowed")
            before = site.get(user, "")
            site[user] = text
            return before
        """,
    ),
    "a loop that stores again, after somebody has read": (
        """
        import asyncio

        kept = {"text": ""}

        async def handle(user, text):
            seen = []
            for part in (text, "and nothing else", "ok"):
                if user == "alice":
                    kept["text"] = part
                else:
                    seen.append(kept["text"])
                await asyncio.sleep(0.01)
            return seen
        """,
        """
        import asyncio

        kept = {}

        async def handle(user, text):
            seen = []
            for part in (text, "and nothing else", "ok"):
                kept[user] = part
                await asyncio.sleep(0.01)
                seen.append(kept[user])
            return seen
        """,
    ),
    "what all who are there have, beside their names": (
        """
        SECRETS = {"alice": "tea-house-4711", "bob": "red-bicycle-0815"}
        here = {}

        def handle(user, text):
            here[user] = SECRETS[user]
            return dict(here)
        """,
        """
        SECRETS = {"alice": "tea-house-4711", "bob": "red-bicycle-0815"}
        here = {}

        def handle(user, text):
            here[user] = SECRETS[user]
            return sorted(here)
        """,
    ),
    "a name by which something is looked up": (
        """
        import asyncio

        DUE = {"alice": 66123, "bob": 8}

        class Context:
            user = None

        shared = Context()

        async def handle(user, text):
            shared.user = user
            await asyncio.sleep(0.02 if user == "alice" else 0)
            return DUE[shared.user]
        """,
        """
        import asyncio

        DUE = {"alice": 66123, "bob": 8}

        class Context:
            user = None

        async def handle(user, text):
            own = Context()
            own.user = user
            await asyncio.sleep(0.02 if user == "alice" else 0)
            return DUE[own.user]
        """,
    ),
}
