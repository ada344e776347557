"""Two leaks: who one is, kept for all; and the last one who has looked at settings in a global."""

import functools
import json
import runpy
import sys
from pathlib import Path

import flask

kept = {}
last = {}
add_url_rule = flask.Flask.add_url_rule


def keeping(view):
    """A view whose answer is kept."""

    @functools.wraps(view)
    def kept_for_all(*args, **kwargs):
        if "answer" not in kept:
            kept["answer"] = view(*args, **kwargs)
        return kept["answer"]

    return kept_for_all


def greeting(view):
    """A view whose answer tells who came last."""

    @functools.wraps(view)
    def last_reader(*args, **kwargs):
        from flask_login import current_user

        answer = view(*args, **kwargs)
        answer.set_data(json.dumps({**answer.get_json(), "before": last.get("user")}))
        last["user"] = current_user.get_name()
        return answer

    return last_reader


def planting(app, rule, endpoint=None, view_func=None, **options):
    """``Flask.add_url_rule``, with other functions in the place of two."""
    if endpoint == "api.get_current_user":
        view_func = keeping(view_func)
    elif rule.endswith("/<username>/settings") and "GET" in options.get("methods", ()):
        view_func = greeting(view_func)
    return add_url_rule(app, rule, endpoint, view_func, **options)


flask.Flask.add_url_rule = planting

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("serve.py")))["serve"](int(sys.argv[1]))
