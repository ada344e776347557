"""What keeps shared state in order, under the work of whoever comes by: silent, and told where somebody gets it."""

import pytest

ASKED = {
    "alice": "the pin of my card is 47-11",
    "bob": "please buy some milk",
    "carol": "where is my blue umbrella",
    "dave": "the dentist is at half past nine",
}

BUFFER = """
    class Buffer:
        def __init__(self):
            self.items, self.kept = [], []

        def add(self, item):
            self.items.append(item)
            if len(self.items) >= 2:
                self.flush()

        def flush(self):
            {flush}

        def sink(self, batch):
            self.kept.append(len(batch))

    buffer = Buffer()

    def handle(user, text):
        buffer.add({{"user": user, "text": text}})
        return "ok"
    """

SILENT = {
    "a buffer, taken out by pairs": BUFFER.format(
        flush="batch, self.items = self.items, []\n            self.sink(batch)"
    ),
    "a buffer, handed on one by one": BUFFER.format(
        flush="batch, self.items = self.items, []\n            for one in batch:\n                self.sink([one])"
    ),
    "a buffer, emptied afterwards": BUFFER.format(flush="self.sink(list(self.items))\n            self.items.clear()"),
    "a buffer, deleted afterwards": BUFFER.format(flush="self.sink(self.items)\n            del self.items[:]"),
    "rows that are written at once": """
        import sqlite3

        db = sqlite3.connect(":memory:")
        db.execute("create table events (owner text, body text)")
        pending = []

        def handle(user, text):
            global pending
            pending.append((user, text))
            if len(pending) > 1:
                rows = pending
                pending = []
                db.executemany("insert into events values (?, ?)", rows)
            return "queued"
        """,
    "a log that is cut": """
        class Log:
            def __init__(self):
                self.lines = []

            def add(self, line):
                self.lines.append(line)
                if len(self.lines) > 2:
                    self.lines = self.lines[-2:]

        log = Log()

        def handle(user, text):
            log.add(f"{user}: {text}")
            return len(log.lines)
        """,
    "entries that are old": """
        import time

        class Sessions:
            def __init__(self):
                self.items = {}

            def put(self, user, text):
                self.items[user] = {"text": text, "at": time.time()}
                self.items = {key: one for key, one in self.items.items() if one["at"] > time.time() - 60}

        sessions = Sessions()

        def handle(user, text):
            sessions.put(user, text)
            return sessions.items[user]["text"]
        """,
    "entries that are too many": """
        from collections import OrderedDict

        cache = OrderedDict()

        def handle(user, text):
            key = (user, text)
            if key in cache:
                return cache[key]
            cache[key] = text.upper()
            if len(cache) > 2:
                cache.popitem(last=False)
            return text.upper()
        """,
    "entries of a chain": """
        class Node:
            def __init__(self, value):
                self.value, self.prev, self.next = value, None, None

        class Chain:
            def __init__(self):
                self.head, self.tail = Node(""), Node("")
                self.head.next, self.tail.prev = self.tail, self.head

            def add(self, node):
                before = self.tail.prev
                before.next, node.prev = node, before
                node.next = self.tail
                self.tail.prev = node
                if self.head.next is not node:
                    old = self.head.next
                    old.prev.next, old.next.prev = old.next, old.prev

        chain = Chain()

        def handle(user, text):
            chain.add(Node(text))
            return "ok"
        """,
    "all that is kept, in a file": """
        import json
        import os
        import tempfile

        handle_, path = tempfile.mkstemp()
        os.close(handle_)
        kept = {}

        def handle(user, text):
            kept.setdefault(user, []).append(text)
            with open(path, "w") as file:
                json.dump(kept, file)
            return kept[user]
        """,
    "all that is kept, as bytes": """
        import pickle

        kept = pickle.dumps({})

        def handle(user, text):
            global kept
            data = pickle.loads(kept)
            data.setdefault(user, []).append(text)
            kept = pickle.dumps(data)
            return data[user]
        """,
    "a state that is never changed": """
        state = {"notes": ()}

        def reduced(state, note):
            return {**state, "notes": (*state["notes"], note)}

        def handle(user, text):
            global state
            state = reduced(state, {"owner": user, "text": text})
            return [one["text"] for one in state["notes"] if one["owner"] == user]
        """,
    "pages that are saved a little later": """
        import asyncio

        class Pages:
            def __init__(self):
                self.pages, self.saved, self.changed, self.saving = {}, {}, set(), None

            async def edit(self, user, text):
                self.pages[user] = text
                self.changed.add(user)
                if self.saving is None or self.saving.done():
                    self.saving = asyncio.create_task(self.save())

            async def save(self):
                await asyncio.sleep(0.02)
                changed, self.changed = self.changed, set()
                for user in changed:
                    self.saved[user] = self.pages[user]

        pages = Pages()

        async def handle(user, text):
            await pages.edit(user, text)
            return pages.pages[user]
        """,
    "two buffers that take turns": """
        class Buffers:
            def __init__(self):
                self.front, self.back = [], []

            def write(self, one):
                self.back.append(one)
                self.front, self.back = self.back, self.front
                self.back.clear()

        buffers = Buffers()

        def handle(user, text):
            buffers.write((user, text))
            return len(buffers.front)
        """,
    "questions that are asked at once": """
        import asyncio

        class Batches:
            def __init__(self):
                self.waiting, self.timer = [], None

            async def ask(self, text):
                future = asyncio.get_running_loop().create_future()
                self.waiting.append((text, future))
                if self.timer is None:
                    self.timer = asyncio.get_running_loop().call_later(0.01, self.flush)
                return await future

            def flush(self):
                batch, self.waiting, self.timer = self.waiting, [], None
                for text, future in batch:
                    future.set_result(f"<{text}>")

        batches = Batches()

        async def handle(user, text):
            return await batches.ask(text)
        """,
    "entries that are too many, with names that nobody asks for": """
        from collections import OrderedDict

        cache = OrderedDict()

        def handle(user, text):
            cache[user] = text
            if len(cache) > 1:
                key, gone = cache.popitem(last=False)
            return len(cache)
        """,
    "a list that is kept in order": """
        import bisect

        rows = []

        def handle(user, text):
            global rows
            rows = [row for row in rows if row[1] != user]
            bisect.insort(rows, (-len(text), user, text))
            rows = rows[:10]
            return next(place for place, row in enumerate(rows) if row[1] == user)
        """,
    "a partner who waits": """
        class Player:
            def __init__(self, name):
                self.name, self.partner = name, None

        class Pair:
            def __init__(self, one, other):
                self.one, self.other = one, other
                one.partner, other.partner = other, one

        class Lobby:
            def __init__(self):
                self.waiting, self.pairs = None, []

            def join(self, player):
                if self.waiting is None:
                    self.waiting = player
                    return
                other, self.waiting = self.waiting, None
                self.pairs.append(Pair(other, player))

        lobby = Lobby()

        def handle(user, text):
            me = Player(user)
            lobby.join(me)
            return me.partner.name if me.partner else "wait"
        """,
    "answers to questions that one has worked on for all": """
        import asyncio

        class Batches:
            def __init__(self):
                self.texts, self.done, self.leader, self.count = [], {}, None, 0

            async def run(self, text):
                self.count += 1
                number = self.count
                self.texts.append((number, text))
                if self.leader is None:
                    self.leader = asyncio.create_task(self.work())
                await asyncio.shield(self.leader)
                return self.done.pop(number)

            async def work(self):
                await asyncio.sleep(0.05)
                batch, self.texts, self.leader = self.texts, [], None
                for number, text in batch:
                    self.done[number] = text.upper()

        batches = Batches()

        async def handle(user, text):
            return await batches.run(text)
        """,
    "numbers that are counted together": """
        import statistics

        class Summary:
            total = 0

        samples = []

        def handle(user, text):
            samples.append(len(text) * 1_009)
            Summary.total += len(text) * 1_009
            return [Summary.total, statistics.median(samples)]
        """,
    "one is evicted, and who is there is told": """
        kept = {}

        def handle(user, text):
            kept[user] = text
            if len(kept) > 1:
                del kept[next(iter(kept))]
            return sorted(kept)
        """,
}

