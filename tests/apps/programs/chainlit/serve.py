"""A chat of Chainlit's with its password login."""

import os
import sys
from pathlib import Path

os.environ |= {"CHAINLIT_AUTH_SECRET": "x" * 64, "CHAINLIT_APP_ROOT": str(Path.cwd())}

CHAT = """\
import chainlit as cl

said = {}


@cl.password_auth_callback
def auth(username, password):
    return cl.User(identifier=username) if password == "correct horse" else None


@cl.on_chat_start
async def start():
    await cl.Message(content=f"welcome {cl.user_session.get('user').identifier}").send()


@cl.on_message
async def on_message(message):
    user = cl.user_session.get("user").identifier
    mine = said.setdefault(user, [])
    mine.append(message.content)
    await cl.Message(content=f"{user}, you have said {len(mine)} things: {'; '.join(mine)}").send()
"""


def serve(chat: str, port: int) -> None:
    """As ``chainlit run`` does."""
    Path("chat.py").write_text(chat)
    from chainlit.cli import cli

    cli(["run", "chat.py", "--headless", "--host", "127.0.0.1", "--port", str(port)])


if __name__ == "__main__" and sys.argv[1] != "prepare":
    serve(CHAT, int(sys.argv[1]))
