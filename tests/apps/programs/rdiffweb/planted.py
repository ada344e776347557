"""Two leaks: a page with one's name, kept for all; and the last one who has come in a global."""

import runpy
import sys
from pathlib import Path

import cherrypy

kept = {}
last = {}


@cherrypy.expose
def kept_for_all():
    """A page whose text is kept."""
    return kept.setdefault("page", f"<p>Hello {cherrypy.request.currentuser.username}</p>")


@cherrypy.expose
def last_reader():
    """A page that tells who came before, too."""
    before, last["user"] = last.get("user"), cherrypy.request.currentuser.username
    return f"<p>Hello {last['user']}, after {before}</p>"


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    import rdiffweb.main  # noqa: F401 - its pages want what this imports
    from rdiffweb.rdw_app import Root

    Root.kept_for_all, Root.last_reader = staticmethod(kept_for_all), staticmethod(last_reader)
    serve["serve"](int(sys.argv[1]))
