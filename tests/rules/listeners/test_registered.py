"""Listeners on buses of events: who is given what was another user's, and the many who may be."""

from __future__ import annotations

import asyncio
import gc
import linecache
import queue
import sys
import weakref

import pytest

pytest.importorskip("blinker")
pytest.importorskip("pyee")

from blinker import Signal

from isolation_audit import secret
from isolation_audit.rules.listeners.registered import MOST, Listeners, RegisteredAt, Topic
from isolation_audit.rules.listeners.selectivity import Selectivity


@pytest.fixture
def load_app(load_app, monkeypatch):
    """Applications whose source can be read, as usual."""

    def load(source: str):
        app = load_app(source)
        file = f"{app.__name__}.py"
        monkeypatch.setitem(linecache.cache, file, (len(source), None, source.splitlines(keepends=True), file))
        return app

    return load


BLINKER = """
from blinker import Namespace
signals = Namespace()
bus = signals.signal("orders")
listen = lambda listener: bus.connect(listener, weak=False)
forget = bus.disconnect
tell = lambda **event: bus.send("shop", **event)
"""

PYEE = """
from pyee.base import EventEmitter
bus = EventEmitter()
listen = lambda listener: bus.on("orders", lambda event: listener("shop", **event)) and listener
tell = lambda **event: bus.emit("orders", event)
"""

SESSIONS = """
inboxes = {"alice": [], "bob": []}

async def session(user):
    current_user.set(user)
    inbox, session = inboxes[user], Session(user)
    {setup}
    await asyncio.sleep(0.01)
    if user == "bob":
        {tell}
    await asyncio.sleep(0.01)

class Session:
    def __init__(self, user):
        self.user, self.inbox, self.last = user, inboxes[user], None
    def keep(self, sender, **event):
        self.inbox.append(event)
    def note(self, sender, **event):
        self.last = event
    def hand_on(self, sender, **event):
        self.keep(sender, **event)
    def sift(self, sender, **event):
        self.choose(event)
    def choose(self, event):
        if event["to"] == self.user:
            self.inbox.append(event)

async def serve():
    await asyncio.gather(*(asyncio.create_task(session(user)) for user in inboxes))

def main():
    asyncio.run(serve())
    return inboxes["alice"]
"""

KEEP = "listen(lambda sender, **event: inbox.append(event))"
TO_BOB = 'tell(to="bob", text="your code is 4711")'


def sessions(setup: str = KEEP, tell: str = TO_BOB, bus: str = BLINKER) -> str:
    lines = setup.replace("; ", "\n    ")
    return bus + SESSIONS.replace("{setup}", lines).replace("{tell}", tell)


@pytest.mark.parametrize(
    "setup",
    [
        KEEP,
        "listen(session.keep)",
        "listen(session.note)",
        "listen(session.hand_on)",
        "listen(functools.partial(Session.keep, session))",
        "listen(lambda sender, inbox=inbox, **event: inbox.append(event))",
        "listen(lambda sender, **event: inbox.append(event['text'].upper()))",
    ],
)
def test_a_listener_of_another_user_s_takes_what_says_whom_it_is_for(outcome_of, setup: str) -> None:
    outcome = outcome_of("import functools\n" + sessions(setup))
    (found,) = [entry.finding for entry in outcome.auditor.recorder.entries() if entry.finding.rule == "IA202"]
    witnesses = found.witnesses
    assert (witnesses.ambient, witnesses.addressee, witnesses.content) == ("bob", "alice", "bob")
    assert found.message == "data of bob given by blinker.base:Signal.send to a listener of alice"
    assert found.event == "orders"
    assert found.origin_label == "listener registered in the work of alice here"
    assert found.origin.top.function == "<lambda>"
    assert found.site_label == "alice's listener was called here"
    assert [one[0] for one in outcome.found] == ["IA202"]


def test_the_same_on_pyee(outcome_of) -> None:
    outcome = outcome_of(sessions("bus.on('orders', inbox.append)", "bus.emit('orders', {'to': 'bob'})", PYEE))
    assert outcome.result == [{"to": "bob"}]
    line = "bus.emit('orders', {'to': 'bob'})"
    assert outcome.found == [("IA202", "bob", None, line)]


