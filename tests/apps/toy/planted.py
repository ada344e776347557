"""One leak that tells, and one that never does."""

import runpy
import sys
from pathlib import Path

last = {}


def last_reader():
    from flask import request

    before, last["user"] = last.get("user"), request.headers["x-user"]
    return {"news": [], "before": before}


def never_leaks():
    """Nothing."""


if __name__ == "__main__":
    app = runpy.run_path(str(Path(__file__).with_name("serve.py")))["app"]
    app.view_functions["news"] = last_reader
    app.run("127.0.0.1", int(sys.argv[1]))
