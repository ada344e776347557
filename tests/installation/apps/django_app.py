"""Django, with a view of Django REST framework where that is installed."""

import last
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="k" * 50,
    ALLOWED_HOSTS=["*"],
    REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
    LOGGING_CONFIG=None,
)
application = get_wsgi_application()


def own(request):
    return HttpResponse(last.own(request.headers["X-User"]))


def of_the_last(request):
    return JsonResponse({"text": last.last(request.headers["X-User"])})


def fails(request):
    raise ValueError("as it should")


try:
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.response import Response
    from rest_framework.views import APIView
except ModuleNotFoundError:
    pass
else:

    class Person:
        is_authenticated = True

        def __init__(self, username):
            self.username = username

    class ByHeader(BaseAuthentication):
        def authenticate(self, request):
            return Person(request.headers["X-User"]), None

    class OfTheLast(APIView):
        authentication_classes = (ByHeader,)
        permission_classes = ()

        def get(self, request):
            return Response({"text": last.last(request.headers["X-User"])})

    of_the_last = OfTheLast.as_view()

urlpatterns = [path("own", own), path("last", of_the_last), path("fails", fails)]
