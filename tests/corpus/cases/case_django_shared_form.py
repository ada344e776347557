# requires: django==4.2
# A class-based view keeps what it was given on the class: one basket for the whole shop.
# Nothing but Django's own login says who is there. An auditor should find: the page for bob shows what alice put in.
import threading
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:shop?mode=memory&cache=shared",
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

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from django.views import View


class Basket(View):
    things = []

    def get(self, request):
        if not request.user.is_authenticated:
            return HttpResponse(status=401)
        if "put" in request.GET:
            self.things.append(f"{request.GET['put']} for {request.user.email}")
        return HttpResponse("in your basket: " + ", ".join(self.things))


def sign_in(request, name):
    login(request, User.objects.get(username=name), "django.contrib.auth.backends.ModelBackend")
    return HttpResponse("welcome")


urlpatterns = [path("login/<name>", sign_in), path("basket", Basket.as_view())]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


class Browser:
    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def get(self, path):
        return self.opener.open(f"http://127.0.0.1:{server.server_port}{path}", timeout=10).read().decode()


call_command("migrate", verbosity=0)
for name in ("alice", "bob"):
    User.objects.create(username=name, email=f"{name}@example.com")
server = make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
alice, bob = Browser(), Browser()
alice.get("/login/alice")
bob.get("/login/bob")
alice.get("/basket?put=tea")
got = bob.get("/basket")
server.shutdown()
print("bob got", got, "->", "LEAK" if "alice" in got else "OK")
