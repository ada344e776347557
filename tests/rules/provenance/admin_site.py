"""Django's own admin with its own sessions and logins, on a real server, and a view that leaks beside it."""

from __future__ import annotations

import json
import threading
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
from django.conf import settings

settings.configure(
    SECRET_KEY="k" * 50,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.db"}},
    INSTALLED_APPS=[
        f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="/static/",
)

import django  # noqa: E402

django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

last: dict[str, Any] = {}


def greeting(request: Any) -> Any:
    shown = last.get("user", "nobody")
    last["user"] = request.user.get_username()
    return HttpResponse(f"hello {shown}")


def page_in_parts(request: Any) -> Any:
    answer = HttpResponse(content_type="text/csv")
    for user in User.objects.order_by("pk"):
        answer.write(f"{user.pk},{user.username}\r\n")
    return answer


urlpatterns = [path("admin/", admin.site.urls), path("greeting", greeting), path("parts", page_in_parts)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words: Any) -> None:
        pass


class Browser:
    """One user's: with cookies, and with the token that forms have."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, follow_redirects=True, timeout=60)

    def get(self, page: str) -> int:
        return self._client.get(page).status_code

    def post(self, page: str, form: dict[str, str]) -> int:
        self._client.get(page)
        form = {**form, "csrfmiddlewaretoken": self._client.cookies["csrftoken"]}
        return self._client.post(page, data=form).status_code


def visit(address: str) -> list[int]:
    users = {"alice.liddell": 1, "bob.builder": 2, "carol.kane": 3}
    browsers, seen = [], []
    for name in users:
        browsers.append(Browser(address))
        seen.append(browsers[-1].post("/admin/login/?next=/admin/", {"username": name, "password": "a long word"}))
    for browser in browsers:
        pages = ["/admin/", "/admin/auth/user/", "/admin/auth/user/?q=alice", "/admin/auth/group/", "/parts"]
        pages += [f"/admin/auth/user/{key}/{page}/" for key in users.values() for page in ("change", "history")]
        seen += [browser.get(page) for page in pages]
        for name, key in users.items():
            changed = {"username": name, "first_name": "F", "email": f"{name}@example.com", "_save": "Save"}
            changed |= {"date_joined_0": "2026-01-01", "date_joined_1": "10:00", "is_active": "on"}
            changed |= {"is_staff": "on", "is_superuser": "on"}
            seen.append(browser.post(f"/admin/auth/user/{key}/change/", changed))
    return seen + [browser.get("/greeting") for browser in browsers]


def main() -> None:
    call_command("migrate", verbosity=0)
    for name in ("alice.liddell", "bob.builder", "carol.kane"):
        User.objects.create_superuser(name, f"{name}@example.com", "a long word")
    Group.objects.create(name="readers")
    server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    print(json.dumps(visit(f"http://127.0.0.1:{server.server_port}")))
    server.shutdown()


main()
