"""Django REST framework with Simple JWT, without a database: users are what tokens say, and not in their ``sub``."""

import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="0123456789abcdef0123456789abcdef",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
)
django.setup()

from assistant import Browser, Keeper, known, say
from django.core.wsgi import get_wsgi_application
from django.urls import path
from rest_framework.permissions import IsAuthenticatedOrReadOnly
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.tokens import AccessToken

keeper = Keeper()


class Ask(APIView):
    authentication_classes = [JWTStatelessUserAuthentication]
    permission_classes = [IsAuthenticatedOrReadOnly]

    def get(self, request):
        keeper.assistant().answer()
        return Response([known()])


urlpatterns = [path("ask", Ask.as_view())]


def bearer(user):
    token = AccessToken()
    token["user_id"] = user
    return f"Bearer {token}"


WSGIRequestHandler.log_message = lambda *words: None
server = make_server("127.0.0.1", 0, get_wsgi_application())
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Browser(server.server_port)
seen = [client.get("/ask", Authorization=bearer(user)) for user in ("alice", "bob")]
seen += [client.get("/ask", Authorization="Bearer nonsense"), client.get("/ask")]
server.shutdown()
say(*seen)
