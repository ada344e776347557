"""Django with its own login, over WSGI, or over ASGI with ``asgi`` on the command line."""

import asyncio
import sys
import threading
import time

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="k",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="__main__",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": "file:site?mode=memory&cache=shared",
            "OPTIONS": {"uri": True},
        }
    },
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from assistant import Browser, Keeper, known, say
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import JsonResponse
from django.urls import path

keeper = Keeper()


def sign_in(request, name):
    login(request, authenticate(request, username=name, password="pass"))
    return JsonResponse(known(), safe=False)


def sign_out(request):
    logout(request)
    return JsonResponse(known(), safe=False)


def front(request):
    return JsonResponse([known(), request.user.is_authenticated, known()], safe=False)


async def ask(request):
    if (await request.auser()).is_authenticated:
        keeper.assistant().answer()
        await asyncio.sleep(0)
    return JsonResponse(known(), safe=False)


urlpatterns = [path("login/<name>", sign_in), path("logout", sign_out), path("front", front), path("ask", ask)]

call_command("migrate", verbosity=0)
for name in ("alice", "bob"):
    User.objects.create_user(name, f"{name}@example.com", "pass")

if "asgi" in sys.argv:
    import uvicorn
    from django.core.asgi import get_asgi_application

    server = uvicorn.Server(uvicorn.Config(get_asgi_application(), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
else:
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    from django.core.wsgi import get_wsgi_application

    WSGIRequestHandler.log_message = lambda *words: None
    served = make_server("127.0.0.1", 0, get_wsgi_application())
    threading.Thread(target=served.serve_forever, daemon=True).start()
    port = served.server_port
seen = []
for name in ("alice", "bob"):
    browser = Browser(port)
    seen += [browser.get(place) for place in ("/front", f"/login/{name}", "/front", "/ask", "/logout", "/front")]
say(*seen)
sys.stdout.flush()
if "asgi" in sys.argv:
    server.should_exit = True
    thread.join()
else:
    served.shutdown()
