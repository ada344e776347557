# requires: fastapi==0.110.1 starlette==0.37.2 uvicorn==0.29.0
# The clean twin of case_fastapi_gateway: the report is a local variable.
import asyncio
import threading
import time
import urllib.request

import uvicorn
from fastapi import FastAPI, Header

app = FastAPI()


@app.get("/report")
async def report(wait: float, x_forwarded_user: str = Header()):
    made = {"made for": x_forwarded_user, "total": len(x_forwarded_user) * 100}
    await asyncio.sleep(wait)
    return made


def ask(user, wait, answers):
    headers = {"X-Forwarded-User": user}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/report?wait={wait}", headers=headers)
    answers[user] = urllib.request.urlopen(request, timeout=10).read().decode()


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]
answers = {}
slow = threading.Thread(target=ask, args=("bob", 0.3, answers))
slow.start()
time.sleep(0.1)
ask("alice", 0, answers)
slow.join()
server.should_exit = True
thread.join()
print(answers, "->", "LEAK" if "alice" in answers["bob"] else "OK")
