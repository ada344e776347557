"""Two leaks in a chat: who one is, kept for all; and the last speaker in a global."""

import runpy
import sys
from pathlib import Path

kept = {}
last = {}


def planting(register):
    """``chainlit.on_message``, around what the chat registers."""

    def on_message(function):
        async def planted(message):
            import chainlit as cl

            user = cl.user_session.get("user").identifier
            if message.content == "whoami":
                await kept_for_all(cl, user)
            elif message.content == "last":
                await last_speaker(cl, user)
            else:
                await function(message)

        return register(planted)

    return on_message


async def kept_for_all(cl, user):
    """Who one is, kept without the user."""
    kept.setdefault("answer", f"you are {user}")
    await cl.Message(content=f"{kept['answer']} whoami").send()


async def last_speaker(cl, user):
    """Who spoke before."""
    before, last["user"] = last.get("user"), user
    await cl.Message(content=f"{before} spoke last").send()


if __name__ == "__main__":
    serve = runpy.run_path(str(Path(__file__).with_name("serve.py")))
    import chainlit

    chainlit.on_message = planting(chainlit.on_message)
    serve["serve"](serve["CHAT"], int(sys.argv[1]))
