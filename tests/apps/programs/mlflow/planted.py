"""Two leaks: who one is, kept for all; and the last one who asked for the version in a global."""

import functools
import runpy
import sys
from pathlib import Path

kept = {}
last = {}


def keeping(view):
    """A view whose answer is kept by its path alone."""

    @functools.wraps(view)
    def kept_for_all(*args, **kwargs):
        from flask import request

        if request.path not in kept:
            kept[request.path] = view(*args, **kwargs)
        return kept[request.path].get_data()

    return kept_for_all


def remembering(view):
    """A view that adds whoever has asked before."""

    @functools.wraps(view)
    def last_to_ask(*args, **kwargs):
        from flask import request

        answer = view(*args, **kwargs)
        before, last["user"] = last.get("user"), request.authorization.username
        return f"{answer[0] if isinstance(answer, tuple) else answer}, asked for by {before}"

    return last_to_ask


def plant(application):
    for rule in application.url_map.iter_rules():
        views = application.view_functions
        if rule.rule == "/api/2.0/mlflow/users/current":
            views[rule.endpoint] = keeping(views[rule.endpoint])
        if rule.rule == "/version":
            views[rule.endpoint] = remembering(views[rule.endpoint])
    return application


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    serve["serve"](plant(serve["application"]()), int(sys.argv[1]))
