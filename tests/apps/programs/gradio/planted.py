"""Two leaks: who one is, kept for all; and the last one who has said something in a global."""

import runpy
import sys
from pathlib import Path

import gradio as gr

kept = {}
last = {}


def kept_for_all(request: gr.Request) -> str:
    """Who one is, kept without the user."""
    if "answer" not in kept:
        kept["answer"] = f"you are {request.username}"
    return kept["answer"]


def last_speaker(message: str, request: gr.Request) -> str:
    """A reply that tells who spoke before."""
    before, last["user"] = last.get("user"), request.username
    return f"{message}, after {before}"


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    serve["serve"].__globals__.update(whoami=kept_for_all, reply=last_speaker)
    serve["serve"](int(sys.argv[1]))
