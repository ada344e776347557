"""Two leaks: who one is, kept for all; and the last one who has looked at their notes in a global."""

import runpy
import sys
from pathlib import Path

from fastapi import Request

kept = {}
last = {}


def keeping(whoami):
    """Who one is, kept without the user."""

    async def kept_for_all(request: Request):
        if not kept:
            kept.update(await whoami(request))
        return dict(kept)

    return kept_for_all


def remembering(mine, me):
    """One's own notes, and who has looked before."""

    async def last_reader(request: Request):
        before, last["user"] = last.get("user"), me(request)
        return {**await mine(request), "before": before}

    return last_reader


if __name__ == "__main__":
    sys.argv[0] = str(Path(__file__).with_name("serve.py"))
    serve = runpy.run_path(sys.argv[0])
    # The application is made of what has these names when it is made.
    names = serve["serve"].__globals__
    names["whoami"], names["mine"] = keeping(names["whoami"]), remembering(names["mine"], names["me"])
    names["serve"](int(sys.argv[1]))
