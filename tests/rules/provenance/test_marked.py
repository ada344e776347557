"""Numbers by which a person is known: what is one, and in whose answers it may be."""

from __future__ import annotations

import json

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

from isolation_audit.rules.provenance.marked import marked, of_persons

CAROL = "carol.kane"
FOUND = ("IA203", "warning", BOB, ALICE)
PHONE = "+351 912 555 731"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PHONE, [PHONE]),
        ("call 0170 555-0042-19 today", ["0170 555-0042-19"]),
        ("from PT50-0002-0123-1234 please", ["PT50-0002-0123-1234"]),
        ("passport X4417PT93", ["X4417PT93"]),
        ("4417-9920", ["4417-9920"]),
        ("2026-10-31", []),
        ("2026-10-31 09:15 until 2026-11-01 10:45", []),
        ("2026-11-03T09:00:00", []),
        ("31.10.2026 - 01.11.2026", []),
        ("gpt-4o-2024-08-06", []),
        ("127.0.0.1", []),
        ("1764370000", []),
        ("1764370000123", []),
        ("10000000 and 1000-0000", []),
        ("7f3a9c1e44d2b8a07f3a9c1e44d2b8a0", []),
        ("9b2f6c1e-8d1b-4c7e-9a55-0f7d1c2b3a4e", []),
        ("room B-117 at 10.30", []),
        ("a=48213 b=51117", []),
    ],
)
def test_marked(text: str, found: list[str]) -> None:
    assert [*marked(text)] == found


def test_of_what_was_read_shorter_names_count() -> None:
    assert [*marked("HOME-44170-A, KX-31", read=True)] == ["HOME-44170-A"]
    assert [*marked("HOME-44170-A", read=False)] == []


def test_fields_that_name_things_are_no_persons() -> None:
    pairs = [("isbn", "9780441172719"), ("order_id", 4417992011), ("phones", [PHONE]), ("startDate", "x"), ("at", "1")]
    assert of_persons([*pairs, ("amount", 4417992011)]) == [PHONE, "4417992011"]


APP = (
    STARLETTE
    + """
settings, last, items = {"phone": ""}, {}, []

async def save(request):
    told = await request.json()
    settings.update(told)
    last[request.headers["x-user"]] = told
    return JSONResponse({})

async def form(request):
    held = await request.form()
    items.append(dict(held))
    return JSONResponse({})

async def shown(request):
    return JSONResponse(settings)

async def own(request):
    return JSONResponse(last.get(request.headers["x-user"], {}))

async def listing(request):
    return JSONResponse(items)

async def signed(request):
    return JSONResponse({"entries": [{"owner": {"name": "Alice L."}, **settings}]})

app = Starlette(routes=[
    Route("/save", save, methods=["POST"]), Route("/form", form, methods=["POST"]),
    *(Route("/" + one.__name__, one) for one in (shown, own, listing, signed, save)),
])
"""
)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app)
    client.ask(CAROL, "/own")
    client.ask(BOB, "/own")
    yield client
    client.close()


def save(app: Client, user: str, **told: object) -> None:
    app.ask(user, "/save", json.dumps(told).encode(), content_type="application/json")


def test_a_number_of_anothers_out_of_memory(audit, app) -> None:
    save(app, ALICE, phone=PHONE)
    assert PHONE in app.ask(BOB, "/shown")
    assert audit.found() == [FOUND]


def test_ones_own_and_what_two_have(audit, app) -> None:
    save(app, ALICE, phone=PHONE)
    assert PHONE in app.ask(ALICE, "/own")
    save(app, BOB, phone=PHONE)
    assert PHONE in app.ask(CAROL, "/shown")
    assert audit.found() == []


def test_names_of_things_are_for_all(audit, app) -> None:
    # As JSON and as a form, which comes as one text.
    save(app, ALICE, isbn="9780441172719", tracking_id="RR123456785PT")
    sold = b"isbn=978-0-441-17271-9&sku=BK-100234-77&price=1299.95&from=2026-11-03T09%3A00"
    app.ask(ALICE, "/form", sold, content_type="application/x-www-form-urlencoded")
    assert "9780441172719" in app.ask(BOB, "/shown")
    assert "978-0-441-17271-9" in app.ask(BOB, "/listing")
    assert audit.found() == []


def test_a_record_that_says_whose_it_is_by_another_name(audit, app) -> None:
    save(app, ALICE, phone=PHONE, text="the garden gate has to be repaired soon")
    assert PHONE in app.ask(BOB, "/signed")
    assert audit.found() == []
