"""FastAPI without any login: a gateway in front says who it is, in a header."""

import threading
import time

import uvicorn
from assistant import Browser, Keeper, known, say
from fastapi import BackgroundTasks, FastAPI

app = FastAPI()
keeper = Keeper()
later = []


@app.get("/ask")
async def ask():
    keeper.assistant().answer()
    return known()


@app.get("/sync")
def sync(tasks: BackgroundTasks):
    tasks.add_task(lambda: later.append(known()))
    return known()


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
gateway = Browser(port)
seen = [gateway.get(path, **{"X-User": user}) for user in ("alice", "bob") for path in ("/ask", "/sync")]
seen.append(gateway.get("/ask"))
server.should_exit = True
thread.join()
say(*seen, later)
