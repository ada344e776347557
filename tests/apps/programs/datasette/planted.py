"""Two leaks around the application: notes that are kept by their path alone; and the last reader of the front page."""

import runpy
import sys
from pathlib import Path

kept = {}
last = {}


def keeping(application):
    """An application of ASGI whose notes are kept for whoever asks next, for whichever owner."""

    async def kept_for_all(scope, receive, send):
        if scope.get("path") != "/notes/notes.json" or b"_size=7" not in scope["query_string"]:
            await application(scope, receive, send)
            return
        if scope["path"] not in kept:
            messages = []

            async def keep(message):
                messages.append(message)

            await application(scope, receive, keep)
            kept[scope["path"]] = messages
        for message in kept[scope["path"]]:
            await send(message)

    return kept_for_all


def greeting(application, datasette):
    """One whose front page ends with whoever has read it before."""

    async def last_reader(scope, receive, send):
        if scope.get("path") != "/":
            await application(scope, receive, send)
            return
        reader = actor_of(scope, datasette)
        before, last["reader"] = last.get("reader"), reader

        async def adding(message):
            if message["type"] == "http.response.start":
                headers = [(name, value) for name, value in message["headers"] if name != b"content-length"]
                message = {**message, "headers": headers}
            elif not message.get("more_body"):
                message = {**message, "body": message["body"] + f"<!-- after {before} -->".encode()}
            await send(message)

        await application(scope, receive, adding)

    return last_reader


def actor_of(scope, datasette):
    """Who asks, as the application itself finds it."""
    from datasette.utils.asgi import Request

    signed = Request(scope, None).cookies.get("ds_actor")
    return None if signed is None else datasette.unsign(signed, "actor")["a"]["id"]


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    made = serve["application"]()
    serve["serve"](greeting(keeping(made.app()), made), int(sys.argv[1]))
