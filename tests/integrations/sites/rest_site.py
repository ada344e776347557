"""Django REST framework with tokens of its own making; no session, no login."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
)
django.setup()

from assistant import Browser, Keeper, known, say
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.response import Response
from rest_framework.views import APIView

TOKENS = {"f3a91c": User(id=1, username="alice"), "77be02": User(id=2, username="bob")}
keeper = Keeper()


class Tokens(BaseAuthentication):
    def authenticate(self, request):
        token = request.headers.get("Authorization")
        if token is None:
            return None
        if token not in TOKENS:
            raise AuthenticationFailed
        return TOKENS[token], token


class Ask(APIView):
    authentication_classes = [Tokens]
    permission_classes = [IsAuthenticatedOrReadOnly]

    def get(self, request):
        keeper.assistant().answer()
        return Response([known()])


urlpatterns = [path("ask", Ask.as_view())]

WSGIRequestHandler.log_message = lambda *words: None
server = make_server("127.0.0.1", 0, get_wsgi_application())
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Browser(server.server_port)
seen = [client.get("/ask", Authorization=token) for token in TOKENS]
seen += [client.get("/ask", Authorization="000000"), client.get("/ask")]
server.shutdown()
say(*seen)
