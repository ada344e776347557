"""What was read for one user, and is kept for the next who asks: rows that name nobody."""

from __future__ import annotations

import importlib

import pytest
from asking import Client
from test_inputs import ALICE, BOB
from test_rows import STARLETTE

from isolation_audit.rules.provenance import own_rows
from isolation_audit.rules.provenance.own_rows import numbers, sums

CAROL = "carol.kane"

APP = (
    STARLETTE
    + """
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE accounts (who text, amount real, what text)"))
    rows = [("alice.liddell", 40211.75, "rent for the flat in Bath"), ("bob.builder", 51117.5, "a cup of green tea")]
    rows += [("rates", 93817.25, "what one pays today for a litre of milk")]
    for who, amount, what in rows:
        given = {"who": who, "amount": amount, "what": what}
        connection.execute(text("INSERT INTO accounts VALUES (:who, :amount, :what)"), given)

with engine.begin() as connection:
    connection.execute(text("CREATE TABLE lines (who text, cents integer, ref text)"))
    rows = [("alice.liddell", 118250, "RF18-5390-A"), ("alice.liddell", 42319, "RF18-6420-B")]
    for who, cents, ref in [*rows, ("bob.builder", 77123, "RF42-1111-2233")]:
        given = {"who": who, "cents": cents, "ref": ref}
        connection.execute(text("INSERT INTO lines VALUES (:who, :cents, :ref)"), given)

kept, here, rates = {}, {}, []

def of(who):
    with engine.connect() as connection:
        found = connection.execute(text("SELECT amount, what FROM accounts WHERE who = :who"), {"who": who})
        return [list(row) for row in found]

async def own(request):
    user = request.headers["x-user"]
    kept.setdefault("rows", of(user))
    here[user] = of(user)[0]
    return JSONResponse(of(user))

async def number(request):
    return JSONResponse({"balance": kept["rows"][0][0]})

async def words(request):
    return JSONResponse({"last": kept["rows"][0][1]})

async def again(request):
    # A query of everybody's by this very unit.
    with engine.connect() as connection:
        found = connection.execute(text("SELECT amount, what FROM accounts"))
        return JSONResponse([list(row) for row in found])

async def everybody(request):
    return JSONResponse([{"amount": amount, "what": what} for amount, what in here.values()])

async def public(request):
    if not rates:
        rates.extend(of("rates"))
    return JSONResponse(rates)

together = []

def lines(who):
    with engine.connect() as connection:
        found = connection.execute(text("SELECT cents, ref FROM lines WHERE who = :who"), {"who": who})
        return [list(row) for row in found]

async def total(request):
    if "cents" not in here:
        here["cents"] = sum(cents for cents, _ref in lines(request.headers["x-user"]))
    return JSONResponse({"spent": here["cents"] / 100})

async def collected(request):
    together.extend(lines(request.headers["x-user"]))
    return JSONResponse(together)

async def collected_before(request):
    return JSONResponse(together)

async def end():
    engine.dispose()

VIEWS = [own, number, words, again, everybody, public, total, collected, collected_before]
app = Starlette(routes=[Route("/" + one.__name__, one) for one in VIEWS])
"""
)
FOUND = ("IA203", "warning", BOB, ALICE)


@pytest.fixture
def app(audit, load_app):
    module = load_app(APP)
    client = Client(module.app, module.end)
    client.ask(CAROL, "/public")
    client.ask(BOB, "/public")
    yield client
    client.close()


@pytest.mark.parametrize(("view", "shown"), [("number", "40211.75"), ("words", "rent for the flat")])
def test_what_was_read_for_another(audit, app, view, shown) -> None:
    app.ask(ALICE, "/own")
    assert shown in app.ask(BOB, f"/{view}")
    assert audit.found() == [FOUND]


def test_what_was_added_up_for_another_and_is_shown_in_euros(audit, app) -> None:
    app.ask(ALICE, "/total")
    assert "1605.69" in app.ask(BOB, "/total")
    assert audit.found() == [FOUND]