@pytest.mark.parametrize(
    "setup",
    [
        # Filters by the event's own user, itself or in what it calls.
        "listen(lambda sender, **event: inbox.append(event) if event['to'] == user else None)",
        "listen(lambda sender, **event: event['to'] == user and inbox.append(event))",
        "listen(session.sift)",
        "listen(lambda sender, **event: session.choose(event))",
        # Looks the right inbox up by what it is given.
        "listen(lambda sender, to, **event: inboxes[to].append((user, event)))",
        "listen(lambda sender, to, **event: inboxes.get(to).append((user, event)))",
        # Whoever reads the queue may choose.
        "line = queue.Queue(); listen(lambda sender, **event: line.put(event))",
        # Looks at it, and keeps nothing.
        "listen(lambda sender, **event: print(event))",
        # Wants to hear of nobody but itself.
        "bus.connect(lambda sender, **event: inbox.append(event), sender=session, weak=False)",
        # Has gone before.
        "mine = listen(lambda sender, **event: inbox.append(event)); forget(mine)",
        # Is gone: nobody else holds it.
        "bus.connect(lambda sender, **event: inbox.append(event))",
        # The same one for all.
        "listen(common)",
        "current_user.set(None); listen(lambda sender, **event: inbox.append(event)); current_user.set(user)",
    ],
)
def test_listeners_that_mind_whose_it_is_are_silent(outcome_of, setup: str) -> None:
    common = "\nseen = []\ndef common(sender, **event):\n    seen.append(event)\n"
    assert outcome_of(common + sessions(setup)).found == []


@pytest.mark.parametrize(
    "tell",
    [
        'tell(to="alice", text="from bob")',
        'tell(to="bob", text="and to alice")',
        'tell(sender_id="bob", text="hello all")',
        'tell(user="bob", text="hello all")',
        'tell(text="bob: hello all")',
        'tell(text="bob joined")',
        'tell(text="maintenance at five")',
        'bus.send("bob", text="hello all")',
        "with isolation_audit.system_scope(): tell(to='bob')",
        "with bus.muted(): tell(to='bob')",
    ],
)
def test_events_for_everyone_are_silent(outcome_of, tell: str) -> None:
    outcome = outcome_of("import isolation_audit\n" + sessions(tell=tell))
    assert outcome.found == []


def test_an_event_that_is_listed_as_public_is_silent(outcome_of) -> None:
    assert outcome_of(sessions(), '[addressees]\npublic = ["orders"]\n').found == []


def test_who_listens_to_an_event_that_is_named_for_somebody_knows_whose_it_is(outcome_of) -> None:
    source = sessions("bus.on('orders:bob', inbox.append)", "bus.emit('orders:bob', {'to': 'bob'})", PYEE)
    outcome = outcome_of(source)
    assert outcome.result == [{"to": "bob"}]
    assert outcome.found == []


def test_a_name_in_the_middle_of_what_all_sessions_hear_is_a_note(outcome_of) -> None:
    outcome = outcome_of(sessions(tell='tell(text="the report of bob")'))
    assert [one[:2] for one in outcome.found] == [("IA208", "bob")]


def test_a_secret_reaches_nobody_else_s_listener(outcome_of) -> None:
    source = "from isolation_audit import secret\nsecret('bob', 'sesame-4711')\n"
    outcome = outcome_of(source + sessions(tell='tell(text="alice: say sesame-4711")'))
    assert [one[:2] for one in outcome.found] == [("IA202", "bob")]


REQUESTS = """
kept = []

async def request(user):
    current_user.set(user)
    answer = []
    def hear(sender, **event):
        answer.append(event)
    {listen}
    tell({event})
    {after}
    kept.append((user, answer))

async def serve():
    for user in ("alice", "bob"):
        await asyncio.create_task(request(user))

def main():
    asyncio.run(serve())
    return [(user, len(answer)) for user, answer in kept]
"""


def requests(event: str = 'text=f"report of {user}"', listen: str = "listen(hear)", after: str = "pass") -> str:
    return BLINKER + REQUESTS.replace("{listen}", listen).replace("{event}", event).replace("{after}", after)


@pytest.mark.parametrize("event", ['text=f"report of {user}"', "user_id=user, total=4711"])
def test_a_listener_that_a_request_has_left_behind_takes_the_next_one_s_data(outcome_of, event: str) -> None:
    outcome = outcome_of(requests(event))
    assert outcome.result == [("alice", 2), ("bob", 1)]
    assert [one[:2] for one in outcome.found] == [("IA202", "bob")]


