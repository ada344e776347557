"""A chat of Gradio's with its own login."""

import os
import sys

os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}

import gradio as gr

USERS = [(name, "correct horse") for name in ("alice.liddell", "bob.builder", "carol.kane")]
said: dict[str, list[str]] = {}


def reply(message: str, request: gr.Request) -> str:
    """What the user has said before."""
    mine = said.setdefault(request.username, [])
    mine.append(message)
    return f"{request.username}, you have said {len(mine)} things: {'; '.join(mine)}"


def whoami(request: gr.Request) -> str:
    """Who one is."""
    return f"you are {request.username}"


def application() -> gr.Blocks:
    """Two functions behind two buttons."""
    with gr.Blocks() as demo:
        box, out = gr.Textbox(), gr.Textbox()
        box.submit(globals()["reply"], box, out, api_name="reply")
        gr.Button("who").click(globals()["whoami"], None, out, api_name="whoami")
    return demo


def serve(port: int) -> None:
    """Until it is interrupted."""
    application().launch(auth=USERS, server_name="127.0.0.1", server_port=port, share=False, quiet=True, ssr_mode=False)


if __name__ == "__main__" and sys.argv[1] != "prepare":
    serve(int(sys.argv[1]))
