"""Django's own admin, nothing else."""

import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.urls import path

settings.configure(
    SECRET_KEY="x" * 50,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(Path.cwd() / "db.sqlite3")}},
    INSTALLED_APPS=[f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.contrib import admin
from django.contrib.auth.models import User

urlpatterns = [path("admin/", admin.site.urls)]


def prepare() -> None:
    """The database and its users."""
    call_command("migrate", verbosity=0)
    for name in ("alice.liddell", "bob.builder", "carol.kane"):
        User.objects.create_superuser(name, f"{name}@example.org", "correct horse")


if __name__ == "__main__":
    sys.modules.setdefault("serve", sys.modules[__name__])
    if sys.argv[1] == "prepare":
        prepare()
    else:
        call_command("runserver", f"127.0.0.1:{sys.argv[1]}", use_reloader=False, skip_checks=True)
