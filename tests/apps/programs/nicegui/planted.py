"""Two leaks: who one is, kept for all; and the last one who has written a note in a global."""

import runpy
import sys
from pathlib import Path

kept = {}
last = {}


def keeping(me):
    """Who one is, kept without the user."""

    def kept_for_all(shown):
        kept.setdefault("answer", f"you are {me()}")
        shown.set_text(kept["answer"])

    return kept_for_all


def greeting(me):
    """Whoever has written before, in place of one's notes."""

    def last_writer(shown):
        before, last["user"] = last.get("user"), me()
        shown.set_text(f"after {before}")

    return last_writer


if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    serve = runpy.run_path(sys.argv[0])
    # The pages look both up by name when they are asked.
    names = serve["serve"].__globals__
    names["whoami"], names["mine"] = keeping(names["me"]), greeting(names["me"])
    names["serve"](int(sys.argv[1]))
