"""Paths through lazy objects of real libraries: equal answers, equal headers, equal numbers of queries."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isolation_audit.config.paths import parse_value_path
from isolation_audit.instrument.reading.layout import MISSING, value_reader

SITE = Path(__file__).with_name("lazy_django_site.py")
CONFIG = """
[ambient]
contextvar = "lazy_django_site:current"
user_id = "user.username"

[identity]
bind = { session = "session.session_key" }

[[scopes]]
target = "lazy_django_site:Work.by_self"
user = "self.request.user.username"
[[scopes]]
target = "lazy_django_site:Work.by_property"
user = "self.user.username"
[[scopes]]
target = "lazy_django_site:Work.by_session"
user = "self.request.session['who']"
[[scopes]]
target = "lazy_django_site:by_argument"
user = ["args.request.user.username", "args.request.user.email"]

[[engines]]
target = "lazy_django_site:Engine"
owner = ["args.request.user.username", "self.request.user.username", "args.order.owner.username"]

[[emitters]]
target = "lazy_django_site:Outlet"
addressee = ["args.order.owner.username"]
methods = { send = "args.order.note" }
payload = ["args.order.note"]

[report]
terminal = false
"""


def read(value: Any, path: str) -> Any:
    return value_reader(parse_value_path(path))(value)


@pytest.fixture(scope="module")
def tours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the site answered, bare and audited."""
    pytest.importorskip("django")
    folder = tmp_path_factory.mktemp("site")
    (folder / "isolation-audit.toml").write_text(CONFIG)
    command = [sys.executable, str(SITE), str(folder / "isolation-audit.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_django_site_answers_as_it_does_bare(tours: dict[str, Any]) -> None:
    assert tours["faults"] == {}
    for bare, audited in zip(tours["bare"], tours["audited"], strict=True):
        for what in ("body", "headers", "cookies", "queries"):
            assert audited[what] == bare[what]
    public = tours["audited"][0]
    assert "Vary" not in dict(public["headers"])
    assert len(public["queries"]) == 1, "the order, and neither its owner, nor the session, nor the user"


def test_a_lazy_user_is_known_once_the_application_has_asked_for_it(tours: dict[str, Any]) -> None:
    pages = [page["scopes"] for page in tours["audited"]]
    assert pages == [[None] * 4, ["alice"] * 4, [None] * 4, [None] * 4, ["bob"] * 4, [None] * 4]
    assert all(page["scopes"] == [None] * 4 for page in tours["bare"])


def test_columns_that_sqlalchemy_has_not_loaded_stay_unloaded() -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    from sqlalchemy import Column, ForeignKey, Integer, String
    from sqlalchemy.orm import DeclarativeBase, Session, deferred, relationship

    class Base(DeclarativeBase):
        pass

    class User(Base):
        __tablename__ = "users"
        id = Column(Integer, primary_key=True)
        name = Column(String)
        bio = deferred(Column(String))

    class Order(Base):
        __tablename__ = "orders"
        id = Column(Integer, primary_key=True)
        owner_id = Column(Integer, ForeignKey("users.id"))
        owner = relationship(User)

        @property
        def owner_name(self):
            return self.owner.name

    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    statements: list[str] = []
    sqlalchemy.event.listen(
        engine, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: statements.append(statement)
    )
    with Session(engine) as session:
        session.add(Order(id=1, owner=User(id=7, name="alice", bio="tea")))
        session.commit()
        order = session.get(Order, 1)
        assert order is not None
        before = len(statements)
        assert read(order, "owner.name") is read(order, "owner_name") is MISSING
        assert read(order, "owner_id") == 7
        assert len(statements) == before

        assert order.owner.name == "alice"
        assert len(statements) == before + 1
        assert read(order, "owner.name") == read(order, "owner_name") == "alice"
        assert read(order, "owner.bio") is MISSING

        session.expire(order.owner)
        assert read(order, "owner.name") is MISSING, "what has expired, would be read again"
        assert len(statements) == before + 1
        assert read(session.execute(sqlalchemy.select(User.name)).one(), "name") == "alice"
    engine.dispose()


def test_a_request_of_rest_framework_authenticates_nobody_for_a_path() -> None:
    pytest.importorskip("rest_framework")
    program = """
from django.conf import settings
settings.configure(INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"], REST_FRAMEWORK={})
import django; django.setup()
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from types import SimpleNamespace
from isolation_audit.config.paths import parse_value_path
from isolation_audit.instrument.reading.layout import MISSING, value_reader
asked = []
class Authentication(BaseAuthentication):
    def authenticate(self, request):
        asked.append(1)
        return SimpleNamespace(username="alice"), None
plain = HttpRequest()
plain.tenant = "shop"
request = Request(plain, authenticators=[Authentication()])
read = value_reader(parse_value_path("user.username"))
assert read(request) is MISSING and asked == []
assert value_reader(parse_value_path("tenant"))(request) == "shop"
assert request.user.username == "alice" and asked == [1]
assert read(request) == "alice" and asked == [1]
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=280)


def test_proxies_of_flask_stand_for_what_there_is() -> None:
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")
    app.secret_key = "for these tests"
    loaded = []
    werkzeug_local = pytest.importorskip("werkzeug.local")
    person = werkzeug_local.LocalProxy(lambda: loaded.append(1) or SimpleNamespace(id="alice"))

    @app.get("/")
    def index() -> str:
        flask.g.user = SimpleNamespace(id="alice")
        return f"{read(flask.g, 'user.id')} {read(flask.request, 'environ[PATH_INFO]')} {read(person, 'id') is MISSING}"

    @app.get("/session")
    def session() -> str:
        return str(read(flask.session, "['who']") is MISSING)

    assert read(flask.g, "user.id") is MISSING, "outside of a request there is nothing"
    client = app.test_client()
    response = client.get("/")
    assert response.text == "alice / True"
    assert loaded == []
    response = client.get("/session")
    assert response.text == "True"
    assert "Vary" not in response.headers, "reading a session makes the answer vary"


def test_a_request_of_starlette_gives_its_state_and_its_user() -> None:
    requests = pytest.importorskip("starlette.requests")
    scope: dict[str, Any] = {"type": "http", "headers": [(b"x-user", b"alice")], "query_string": b""}
    request = requests.Request(scope)
    assert read(request, "state.user.id") is read(request, "user.id") is MISSING
    assert "state" not in scope, "asking for it would have made it"
    request.state.user = SimpleNamespace(id="alice")
    scope["user"] = SimpleNamespace(id="bob")
    assert read(request, "state.user.id") == "alice"
    assert read(request, "user.id") == "bob"
    assert read(request, "headers['x-user']") == "alice"
    assert read(request, "scope[user].id") == "bob"
