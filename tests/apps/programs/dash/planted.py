"""Two leaks: the greeting kept for all; and the last one who has asked for his latest note in a global."""

import runpy
import sys
from pathlib import Path

from flask_login import current_user

kept = {}
last = {}


def keeping(callback):
    """A callback whose answer is kept."""

    def kept_for_all(clicks):
        return kept.setdefault("answer", callback(clicks))

    return kept_for_all


def telling(callback):
    """A callback that tells who has asked before, too."""

    def last_reader(clicks):
        before, last["user"] = last.get("user"), current_user.id
        return f"{callback(clicks)}, after {before}"

    return last_reader


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    serve["serve"](int(sys.argv[1]), keeping(serve["greeting"]), telling(serve["latest"]))
