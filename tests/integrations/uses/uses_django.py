"""The views of the Django site that is used; both kinds, with logins of both kinds."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import User
from django.http import JsonResponse
from django.urls import path


def me(request: Any) -> Any:
    """Who is there."""
    return JsonResponse(str(request.user), safe=False)


def sign_in(request: Any, name: str) -> Any:
    """A login."""
    login(request, authenticate(request, username=name, password="pass"))
    return me(request)


def sign_out(request: Any) -> Any:
    """Its end."""
    logout(request)
    return me(request)


def broken(request: Any) -> Any:
    """An exception."""
    raise LookupError("broken")


async def async_me(request: Any) -> Any:
    """The same for asynchronous views, as far as this Django has it."""
    return JsonResponse(str(await request.auser()), safe=False)


async def async_sign_in(request: Any, name: str) -> Any:
    """A login."""
    from asgiref.sync import sync_to_async
    from django.contrib import auth

    user = await sync_to_async(User.objects.get)(username=name)
    user.backend = "django.contrib.auth.backends.ModelBackend"
    await getattr(auth, "alogin", sync_to_async(auth.login))(request, user)
    return JsonResponse(name, safe=False)


async def async_sign_out(request: Any) -> Any:
    """Its end."""
    from asgiref.sync import sync_to_async
    from django.contrib import auth

    await getattr(auth, "alogout", sync_to_async(auth.logout))(request)
    return JsonResponse("left", safe=False)


urlpatterns = [
    path("me", me),
    path("login/<name>", sign_in),
    path("logout", sign_out),
    path("broken", broken),
    path("async-me", async_me),
    path("async-login/<name>", async_sign_in),
    path("async-logout", async_sign_out),
]

try:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.exceptions import AuthenticationFailed
    from rest_framework.response import Response
    from rest_framework.views import APIView
except ImportError:
    pass
else:

    class Tokens(BaseAuthentication):
        """Tokens that name their users."""

        def authenticate(self, request: Any) -> Any:
            token = request.headers.get("Authorization")
            if token is None:
                return None
            if not token.startswith("of "):
                raise AuthenticationFailed
            return User(id=len(token), username=token[3:]), token

    class Rest(APIView):
        """Who is there."""

        authentication_classes = [Tokens]

        def get(self, request: Any) -> Any:
            """The name."""
            return Response(str(request.user))

    urlpatterns.append(path("rest", Rest.as_view()))
