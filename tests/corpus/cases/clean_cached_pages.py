# requires: django==4.2
# Pages in Django's cache: everybody's own, told apart by a header, and one that is the same for all.
from contextvars import ContextVar

import django
from django.conf import settings

current_user = ContextVar("current_user", default=None)


def sign_in(get_response):
    def middleware(request):
        token = current_user.set(request.headers["x-user"])
        try:
            return get_response(request)
        finally:
            current_user.reset(token)

    return middleware


settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    MIDDLEWARE=[f"{__name__}.sign_in"],
)
django.setup()

from django.http import HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_headers


@cache_page(60)
@vary_on_headers("x-user")
def profile(request):
    return JsonResponse({"mail": f"{current_user.get()}@example.com"})


@cache_page(60)
def front(request):
    return HttpResponse("welcome to the shop")


urlpatterns = [path("profile", profile), path("", front)]
client = Client()
got = []
for user in ("alice", "bob", "alice", "bob"):
    client.get("/", headers={"x-user": user})
    got.append(client.get("/profile", headers={"x-user": user}).json()["mail"])
print(got, "->", "OK" if got == ["alice@example.com", "bob@example.com"] * 2 else "LEAK")
