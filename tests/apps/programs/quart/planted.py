"""Two leaks: who one is, kept for all; and the last one who has read his notes in a global."""

import runpy
import sys
from pathlib import Path

from quart_auth import current_user

kept = {}
last = {}


def keeping(view):
    """A view whose answer is kept."""

    async def kept_for_all():
        if "answer" not in kept:
            kept["answer"] = await (await view()).get_data()
        return kept["answer"], {"content-type": "application/json"}

    return kept_for_all


def greeting(view):
    """A stream that begins with whoever has read before."""

    async def last_reader():
        lines, headers = await view()
        before, last["user"] = last.get("user"), current_user.auth_id

        async def more():
            yield f"after {before}\n"
            async for line in lines:
                yield line

        return more(), headers

    return last_reader


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    views = serve["app"].view_functions
    views["me"], views["stream"] = keeping(views["me"]), greeting(views["stream"])
    serve["uvicorn"].run(serve["app"], host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
