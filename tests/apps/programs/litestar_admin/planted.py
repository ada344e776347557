"""Two leaks: a record that is kept by its path, around the application; and the last reader of a form in a global."""

import functools
import runpy
import sys
from pathlib import Path

from admin_litestar.controllers.models import ModelController

kept = {}
last = {}


def keeping(application):
    """One whose first project is kept for whoever asks next."""

    async def kept_for_all(scope, receive, send):
        if scope.get("path") != "/admin/m/project/1":
            await application(scope, receive, send)
            return
        if "answer" not in kept:
            messages = []

            async def keep(message):
                headers = [one for one in message.get("headers", ()) if one[0] != b"set-cookie"]
                messages.append({**message, "headers": headers} if "headers" in message else message)

            await application(scope, receive, keep)
            kept["answer"] = messages
        for message in kept["answer"]:
            await send(message)

    return kept_for_all


def greeting(handler):
    """Have a view show a form with whoever has asked for it before."""
    view = handler.fn

    @functools.wraps(view)
    async def last_reader(controller, **given):
        form = await view(controller, **given)
        before, last["reader"] = last.get("reader"), given["request"].session["admin_actor_id"]
        form.context["form_error"] = f"after {before}"
        return form

    handler._fn = last_reader


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    greeting(ModelController.create_form)
    application = keeping(serve["application"]())
    serve["uvicorn"].run(application, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
