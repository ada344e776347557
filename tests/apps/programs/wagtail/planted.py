"""Two leaks: the account's page kept for all, and the last editor in a global."""

import os
import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))
os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings.dev"

import django

django.setup()

from django.http import HttpResponse
from wagtail.admin.views import account
from wagtail.images.views import images

kept = {}
last = {}


def kept_for_all(view, request, *args, **kwargs):
    """The account's page, kept by its path alone."""
    if request.path not in kept:
        kept[request.path] = show(view, request, *args, **kwargs).rendered_content
    return HttpResponse(kept[request.path])


def last_editor(view, request, *args, **kwargs):
    """The list of images, with whoever looked at it before."""
    page = show_images(view, request, *args, **kwargs).rendered_content
    before, last["user"] = last.get("user"), request.user
    return HttpResponse(f"{page}<!-- after {before} -->")


show, account.AccountView.get = account.AccountView.get, kept_for_all
show_images, images.IndexView.get = images.IndexView.get, last_editor

if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    runpy.run_path(sys.argv[0], run_name="__main__")
