"""What the last reader has left in a global, beside the next one's own; and what several are shown on purpose."""

from __future__ import annotations

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

CAROL, DAVE = "carol.kane", "dave.null"

APP = (
    STARLETTE
    + """
last, members = {}, []

def me(request):
    return request.headers["x-user"]

async def mine(request):
    before, last["user"] = last.get("user"), me(request)
    return JSONResponse([f"note of {me(request)}", f"before: {before}"])

async def decoded(request):
    return JSONResponse({"reader": me(request), "text": bytes.fromhex(request.query_params["code"]).decode()})

async def everybody(request):
    if me(request) not in members:
        members.append(me(request))
    return JSONResponse(members)

async def editors(request):
    before, last["editor"] = last.get("editor"), me(request)
    return JSONResponse({"text": "plan", "author": before})

async def directory(request):
    return JSONResponse([f"note of {me(request)}", f"owner: {MEMBERS[0]}"])

VIEWS = [mine, decoded, everybody, editors, directory]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""
)


@pytest.fixture
def app(audit, load_app):
    client = Client(load_app(APP).app)
    for user in (ALICE, BOB, CAROL, DAVE):
        client.ask(user, "/everybody?first=1")
    yield client
    client.close()


@pytest.mark.parametrize("query", ["", "?of={}"])
def test_the_one_who_came_before_is_no_member_of_anything(audit, app, query) -> None:
    for user in (ALICE, BOB, CAROL, ALICE):
        app.ask(user, "/mine" + query.format(user))
    assert audit.alarms() == [], "three answers may name each other by chance"
    app.ask(BOB, "/mine" + query.format(BOB))
    assert audit.alarms() == [("IA203", "warning", BOB, ALICE)]
    assert "whoever was answered before" in audit.words()[-1]


def test_two_who_are_shown_to_each_other_may_be_meant_to_be(audit, app) -> None:
    for _ in range(6):
        for user in (ALICE, BOB):
            app.ask(user, "/mine")
    assert audit.alarms() == []


def test_what_the_request_itself_holds_in_a_form_of_its_own_is_the_readers(audit, app) -> None:
    for _ in range(3):
        for sender, reader in ((ALICE, BOB), (BOB, CAROL), (CAROL, ALICE)):
            assert sender in app.ask(reader, f"/decoded?code={sender.encode().hex()}")
    assert audit.alarms() == []


@pytest.mark.parametrize("view", ["everybody", "editors"])
def test_a_list_of_members_and_the_author_of_a_record_are_shown_on_purpose(audit, app, view) -> None:
    for _ in range(3):
        for user in (ALICE, BOB, CAROL, DAVE):
            app.ask(user, f"/{view}")
    assert audit.alarms() == []


LOADED = """
from sqlalchemy import create_engine, text

engine = create_engine("sqlite://")
with engine.connect() as connection:
    names = "SELECT 'alice.liddell' UNION SELECT 'bob.builder' UNION SELECT 'carol.kane'"
    MEMBERS = list(connection.execute(text(names)).scalars())
engine.dispose()
"""


@pytest.mark.parametrize(("view", "alarms"), [("mine", [("IA203", "warning", BOB, ALICE)]), ("directory", [])])
def test_a_directory_of_all_users_that_was_loaded_at_start_up(audit, load_app, view, alarms) -> None:
    """Everybody's name is known to the process: that explains what stays, and not what each reader leaves behind."""
    client = Client(load_app(LOADED + APP).app)
    for _ in range(2):
        for user in (ALICE, BOB, CAROL):
            client.ask(user, f"/{view}")
    client.close()
    assert audit.alarms() == alarms
    assert {rule for rule, *_rest in audit.found()} == {"IA209"} | {rule for rule, *_rest in alarms}
