"""Wagtail as ``wagtail start`` makes it."""

import os
import subprocess
import sys
from pathlib import Path


def prepare() -> None:
    """A project, its database, an administrator and two editors."""
    subprocess.run(["wagtail", "start", "site1", "."], check=True)
    Path("site1/settings/local.py").write_text(LOCAL)
    call("migrate", verbosity=0)
    from django.contrib.auth.models import Group, User

    User.objects.create_superuser("alice.liddell", "alice.liddell@example.org", "correct horse")
    for name in ("bob.builder", "carol.kane"):
        first, last = name.split(".")
        user = User.objects.create_user(name, f"{name}@example.org", "correct horse", first_name=first, last_name=last)
        user.groups.add(Group.objects.get(name="Moderators"))


LOCAL = """\
DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "x" * 50
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
"""


def call(*command: str, **options: object) -> None:
    """A command of the project's ``manage.py``."""
    sys.path.insert(0, str(Path.cwd()))
    os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings.dev"
    import django
    from django.core.management import call_command

    django.setup()
    call_command(*command, **options)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        call("runserver", f"127.0.0.1:{sys.argv[1]}", use_reloader=False, skip_checks=True)