def test_what_is_put_to_what_others_have_left(audit, app) -> None:
    app.ask(ALICE, "/collected")
    assert "RF18-6420-B" in (got := app.ask(BOB, "/collected"))
    assert "RF42-1111-2233" in got
    assert audit.found() == [FOUND]


def test_a_list_of_all_that_this_unit_has_not_read(audit, app) -> None:
    app.ask(ALICE, "/collected_before")
    app.ask(BOB, "/collected")
    app.ask(ALICE, "/own")
    assert audit.found() == []


def test_sums() -> None:
    assert sums([(1, "a", 2.5, None), (2, "b", 0.25, 1)]) == ["3", "2.75"]
    assert sums([(1, 2)]) == sums([(1,), (1, 2)]) == sums({"a": 1}) == sums([]) == []


@pytest.mark.parametrize("view", ["own", "number", "words"])
def test_ones_own(audit, app, view) -> None:
    app.ask(ALICE, "/own")
    app.ask(ALICE, f"/{view}")
    app.ask(BOB, "/own")
    assert audit.found() == []


@pytest.mark.parametrize("view", ["number", "words"])
def test_what_others_may_ask_for(audit, app, view) -> None:
    app.ask(ALICE, "/own")
    assert "40211.75" in app.ask(BOB, "/again")
    app.ask(BOB, f"/{view}")
    assert audit.found() == []


@pytest.mark.parametrize("who", [BOB, CAROL])
def test_a_view_that_goes_through_all_users(audit, app, who) -> None:
    app.ask(ALICE, "/own")
    app.ask(BOB, "/own")
    assert "40211.75" in app.ask(who, "/everybody")
    assert audit.found() == []


def test_what_was_read_with_a_question_about_nobody(audit, app) -> None:
    assert "93817.25" in app.ask(ALICE, "/public")
    assert "litre of milk" in app.ask(BOB, "/public")
    assert audit.found() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"n":48213}', ["48213"]),
        ("it is 70,181.93.", ["70,181.93"]),
        ("[40211.75, 7, 1234]", ["40211.75"]),
        ("2026-11-28 10:12:33.123456", []),
        ("of 100000 and 250000.00", []),
        ("at 1764370000 or 1764370000.25", []),
        ("a7f31c9-48213", []),
    ],
)
def test_numbers(text: str, found: list[str]) -> None:
    assert [*numbers(text).values()] == found


CATALOGUE = (
    STARLETTE
    + """
import json
from pathlib import Path
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE orders (who text, price real)"))
    connection.execute(text("CREATE TABLE products (name text, price real)"))
    connection.execute(text("INSERT INTO products VALUES ('chair', 877.41)"))

WRITTEN = {"lamp": {"price": 219.99}}
opened = json.loads(Path(__file__).with_name("products.json").read_text())
read = []

async def buy(request):
    price = float(request.query_params["price"])
    with engine.begin() as connection:
        given = {"who": request.headers["x-user"], "price": price}
        connection.execute(text("INSERT INTO orders VALUES (:who, :price)"), given)
    with engine.connect() as connection:
        asked = {"who": given["who"]}
        found = connection.execute(text("SELECT price FROM orders WHERE who = :who"), asked)
        return JSONResponse([list(row) for row in found])

async def written(request):
    return JSONResponse(WRITTEN)

async def from_file(request):
    return JSONResponse(opened)

async def load(request):
    with engine.connect() as connection:
        read[:] = [list(row) for row in connection.execute(text("SELECT name, price FROM products"))]
    return JSONResponse([])

async def listed(request):
    return JSONResponse(read)

async def end():
    engine.dispose()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (buy, written, from_file, load, listed)])
"""
)


