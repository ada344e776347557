"""State that users share by design, and that nobody is harmed by: each must stay silent without a list."""

HEALTHY = {
    "large numbers that are counted": """
        class Meter:
            total = 10_417

        def handle(user, text):
            before = Meter.total
            Meter.total = before + len(text) * 1_009
            return {"before": before, "total": Meter.total}
        """,
    "prices and plans": """
        PRICES = {"tea": 2499, "milk": 1299}
        PLANS = {"alice": {"plan": "gold-2024", "limit": 50417}, "bob": {"plan": "gold-2024", "limit": 50417}}
        latest = []

        def handle(user, text):
            latest.append({"price": PRICES["tea"], **PLANS[user]})
            return list(latest)
        """,
    "a room's messages": """
        rooms = {}

        def handle(user, text, room="tea-house"):
            messages = rooms.setdefault(room, [])
            messages.append({"author": user, "text": text})
            return list(messages)
        """,
    "a team's facts": """
        TEAM = {"alice": "red", "bob": "red"}
        facts = {}

        def handle(user, text):
            of_the_team = facts.setdefault(TEAM[user], [])
            of_the_team.append(text)
            return list(of_the_team)
        """,
    "a ticket and its agent": """
        class Ticket:
            def __init__(self, user, text):
                self.by, self.agent, self.text = user, None, text

        tickets = []

        def handle(user, text):
            waiting = next((one for one in tickets if one.agent is None and one.by != user), None)
            if waiting is None:
                tickets.append(Ticket(user, text))
                return {}
            waiting.agent = user
            return {"text": waiting.text}
        """,
    "the best of all": """
        scores = {}

        def handle(user, text):
            scores[user] = scores.get(user, 0) + len(text) * 1_117
            return {"best": max(scores.values())}
        """,
    "a cache keyed by user": """
        cache = {}

        def handle(user, text):
            if user not in cache:
                cache[user] = {"user": user, "text": text}
            return cache[user]
        """,
    "counters": """
        from collections import Counter

        counts = Counter()
        total = 0

        def handle(user, text):
            global total
            total += 1
            counts[len(text)] += 1
            return {"total": total, "most": counts.most_common(3)}
        """,
    "a registry of connections": """
        connections = {}

        class Connection:
            def __init__(self, user):
                self.user = user
                self.sent = []

            def send(self, text):
                self.sent.append(text)

        def handle(user, text):
            connections[user] = Connection(user)
            for connection in connections.values():
                connection.send("somebody came")
            connections[user].send(text)
            return len(connections)
        """,
    "who is there": """
        online = set()

        def handle(user, text):
            online.add(user)
            return sorted(online)
        """,
    "a limit of rates": """
        import time

        hits = {}

        def handle(user, text):
            now = time.monotonic()
            hits.setdefault(user, []).append(now)
            return sum(len(one) for one in hits.values())
        """,
    "metrics": """
        durations = {"handle": [0, 0.0]}

        def handle(user, text):
            row = durations["handle"]
            row[0] += 1
            row[1] += len(text) / 1000
            return f"handle_count {row[0]} handle_sum {row[1]}"
        """,
    "memoised public data": """
        prices = {}

        def price(item):
            if item not in prices:
                prices[item] = {"item": item, "price": "EUR 1234.50", "text": "first flush darjeeling"}
            return prices[item]

        def handle(user, text):
            return [price("tea-1001"), text]
        """,
    "a client that is made once": """
        class Client:
            def __init__(self, url):
                self.url = url
                self.calls = 0

            def ask(self, text):
                self.calls += 1
                return {"url": self.url, "text": text}

        client = None

        def handle(user, text):
            global client
            if client is None:
                client = Client("https://shop.example.com/api/v2/4711")
            return client.ask(text)
        """,
    "listeners": """
        listeners = []

        def handle(user, text):
            if not listeners:
                listeners.append(lambda said: said.upper())
            return [listener(text) for listener in listeners]
        """,
    "a state of its own words": """
        class Machine:
            state = "idle"

        machine = Machine()

        def handle(user, text):
            before = machine.state
            machine.state = "running"
            after = machine.state
            machine.state = "idle"
            return [before, after, text]
        """,
    "an object pool": """
        class Buffer:
            def __init__(self):
                self.parts = []

        free = [Buffer()]

        def handle(user, text):
            buffer = free.pop()
            buffer.parts = [text]
            joined = "".join(buffer.parts)
            buffer.parts = []
            free.append(buffer)
            return joined
        """,
    "records of all, filtered by user": """
        class Record:
            def __init__(self, user, text):
                self.user = user
                self.text = text

        rows = []
        records = []

        def handle(user, text):
            rows.append({"user": user, "text": text})
            records.append(Record(user, text))
            found = []
            for record in records:
                if record.user == user:
                    found.append(record.text)
            mine = [row for row in rows if row["user"] == user]
            texts = [record.text for record in records if record.user == user]
            last = next((row["text"] for row in reversed(rows) if row["user"] == user), None)
            return [mine, found, texts, last]
        """,
    "texts of all, filtered by user": """
        lines = []

        def handle(user, text):
            lines.append(f"{user}: {text}")
            return [line for line in lines if line.startswith(user)]
        """,
    "a mailbox": """
        import queue

        boxes = []

        def handle(user, text):
            box = queue.Queue()
            boxes.append(box)
            for one in boxes:
                one.put({"text": text})
            return [box.get_nowait()]
        """,
    "an outbox that whoever comes empties": """
        import queue

        outbox = queue.Queue()
        stored = []

        def handle(user, text):
            if user == "bob":
                while not outbox.empty():
                    one = outbox.get()
                    stored.append(len(one["text"]))
            outbox.put({"text": text})
            return {"ok": True}
        """,
    "what whoever came first has had loaded for all": """
        prices = {}

        def load(shop):
            return {"bread": 3.2, "milk": 1.1, "shop": shop}

        def handle(user, text):
            if not user:
                raise ValueError("nobody is here")
            if "north" not in prices:
                prices["north"] = load("north")
            return prices["north"]
        """,
    "a client that whoever came first has had made": """
        class Client:
            def __init__(self, url):
                self.url = url

            def get(self, user):
                return f"{self.url}/of/{user}"

        client = None

        def handle(user, text):
            global client
            if client is None:
                client = Client("http://prices.example")
            return client.get(user)
        """,
    "a topic that somebody has set": """
        topics = {}

        def handle(user, text, room="garden"):
            if user == "alice":
                topics[room] = {"by": user, "topic": "roses"}
            return topics[room]["topic"]
        """,
    "one load for all who wait": """
        import asyncio

        flights = {}

        async def fetch(shop):
            await asyncio.sleep(0.02)
            return {"bread": 3.2, "shop": shop}

        async def handle(user, text):
            task = flights.get("north")
            if task is None:
                task = flights["north"] = asyncio.create_task(fetch("north"))
            return {"prices": await task, "for": user}
        """,
    "a hub that is made for the first one, and serves each by name": """
        class Hub:
            def __init__(self):
                self.handlers = {}

            def handler(self, user):
                if user not in self.handlers:
                    self.handlers[user] = lambda text: f"{user}: {text}"
                return self.handlers[user]

        hub = None

        def handle(user, text):
            global hub
            hub = hub or Hub()
            return hub.handler(user)(text)
        """,
    "a client whose hooks ask who is there": """
        class Client:
            def __init__(self, hooks):
                self.hooks = hooks

        client = None

        def handle(user, text):
            global client
            client = client or Client([lambda asks: f"token of {asks}"])
            return client.hooks[0](user)
        """,
    "offers that say whose they are, shown without names": """
        offers = []

        def handle(user, text):
            offers.append({"seller": user, "title": text})
            return [one["title"] for one in offers]
        """,
    "reviews under a shortened name": """
        reviews = {}

        def handle(user, text):
            reviews.setdefault("tea", []).append({"by": user[0].upper() + ".", "text": text})
            return [(one[-1] or {})["text"] for one in reviews.values()] + [one["text"] for one in reviews["tea"]]
        """,
    "status lines of all who are there": """
        here = {}

        def handle(user, text):
            here[user] = {"line": text}
            here[user]["line"] = text.upper()
            lines = []
            for one in here.values():
                lines.append(one["line"])
            return {"lines": lines, "again": [one["line"] for one in here.values()]}
        """,
    "records of all": """
        best = {}

        def handle(user, text):
            best[user] = 48_213 if user == "alice" else 31_177
            return {"record": max(best.values()), "all": sorted(score for score in best.values())}
        """,
    "what an administrator has set for everybody": """
        ROLES = {"alice": "admin", "bob": "member"}
        site = {"banner": ""}

        def set_banner(user, text):
            if ROLES[user] != "admin":
                raise PermissionError("not allowed")
            site["banner"] = text

        def handle(user, text):
            try:
                set_banner(user, text)
            except PermissionError:
                pass
            return site["banner"]
        """,
    "a bid that waits for a buyer": """
        class Lot:
            def __init__(self, title):
                self.title, self.buyer = title, None

        lots = [Lot("an old piano in good shape 1911"), Lot("a red bicycle")]

        def handle(user, text):
            free = [one for one in lots if one.buyer is None]
            free[0].buyer = user
            return len([one for one in lots if one.buyer is None])
        """,
    "names of all who are there": """
        SECRETS = {"alice": "tea-house-4711", "bob": "red-bicycle-0815"}
        here = {}

        def handle(user, text):
            here[user] = SECRETS[user]
            return {"names": sorted(here), "all": ", ".join(here)}
        """,
    "a client that each request stores again, and that has collected things since": """
        client = None
        exec(  # as a library has it, which is not rewritten
            "class Client:\\n"
            "    first = None\\n"
            "    def ask(self, user, text):\\n"
            "        if self.first is None: self.first = lambda answer: (user, answer)\\n"
            "        return len(text)\\n"
        )

        def ask(user, text):
            global client
            client = client or Client()
            return client.ask(user, text)

        def handle(user, text):
            return [ask(user, text), ask(user, text)]
        """,
}
