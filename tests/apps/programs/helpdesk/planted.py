"""Two leaks: the settings' page kept for all, and the last one of the staff in a global."""

import functools
import runpy
import sys
from pathlib import Path

import django
from django.http import HttpResponse

kept = {}
last = {}


def keeping(view):
    """A view whose page is kept by its path alone."""

    @functools.wraps(view)
    def kept_for_all(request, *args, **kwargs):
        if request.path not in kept:
            kept[request.path] = view(request, *args, **kwargs).render().content
        return HttpResponse(kept[request.path])

    return kept_for_all


def last_reader(request, *args, **kwargs):
    """The knowledge base, with whoever has read it before."""
    page = last_reader.view(request, *args, **kwargs)
    page.content += f"<p>last read by {last.get('user', 'nobody')}</p>".encode()
    last["user"] = request.user.email
    return page


def plant():
    from helpdesk.views import kb, staff

    staff.EditUserSettingsView.as_view = classmethod(keeping_class(staff.EditUserSettingsView.as_view))
    last_reader.view, kb.index = kb.index, last_reader


def keeping_class(as_view):
    def planted(_cls, **options):
        return keeping(as_view(**options))

    return planted


if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    # The views are planted once Django is set up, and before the URLs are first asked for.
    setup = django.setup

    def setup_and_plant():
        django.setup = setup
        setup()
        plant()

    django.setup = setup_and_plant
    runpy.run_path(sys.argv[0], run_name="__main__")