@pytest.mark.parametrize(("price", "shown"), [(219.99, "written"), (643.58, "from_file"), (877.41, "listed")])
def test_a_price_is_nobodys_though_somebody_has_bought_at_it(audit, tmp_path, monkeypatch, price, shown) -> None:
    """It stands in the code, in a file that was read at the start, or in rows that were read for everybody."""
    (tmp_path / "products.json").write_text('{"desk": {"price": 643.58}}')
    name = f"catalogue_{shown}"
    (tmp_path / f"{name}.py").write_text(CATALOGUE)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(name)
    client = Client(module.app, module.end)
    client.ask(ALICE, f"/buy?price={price}")
    client.ask(CAROL, "/load")
    assert str(price) in client.ask(BOB, f"/{shown}")
    client.close()
    assert audit.found() == []


SENTENCES = (
    STARLETTE
    + """
from pathlib import Path
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE notes (who text, what text)"))

def keep(who, what):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO notes VALUES (:who, :what)"), {"who": who, "what": what})

def thanks():
    return "thank you very much for the order of today"

def total():
    return "cart total: {}".format(sum([3.5, 7.49]))

def page():
    filled = Path(__file__).with_name("templates") / "page.html"
    return filled.read_text().replace("{{ sum }}", "10.99")

async def ask(request):
    user, question = request.headers["x-user"], request.query_params["q"]
    for what in (f"you have asked: {question}", thanks(), total(), page()):
        keep(user, what)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT what FROM notes WHERE who = :who"), {"who": user})
        return JSONResponse([list(row) for row in found])

async def only_ask(request):
    return JSONResponse({"note": f"you have asked: {request.query_params['q']}"})

async def only_thanks(request):
    return JSONResponse({"note": thanks()})

async def only_total(request):
    return JSONResponse({"note": total()})

async def only_page(request):
    return JSONResponse({"note": page()})

async def end():
    engine.dispose()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (ask, only_ask, only_thanks, only_total, only_page)])
"""
)


@pytest.mark.parametrize(
    "path", ["/only_ask?q=which+constraints+are+likely", "/only_thanks", "/only_total", "/only_page"]
)
def test_a_sentence_that_the_application_makes_for_anybody_is_nobodys(audit, load_app, tmp_path, path) -> None:
    """alice's rows have it, and bob's answer is made without rows: of his own words, of the code or of a template."""
    module = load_app(SENTENCES)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("<p>So far the sum of your whole order is {{ sum }} in all</p>")
    module.__file__ = str(tmp_path / "sentences.py")
    client = Client(module.app, module.end)
    client.ask(ALICE, "/ask?q=which+constraints+are+likely")
    assert " " in client.ask(BOB, path)
    client.close()
    assert audit.found() == []


CATALOGUE_IN_MEMORY = (
    STARLETTE
    + """
from sqlalchemy import create_engine, text
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
with engine.begin() as connection:
    connection.execute(text("CREATE TABLE products (id text, price real, what text)"))
    connection.execute(text("INSERT INTO products VALUES ('d', 877.41, 'a desk of solid oak with drawers')"))
    connection.execute(text("CREATE TABLE orders (who text, product text)"))
    connection.execute(text("INSERT INTO orders VALUES ('alice.liddell', 'd')"))

shown = []

async def products(request):
    if not shown:
        with engine.connect() as connection:
            shown.extend(list(row) for row in connection.execute(text("SELECT price, what FROM products")))
    return JSONResponse(shown)

async def orders(request):
    with engine.connect() as connection:
        asked = "SELECT price, what FROM orders JOIN products ON product = id WHERE who = :who"
        found = connection.execute(text(asked), {"who": request.headers["x-user"]})
        return JSONResponse([list(row) for row in found])

async def end():
    engine.dispose()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (products, orders)])
"""
)


@pytest.mark.parametrize("first", [CAROL, ALICE])
@pytest.mark.parametrize("paths", [("/products", "/orders"), ("/orders", "/products")])
def test_what_was_read_for_all_is_nobodys_though_somebodys_rows_have_it(audit, load_app, first, paths) -> None:
    """A catalogue that is kept in memory once somebody has asked for it, and an order of something in it."""
    module = load_app(CATALOGUE_IN_MEMORY)
    client = Client(module.app, module.end)
    for path in paths:
        client.ask(ALICE if path == "/orders" else first, path)
    assert "oak" in client.ask(BOB, "/products")
    client.close()
    assert audit.found() == []


