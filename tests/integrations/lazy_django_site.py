"""A Django site for ``test_lazy_paths``: what it answers, and how often it asks its database, bare and audited.

Run as a program with a configuration; it prints one JSON text.
"""

from __future__ import annotations

import json
import sys
from contextvars import ContextVar
from pathlib import Path

import django
from django.conf import settings

sys.modules["lazy_django_site"] = sys.modules[__name__]
settings.configure(
    SECRET_KEY="for these tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        f"{__name__}.remember",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - Django has to be set up before
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import path  # noqa: E402

from isolation_audit.auditor import Auditor  # noqa: E402
from isolation_audit.config import load_config  # noqa: E402
from isolation_audit.model.contexts import current_scope  # noqa: E402

current: ContextVar[object] = ContextVar("current", default=None)
seen: list[str | None] = []


class Order(models.Model):
    owner = models.ForeignKey(User, models.CASCADE)
    note = models.TextField()

    class Meta:
        app_label = "auth"


class Engine:
    def __init__(self, request):
        self.request = request

    def run(self, order):
        return "ran"


class Outlet:
    def send(self, order):
        return "sent"


class Work:
    def __init__(self, request):
        self.request = request

    @property
    def user(self):
        return self.request.user

    def by_self(self):
        return note()

    def by_property(self):
        return note()

    def by_session(self):
        return note()


def by_argument(request):
    return note()


def note():
    scope = current_scope()
    seen.append(None if scope is None else scope.user_id)


def remember(get_response):
    def middleware(request):
        current.set(request)
        return get_response(request)

    return middleware


def work(request):
    order = Order.objects.defer("note").get()
    one = Work(request)
    one.by_self(), one.by_property(), one.by_session(), by_argument(request)
    Engine(request).run(order)
    Outlet().send(order)


def public(request):
    work(request)
    return JsonResponse({"page": "for everybody"})


def mine(request):
    name = request.user.username
    work(request)
    return JsonResponse({"page": name, "who": request.session.get("who")})


urlpatterns = [path("public", public), path("mine", mine)]


def visit(client: Client, address: str) -> dict[str, object]:
    seen.clear()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(address)
    return {
        "body": response.content.decode(),
        "headers": sorted((name, value) for name, value in response.items() if name != "Date"),
        "cookies": sorted(response.cookies),
        "queries": [query["sql"].split(" WHERE")[0] for query in queries],
        "scopes": list(seen),
    }


def tour(clients: list[Client]) -> list[dict[str, object]]:
    return [visit(client, address) for client in clients for address in ("/public", "/mine", "/public")]


def main(config: str) -> None:
    call_command("migrate", verbosity=0, run_syncdb=True)
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    clients = []
    for name in ("alice", "bob"):
        user = User.objects.create(username=name)
        client = Client()
        client.force_login(user)
        session = client.session
        session["who"] = name
        session.save()
        clients.append(client)
    Order.objects.create(owner=User.objects.get(username="alice"), note="tea")
    bare = tour(clients)
    with Auditor(load_config(Path(config))) as auditor:
        audited = tour(clients)
        owners = sum(record.owner is not None for record in auditor.runtime.objects.records.values())
    print(json.dumps({"bare": bare, "audited": audited, "owners": owners, "faults": auditor.runtime.barrier.counts}))


if __name__ == "__main__":
    main(sys.argv[1])
