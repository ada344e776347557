"""Two leaks: who one is, kept for all; and the last one who has looked at their notes in a global."""

import json
import runpy
import sys
from pathlib import Path

from starlette.responses import JSONResponse

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import desk  # the server loads both files by their paths

kept = {}
last = {}


async def kept_for_all(request):
    """Who one is, kept without the user."""
    if not kept:
        kept.update(json.loads((await desk.whoami(request)).body))
    return JSONResponse(dict(kept))


async def last_reader(request):
    """One's own notes, and who has looked before."""
    before, last["user"] = last.get("user"), desk.me(request)
    return JSONResponse({**json.loads((await desk.mine(request)).body), "before": before})


app = desk.application(kept_for_all, last_reader)

if __name__ == "__main__":
    serve = runpy.run_path(str(HERE / "serve.py"))
    serve["serve"](int(sys.argv[1]), "planted.py:app")
