"""Django with its sessions, its users, its ORM and a template: a page of the user's notes."""

from __future__ import annotations

import os
from pathlib import Path

import django
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from benchmarks.programs.web import notes as common

common.sentry()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.programs.web.django_settings")
django.setup()

from django.contrib.auth import get_user_model, login  # noqa: E402 - after the settings
from django.contrib.auth.decorators import login_required  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402


class Note(models.Model):
    """One note of one user."""

    owner = models.CharField(max_length=30, db_index=True)
    title = models.CharField(max_length=100)
    weight = models.IntegerField()

    class Meta:
        app_label = "notes"


class Notes:
    """One user's notes, for one request."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id

    def latest(self) -> list[Note]:
        """The newest ones."""
        return list(Note.objects.filter(owner=self.user_id).order_by("-id")[: common.ROWS])


activity = common.Activity()


def enter(request: HttpRequest) -> HttpResponse:
    """Remember who it is."""
    user, _ = get_user_model().objects.get_or_create(username=request.GET["user"])
    login(request, user)
    return HttpResponse("welcome")


@login_required
def notes(request: HttpRequest) -> HttpResponse:
    """The user's notes."""
    name = request.user.get_username()
    token = common.current_user.set(name)
    try:
        found = Notes(name).latest()
        activity.emit_viewed(name, len(found))
        return render(request, "notes.html", {"notes": found})
    finally:
        common.current_user.reset(token)


urlpatterns = [path("login", enter), path("notes", notes)]
Path("django.sqlite").unlink(missing_ok=True)
call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Note)
Note.objects.bulk_create(
    Note(owner=user, title=f"note {n} about the quarter", weight=n * 1_000) for user in common.USERS for n in range(50)
)
connection.close()
application = get_wsgi_application()
