"""Two leaks: a page that is kept for all, and whoever came last in a global."""

import runpy
import sys
from pathlib import Path

from django.contrib.admin import options, sites

kept = {}
last = {}


def kept_for_all(site, request, extra_context=None):
    """``password_change``, kept by its path alone."""
    if request.path not in kept:
        kept[request.path] = ask(site, request, extra_context).render()
    return kept[request.path]


def last_seen(model_admin, request, object_id, extra_context=None):
    """``history_view``, with a title that names whoever looked before."""
    before = last.get("user")
    last["user"] = request.user.get_username()
    return history(model_admin, request, object_id, {"title": f"last seen by {before}"} if before else None)


ask, sites.AdminSite.password_change = sites.AdminSite.password_change, kept_for_all
history, options.ModelAdmin.history_view = options.ModelAdmin.history_view, last_seen

if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    runpy.run_path(sys.argv[0], run_name="__main__")