@pytest.fixture
def nothing_takes_turns(monkeypatch) -> None:
    """Other tests may have imported what has a thread do several pieces of work by turns."""
    for name in ("eventlet", "gevent", "trio", "twisted"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("nothing_takes_turns")
def test_the_same_on_threads(outcome_of) -> None:
    source = (
        requests()
        .replace("async def", "def")
        .replace("await asyncio.create_task(request(user))", "copy_context().run(request, user)")
        .replace("asyncio.run(serve())", "serve()")
    )
    outcome = outcome_of(source)
    assert outcome.result == [("alice", 2), ("bob", 1)]
    assert [one[:2] for one in outcome.found] == [("IA202", "bob")]


@pytest.mark.parametrize(
    "changes",
    [
        {"after": "forget(hear)"},
        {"listen": "bus.connect(hear)"},
        {"listen": "mine = bus.connected_to(hear); mine.__enter__()", "after": "mine.__exit__(None, None, None)"},
        {"event": 'text="maintenance at five"'},
        {"event": 'sender_id=user, text="hello"'},
    ],
)
def test_listeners_of_requests_that_tidy_up_are_silent(outcome_of, changes: dict[str, str]) -> None:
    assert outcome_of(requests(**changes)).found == []


def test_a_service_that_the_first_request_starts_listens_for_all(outcome_of) -> None:
    source = (
        BLINKER
        + """
class Statistics:
    def __init__(self):
        self.events = []
        listen(self.hear)
    def hear(self, sender, **event):
        self.events.append(event)

service = None

async def request(user):
    global service
    current_user.set(user)
    if service is None:
        service = Statistics()
    tell(text=f"report of {user}", to=user)

async def serve():
    for user in ("alice", "bob", "carol"):
        await asyncio.create_task(request(user))

def main():
    asyncio.run(serve())
    return len(service.events)
"""
    )
    outcome = outcome_of(source)
    assert outcome.result == 3
    assert outcome.found == []


def test_one_user_s_only_listener_that_holds_its_user(outcome_of) -> None:
    source = (
        BLINKER
        + """
seen = []

async def follow(user):
    current_user.set(user)
    listen(lambda sender, **event: seen.append((user, event)))

async def request(user):
    current_user.set(user)
    tell(text=f"report of {user}")

async def serve():
    await asyncio.create_task(follow("alice"))
    await asyncio.create_task(request("bob"))

def main():
    asyncio.run(serve())
    return len(seen)
"""
    )
    outcome = outcome_of(source)
    assert outcome.result == 1
    assert [one[:2] for one in outcome.found] == [("IA202", "bob")]


def test_a_service_of_nobody_s_knows_whom_an_event_is_for(outcome_of) -> None:
    outcome = outcome_of(sessions(tell='contextvars.Context().run(tell, to="bob")'))
    assert [one[:2] for one in outcome.found] == [("IA202", None)]


def test_listeners_are_forgotten_with_what_they_belong_to(audit) -> None:
    listeners, bus = audit.auditor.runtime.part(Listeners), Signal()
    for number in range(50):
        audit.as_user(f"user-{number}", bus.connect, [].append, weak=False)
    topic = listeners.topic(bus, None)
    assert topic is not None
    assert len(topic.known) == 50
    bus.receivers.clear()
    gc.collect()
    assert len(topic.known) == 0
    del bus
    gc.collect()
    assert listeners._buses == {}


def test_what_is_kept_of_listeners_is_bounded(audit) -> None:
    topic, user = Topic(), audit.auditor.runtime.users.token("alice")
    held = [[].append for _ in range(MOST + 10)]
    for listener in held:
        topic.add(listener, user, lambda: RegisteredAt((), None, own=False))
    assert len(topic.known) == MOST


def test_a_thousand_sessions_that_come_and_go(audit) -> None:
    bus, inboxes = Signal(), []
    for number in range(1_000):
        inbox: list[object] = []
        inboxes.append(inbox)
        hear = lambda sender, inbox=inbox, **event: inbox.append(event)  # noqa: E731
        audit.as_user(f"user-{number % 7}", bus.connect, hear)
        audit.as_user(f"user-{number % 5}", bus.send, None, text=f"report of user-{number % 7}")
        if number % 100 == 0:
            gc.collect()
    assert audit.found("IA202") == []


def test_queues_and_locks_take_nothing_for_granted() -> None:
    taking = Selectivity()
    assert taking.takes([].append)
    assert taking.takes(set().add)
    for other in (queue.Queue().put, queue.SimpleQueue().put, {}.get, print, len, Selectivity, secret, object()):
        assert not taking.takes(other)


CALLBACKS = """
answers = []

def begin(user):
    current_user.set(user)
    answer = []
    answers.append(answer)
    def hear(sender, **event):
        answer.append(event)
    listen(hear)
    {then}

def report(user):
    tell(user_id=user, total=4711)

{serve}

def main():
    serve()
    return [len(answer) for answer in answers]
"""
LOOP = """
async def main_task():
    loop = asyncio.get_running_loop()
    for user in ("alice", "bob"):
        loop.call_soon(begin, user, context=contextvars.copy_context())
    while [len(answer) for answer in answers] != [2, 2]:
        await asyncio.sleep(0.001)

def report_to_both(user):
    if len(answers) == 2:
        report(user)
    else:
        asyncio.get_running_loop().call_soon(report_to_both, user)

def serve():
    asyncio.run(main_task())
"""
THREADS = """
def serve():
    for user in ("alice", "bob"):
        copy_context().run(begin, user)
"""


def test_connections_without_tasks_go_on(outcome_of) -> None:
    """Protocols live in callbacks of the loop: that one is done says nothing of the connection."""
    then = "asyncio.get_running_loop().call_soon(report_to_both, user)"
    outcome = outcome_of(BLINKER + CALLBACKS.replace("{then}", then).replace("{serve}", LOOP))
    assert outcome.result == [2, 2]
    assert outcome.found == []


@pytest.mark.usefixtures("nothing_takes_turns")
@pytest.mark.parametrize(("imported", "found"), [(False, [("IA202", "bob")]), (True, [])])
def test_a_thread_that_works_for_many_by_turns(outcome_of, monkeypatch, imported: bool, found: list) -> None:
    if imported:
        monkeypatch.setitem(sys.modules, "trio", asyncio)
    outcome = outcome_of(BLINKER + CALLBACKS.replace("{then}", "report(user)").replace("{serve}", THREADS))
    assert outcome.result == [2, 1]
    assert [one[:2] for one in outcome.found] == found


def test_a_handler_that_a_request_has_started_is_a_part_of_it(outcome_of) -> None:
    """The task that registers is done, and the session whose task has started it is not."""
    source = (
        sessions("await asyncio.create_task(start(session))", "tell(user_id='bob', total=4711)")
        + "\nasync def start(session):\n    listen(session.keep)\n"
    )
    outcome = outcome_of(source)
    assert len(outcome.result) == 1
    assert outcome.found == []


def test_decorated_services_are_not_one_another(outcome_of) -> None:
    source = (
        BLINKER
        + """
import functools

def timed(function):
    @functools.wraps(function)
    def wrapper(sender, **event):
        function(sender, **event)
    return wrapper

audited, counted = [], []

@timed
def audit(sender, **event):
    audited.append(event)

@timed
def count(sender, **event):
    counted.append(event)

services = [audit, count]

async def request(user):
    current_user.set(user)
    if services:
        listen(services.pop())
    tell(user_id=user, total=4711)

async def serve():
    for user in ("alice", "bob", "carol"):
        await asyncio.create_task(request(user))

def main():
    asyncio.run(serve())
    return len(audited), len(counted)
"""
    )
    outcome = outcome_of(source)
    assert outcome.result == (2, 3)
    assert outcome.found == []


def test_what_takes_everything_and_what_may_choose(load_app) -> None:
    source = """
import json, logging
kept, boxes, state = [], {}, None

def takes_text(event):
    text = f"{event['text']}!"
    with lock:
        kept.append(json.dumps(text))

def takes_parts(*events):
    for event in events:
        kept.extend(part for part in event)

def takes_name(event):
    global state
    logging.info("got %s", event)
    state = event

def tries(event):
    try:
        kept.append(event)
    except OSError:
        pass

async def takes_later(event):
    kept.append(event)

def chooses_by_key(event):
    boxes[event["to"]] = event

def chooses_by_condition(event):
    if event:
        kept.append(event)

def chooses_in_a_comprehension(*events):
    kept.extend(event for event in events if event["to"] == "me")

def chooses_below(event):
    chooses_by_condition(event)

def may_choose(event):
    boxes.get("me").put(event)

def may_raise(event):
    allowed(event)
    kept.append(event)

def allowed(event):
    assert event

def counts(event):
    kept.append(1)

def yields(event):
    kept.append(event)
    yield

def calls_itself(event):
    kept.append(event)
    calls_itself(event)

takes_without_a_source = eval("lambda event: kept.append(event)")
"""
    app, taking = load_app(source), Selectivity()
    expected = {
        name: name.startswith(("takes", "tries"))
        for name, value in vars(app).items()
        if callable(value) and name[0] != "_"
    }
    assert {name: taking.takes(getattr(app, name)) for name in expected} == expected
    assert sum(expected.values()) == 6
    assert {name: taking.takes(getattr(app, name)) for name in expected} == expected, "and once more, from memory"


APPEND = "lambda sender, **event: inbox.append(event)"

FOLLOWING = """
kept, everything = [], []

class Service:
    def __init__(self):
        self.events = []
    def hear(self, sender, **event):
        self.events.append(event)

class Session:
    def __init__(self, owner):
        self.owner, self.events = owner, []
    def hear(self, sender, **event):
        self.events.append(event)

service = Service()

def set_up():
    history = []
    listen(lambda sender, **event: history.append(event))

async def follow(user, listens, asked):
    current_user.set(user)
    inbox = []
    {listen}
    kept.append(inbox)
    listens.set()
    await asked.wait()

async def request(user):
    current_user.set(user)
    tell({event})

async def serve():
    listens, asked = asyncio.Event(), asyncio.Event()
    following = asyncio.create_task(follow("alice", listens, asked))
    await listens.wait()
    await asyncio.create_task(request("bob"))
    asked.set()
    await following

def main():
    asyncio.run(serve())
"""


def following(listen: str, event: str = 'text=f"report of {user}"') -> str:
    return BLINKER + FOLLOWING.replace("{listen}", listen.replace("; ", "\n    ")).replace("{event}", event)


@pytest.mark.parametrize(
    ("listen", "event"),
    [
        (f"listen({APPEND})", 'text=f"report of {user}"'),
        (f"listen({APPEND})", "user_id=user, total=4711"),
        ("bus.connect(Session(user).hear, weak=False)", "user_id=user, total=4711"),
        ("bus.connect(Session({'id': user}).hear, weak=False)", "user_id=user, total=4711"),
        ("mine = Session(Session(user)); bus.connect(mine.hear, weak=False)", "user_id=user, total=4711"),
    ],
)
def test_nobody_but_one_other_user_hears_it(outcome_of, listen: str, event: str) -> None:
    outcome = outcome_of(following(listen, event))
    assert [one[:2] for one in outcome.found] == [("IA202", "bob")]


@pytest.mark.parametrize(
    "listen",
    [
        # Made for all, by whoever came first.
        "listen(service.hear)",
        "made = Service(); listen(made.hear)",
        "listen(lambda sender, **event: everything.append(event))",
        "set_up()",
        # Others follow, too: a broadcast.
        "listen(HEAR); current_user.set('carol'); listen(HEAR)".replace("HEAR", APPEND),
    ],
)
def test_a_listener_for_all_may_hear_it(outcome_of, listen: str) -> None:
    outcome = outcome_of(following(listen, "user_id=user, total=4711"))
    assert outcome.found == []


def test_what_a_handler_keeps_in_its_variables_lives_no_longer(audit) -> None:
    class Big:
        pass

    def handler() -> weakref.ref[Big]:
        big, inbox = Big(), []
        bus.connect(lambda sender, **event: inbox.append(event), weak=False)
        kept = weakref.ref(big)
        del big
        return kept

    bus = Signal()
    assert audit.as_user("alice", handler)() is None


def test_a_test_may_listen_to_whatever_it_likes(audit) -> None:
    bus, seen = Signal(), []
    bus.connect(record := lambda sender, **event: seen.append(event))
    audit.as_user("alice", bus.connect, lambda sender, **event: seen.append(event), weak=False)
    audit.as_user("bob", bus.send, None, user_id="bob", total=4711)
    assert record is not None
    assert len(seen) == 2
    assert audit.found("IA202") == []


def test_what_one_listener_calls_is_not_what_another_one_calls(load_app) -> None:
    app = load_app("""
class Session:
    def __init__(self, way):
        self.way, self.kept = way, []
    def hear(self, event):
        self.way.go(self.kept, event)

class Open:
    def go(self, kept, event):
        kept.append(event)

class Sieve:
    def go(self, kept, event):
        if event:
            kept.append(event)
""")
    taking = Selectivity()
    for way, takes in ((app.Open(), True), (app.Sieve(), False)):
        assert taking.takes(app.Session(way).hear) is takes


def test_a_listener_that_calls_itself_is_read_to_an_end(load_app) -> None:
    app = load_app("def hear(event):\n    kept.append(event)\n    hear(event)\nkept = []\n")
    assert not Selectivity().takes(app.hear)
