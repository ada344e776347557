"""FastAPI with signed tokens: a dependency decodes them. Who comes with somebody else's token as well is nobody."""

import threading
import time
from typing import Annotated

import jwt
import uvicorn
from assistant import Browser, Keeper, known, say
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBearer

KEY = "0123456789abcdef0123456789abcdef"
app = FastAPI()
keeper = Keeper()


def claims(credentials=Depends(HTTPBearer())):
    try:
        return jwt.decode(credentials.credentials, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None


@app.get("/ask")
async def ask(user: Annotated[dict, Depends(claims)]):
    keeper.assistant().answer()
    return known()


@app.get("/accept")
async def accept(invitation: str, user: Annotated[dict, Depends(claims)]):
    jwt.decode(invitation, KEY, algorithms=["HS256"])
    return known()


def token(user, key=KEY):
    return jwt.encode({"sub": user}, key, algorithm="HS256")


server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
client = Browser(server.servers[0].sockets[0].getsockname()[1])
seen = [client.get("/ask", Authorization=f"Bearer {token(user)}") for user in ("alice", "bob")]
seen.append(client.get("/ask", Authorization=f"Bearer {token('mallory', 'f' * 32)}"))
seen.append(client.get(f"/accept?invitation={token('bob')}", Authorization=f"Bearer {token('alice')}"))
server.should_exit = True
thread.join()
say(*seen)