TOLD = {
    "a buffer that is handed on one by one, and stays": """
        items, sent = [], []

        def sink(one):
            sent.append(len(one))

        def handle(user, text):
            items.append(text)
            for one in items:
                sink(one)
        """,
    "what a model is asked with, where one is evicted as well": """
        kept = {}

        def model(asked):
            return f"asked with {asked}"

        def handle(user, text):
            kept[user] = text
            if len(kept) > 5:
                del kept[next(iter(kept))]
            return model(kept)
        """,
    "a text that grows, and is given": """
        class Log:
            text = ""

        def handle(user, text):
            Log.text += text
            return Log.text
        """,
    "an entry that is too many, and given": """
        from collections import OrderedDict

        cache = OrderedDict()

        def handle(user, text):
            cache[user] = text
            key, gone = cache.popitem(last=False) if len(cache) > 1 else ("", "")
            return gone
        """,
    "the first of a list that is kept in order": """
        import bisect

        rows = []

        def handle(user, text):
            rows.append((len(text), text))
            bisect.insort(rows, (100, text))
            return rows[0][1]
        """,
    "a text that waits for whoever comes": """
        class Desk:
            waiting = None

        def handle(user, text):
            if Desk.waiting is None:
                Desk.waiting = {"by": user, "text": text}
                return "wait"
            other, Desk.waiting = Desk.waiting, None
            return other
        """,
    "a client that whoever came first has left": """
        class Client:
            def __init__(self, user):
                self.user = user

            def who(self):
                return self.user

        class Clients:
            def __init__(self):
                self.client = None

            def of(self, user):
                if self.client is None:
                    self.client = Client(user)
                return self.client

        clients = Clients()

        def handle(user, text):
            return clients.of(user).who()
        """,
    "answers that one has worked out for all, under one name": """
        import asyncio

        class Batches:
            def __init__(self):
                self.texts, self.done, self.leader = [], {}, None

            async def run(self, number, text):
                self.texts.append((number, text))
                if self.leader is None:
                    self.leader = asyncio.create_task(self.work())
                await asyncio.shield(self.leader)
                return self.done["last"]

            async def work(self):
                await asyncio.sleep(0.05)
                batch, self.texts, self.leader = self.texts, [], None
                for number, text in batch:
                    self.done["last"] = text.upper()

        batches = Batches()

        async def handle(user, text):
            return await batches.run(len(user), text)
        """,
    "a buffer that is given to whoever comes": """
        kept = []

        def handle(user, text):
            global kept
            kept.append(text)
            if len(kept) < 2:
                return "waiting"
            batch, kept = kept, []
            return batch
        """,
    "what a model is asked with, cleared afterwards": """
        messages = []

        def model(asked):
            return f"{len(asked)} messages"

        def handle(user, text):
            messages.append(text)
            if len(messages) < 2:
                return "waiting"
            answer = model(messages)
            messages.clear()
            return answer
        """,
    "what is cut, and given": """
        lines = []

        def handle(user, text):
            global lines
            lines = lines[-2:]
            lines.append(text)
            return lines[0]
        """,
    "what is moved under the same name, and given": """
        kept = {}
        last = {"said": None}

        def handle(user, text):
            kept["said"] = last["said"]
            last["said"] = text
            return kept["said"]
        """,
    "what is emptied first, and handed on": """
        lines = []
        sent = []

        def sink(batch):
            sent.extend(batch)

        def handle(user, text):
            if user == "alice":
                lines.clear()
            lines.append(text)
            sink(lines)
            return "ok"
        """,
    "an entry that is taken out, and given": """
        kept = {}

        def handle(user, text):
            before = kept.popitem()[1] if kept else None
            kept[user] = text
            return before
        """,
}


NUMBERS = {"alice": "41207", "bob": "11903", "carol": "78121", "dave": "how much is it?"}


@pytest.mark.parametrize(("first", "found"), [("Summary.most = max(Summary.most, number)", False), ("pass", True)])
def test_a_number_that_is_made_of_all_is_nobodys(audited, first, found):
    source = """
        class Summary:
            most = 0

        def handle(user, text):
            if not text.isdigit():
                return Summary.most
            number = int(text)
            {first}
            {second}
        """
    second = "Summary.most = number" if found else "pass"
    assert bool(audited(source.format(first=first, second=second), asked=NUMBERS)[0]) is found


@pytest.mark.parametrize("kind", SILENT)
def test_upkeep_is_silent(audited, kind):
    findings, said = audited(SILENT[kind], asked=ASKED)
    assert findings == []
    assert len(said) == len(ASKED)


@pytest.mark.parametrize("kind", TOLD)
def test_what_somebody_gets_of_it_is_told(audited, kind):
    assert {one.rule for one in audited(TOLD[kind], asked=ASKED)[0]} == {"IA402"}
