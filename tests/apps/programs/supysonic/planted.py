"""Two leaks: somebody's playlists, kept for all; and the name of the last one who has come in a global."""

import functools
import runpy
import sys
from pathlib import Path

import flask

kept = {}
last = {}
add_url_rule = flask.Blueprint.add_url_rule


def keeping(view):
    """A view whose answer is kept."""

    @functools.wraps(view)
    def kept_for_all():
        if "answer" not in kept:
            kept["answer"] = flask.make_response(view()).get_data()
        return flask.Response(kept["answer"], mimetype="application/json")

    return kept_for_all


def greeting(view):
    """A view that tells who came last."""

    @functools.wraps(view)
    def last_reader():
        before, last["user"] = last.get("user"), flask.request.user.name
        return {"before": before}

    return last_reader


def planting(blueprint, rule, endpoint=None, view_func=None, **options):
    """``Blueprint.add_url_rule``, with other functions in the place of two."""
    planted = {"/getPlaylists.view": keeping, "/getStarred.view": greeting}.get(rule)
    if planted is not None:
        view_func, endpoint = planted(view_func), rule.strip("/").replace(".", "_")
    return add_url_rule(blueprint, rule, endpoint, view_func, **options)


flask.Blueprint.add_url_rule = planting

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("serve.py")))["serve"](int(sys.argv[1]))