def test_nothing_is_known_any_more_once_it_has_taken_its_time(audit, app, monkeypatch) -> None:
    app.ask(ALICE, "/own")
    monkeypatch.setattr(own_rows, "_AT_ONCE", 0.0)
    app.ask(BOB, "/own")  # what ALICE reads is known by now, and takes no time
    assert "40211.75" in app.ask(BOB, "/number")
    assert "rent" in app.ask(BOB, "/words")
    assert audit.found() == []


def test_what_is_read_again_is_known_as_well_and_takes_no_time(audit, app, monkeypatch) -> None:
    app.ask(ALICE, "/own")
    monkeypatch.setattr(own_rows, "_AT_ONCE", 0.0)
    app.ask(ALICE, "/own")
    app.ask(BOB, "/number")
    assert audit.found() == [("IA203", "warning", BOB, ALICE)]


AIOSQLITE = (
    STARLETTE
    + """
import asyncio
import aiosqlite

kept, last = {}, {}

async def opened():
    if "db" not in kept:
        db = kept["db"] = await aiosqlite.connect(":memory:")
        await db.execute("CREATE TABLE accounts (who text, amount integer, what text)")
        rows = [("alice.liddell", 4021175, "rent for the flat"), ("bob.builder", 5111755, "a cup of green tea")]
        await db.executemany("INSERT INTO accounts VALUES (?, ?, ?)", rows)
    return kept["db"]

async def of(who):
    db = await opened()
    async with db.execute("SELECT amount, what FROM accounts WHERE who = ?", (who,)) as cursor:
        return [list(row) for row in await cursor.fetchall()]

async def own(request):
    return JSONResponse(await of(request.headers["x-user"]))

async def cached(request):
    if "rows" not in last:
        last["rows"] = await of(request.headers["x-user"])
    return JSONResponse([row[0] for row in last["rows"]])

async def latest(request):
    kept["who"] = request.headers["x-user"]
    await asyncio.sleep(0.02)
    return JSONResponse(await of(kept["who"]))

async def everybody(request):
    if "all" not in last:
        db = await opened()
        last["all"] = [list(row) for row in await db.execute_fetchall("SELECT amount, what FROM accounts")]
    return JSONResponse(last["all"])

async def end():
    if "db" in kept:
        await kept["db"].close()

app = Starlette(routes=[Route("/" + one.__name__, one) for one in (own, cached, latest, everybody)])
"""
)


@pytest.fixture
def aiosqlite_app(audit, load_app):
    pytest.importorskip("aiosqlite")
    module = load_app(AIOSQLITE)
    client = Client(module.app, module.end)
    client.ask(BOB, "/own")
    client.ask(ALICE, "/own")
    yield client
    client.close()


def test_what_was_read_through_aiosqlite_for_another(audit, aiosqlite_app) -> None:
    aiosqlite_app.ask(ALICE, "/cached")
    assert "4021175" in aiosqlite_app.ask(BOB, "/cached")
    assert audit.found() == [FOUND]


def test_what_was_asked_through_aiosqlite_with_the_id_of_another(audit, aiosqlite_app) -> None:
    answers = aiosqlite_app.together((BOB, "/latest"), (ALICE, "/latest"))
    assert "4021175" in answers[0]
    assert audit.found() == [FOUND]


@pytest.mark.parametrize("view", ["own", "everybody"])
def test_what_was_read_through_aiosqlite_for_the_reader_and_for_all(audit, aiosqlite_app, view) -> None:
    aiosqlite_app.ask(ALICE, f"/{view}")
    aiosqlite_app.ask(BOB, f"/{view}")
    aiosqlite_app.ask(BOB, f"/{view}")
    assert audit.found() == []
