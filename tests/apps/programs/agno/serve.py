"""AgentOS with an agent that keeps its sessions in SQLite, users by JWT, and two routes of an application's own.

The model is a program beside it: none can be reached from here.
"""

import socket
import subprocess
import sys
import time
from pathlib import Path

import uvicorn
from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai.chat import OpenAIChat
from agno.os import AgentOS
from agno.os.middleware.jwt import JWTMiddleware
from fastapi import FastAPI, Request

SECRET = "a secret that clients and server share, of 32 bytes"

notes: dict[str, list[str]] = {}


def me(request):
    """Whose request it is, as AgentOS has noted it."""
    return request.state.user_id


async def whoami(request: Request):
    """Who one is."""
    return {"user": me(request), "greeting": f"hello {me(request)}"}


async def mine(request: Request):
    """One's own notes."""
    return {"notes": notes.setdefault(me(request), [])}


def application(model):
    """The whole application; ``model`` is the port of the model."""
    own = FastAPI()

    own.add_api_route("/whoami", whoami)
    own.add_api_route("/notes", mine)

    @own.post("/notes")
    async def add(request: Request):
        notes.setdefault(me(request), []).append((await request.json())["text"])
        return {"number": len(notes[me(request)])}

    db = SqliteDb(db_file="agents.db")
    chat = OpenAIChat(id="m", base_url=f"http://127.0.0.1:{model}/v1", api_key="no key")
    agent = Agent(id="helper", name="Helper", model=chat, db=db, add_history_to_context=True, telemetry=False)
    app = AgentOS(id="desk", agents=[agent], db=db, base_app=own, telemetry=False).get_app()
    app.add_middleware(JWTMiddleware, verification_keys=[SECRET], algorithm="HS256", authorization=False)
    return app


def serve(port):
    """The model and the application, until somebody ends it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        model = listener.getsockname()[1]
    # Without site, so that nobody looks at the model.
    program = subprocess.Popen([sys.executable, "-S", str(Path(__file__).with_name("model.py")), str(model)])
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", model), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        uvicorn.run(application(model), host="127.0.0.1", port=port, log_level="warning")
    finally:
        program.terminate()
        program.wait()


if __name__ == "__main__" and sys.argv[1] != "prepare":
    serve(int(sys.argv[1]))
