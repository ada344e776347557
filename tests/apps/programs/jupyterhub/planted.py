"""Two leaks: the home page kept for all, and the last one who asked for tokens in a global."""

import runpy
from pathlib import Path

from jupyterhub.handlers import pages

kept = {}
last = {}


async def kept_for_all(handler):
    """The home page, kept by its path alone."""
    if handler.request.path not in kept:
        finish = handler.finish
        handler.finish = lambda page=None: finish(kept.setdefault(handler.request.path, page))
        return await home(handler)
    return handler.finish(kept[handler.request.path])


async def last_to_come(handler):
    """The page of tokens, with whoever came before."""
    before, last["user"] = last.get("user"), handler.current_user.name
    if before:
        handler.write(f"<p>after {before}</p>")
    return await tokens(handler)


home, pages.HomeHandler.get = pages.HomeHandler.get, kept_for_all
tokens, pages.TokenPageHandler.get = pages.TokenPageHandler.get, last_to_come

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("serve.py")), run_name="__main__")
