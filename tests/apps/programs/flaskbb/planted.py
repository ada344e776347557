"""Two leaks: the settings' page kept for all, and the last member in a global."""

import functools
import runpy
import sys
from pathlib import Path

kept = {}
last = {}


def keeping(view):
    """A view whose page is kept by its path alone."""

    @functools.wraps(view)
    def kept_for_all(*args, **kwargs):
        from flask import request

        if request.path not in kept:
            kept[request.path] = view(*args, **kwargs)
        return kept[request.path]

    return kept_for_all


def greeting(view):
    """A view whose page ends with whoever came last."""

    @functools.wraps(view)
    def last_member(*args, **kwargs):
        from flask_login import current_user

        page = view(*args, **kwargs) + f"<!-- after {last.get('member', 'nobody')} -->"
        last["member"] = current_user.username
        return page

    return last_member


def plant(application):
    views = application.view_functions
    views["user.change_email"] = keeping(views["user.change_email"])
    views["user.change_password"] = greeting(views["user.change_password"])
    return application


if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    serve = runpy.run_path(sys.argv[0])
    plant(serve["application"]()).run("127.0.0.1", int(sys.argv[1]), threaded=True)
