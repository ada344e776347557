"""Django, whose user is loaded where somebody asks for one, and a page outside of it that a wrapper answers."""

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="__main__",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:pages?mode=memory&cache=shared",
            "OPTIONS": {"uri": True},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
)
django.setup()

from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path
from pages import public, visit, welcome


def sign_in(request, name):
    login(request, User.objects.get(username=name))
    return JsonResponse("welcome", safe=False)


def sign_out(request):
    logout(request)
    return JsonResponse("bye", safe=False)


urlpatterns = [
    path("login/<name>", sign_in),
    path("logout", sign_out),
    path("private", lambda request: JsonResponse(welcome(request.user.username))),
]
inner = get_wsgi_application()


def application(environ, start_response):
    if environ["PATH_INFO"] != "/public":
        return inner(environ, start_response)
    body = json.dumps(public()).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


call_command("migrate", verbosity=0)
for name in ("alice", "bob"):
    User.objects.create_user(name, f"{name}@example.com", "pass")
WSGIRequestHandler.log_message = lambda *words: None
served = make_server("127.0.0.1", 0, application)
threading.Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
visit(served.server_port)
served.shutdown()
