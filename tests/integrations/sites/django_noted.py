"""Django without its own logins: whose an opaque key is, a middleware or a view's decorator notes in the request."""

import sys
import threading
from types import SimpleNamespace
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="0123456789abcdef0123456789abcdef",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="__main__",
    MIDDLEWARE=["__main__.by_key"] if "middleware" in sys.argv else [],
)
django.setup()

from assistant import Browser, Keeper, known, say
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

keeper = Keeper()
KEYS = {"k-7f3a91": "alice", "k-e08b5d": "bob"}


def owner(request):
    name = KEYS.get(request.headers.get("x-desk"))
    return SimpleNamespace(username=name) if name else None


def by_key(get_response):
    def handle(request):
        request.user = owner(request)
        return get_response(request)

    return handle


def authenticated(view):
    """What Django Ninja does before it calls an operation."""

    def handle(request):
        if "auth" in sys.argv:
            request.auth = owner(request)
        return view(request) if request.headers.get("x-desk") in KEYS else JsonResponse({}, status=401)

    return handle


@authenticated
def ask(_request):
    keeper.assistant().answer()
    return JsonResponse([known()], safe=False)


urlpatterns = [path("ask", ask)]

WSGIRequestHandler.log_message = lambda *words: None
server = make_server("127.0.0.1", 0, get_wsgi_application())
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Browser(server.server_port)
seen = [client.get("/ask", **{"X-Desk": key}) for key in (*KEYS, "k-none")]
server.shutdown()
say(*seen)
