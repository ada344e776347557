"""FastAPI with signed tokens, read by the library that the command line names: a dependency decodes them.

Who accepts somebody else's invitation, which is a signed token as well, is who came with a token of their own.
"""

import sys
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

if "jose" in sys.argv:
    from jose.exceptions import JWTError as Refused
    from jose.jwt import decode

    def read(text):
        return decode(text, KEY, algorithms=["HS256"])

elif "authlib" in sys.argv:
    from authlib.jose import JsonWebToken
    from authlib.jose.errors import JoseError as Refused

    def read(text):
        return JsonWebToken(["HS256"]).decode(text, KEY)

elif "joserfc" in sys.argv:
    from joserfc.errors import JoseError as Refused
    from joserfc.jwk import OctKey
    from joserfc.jwt import decode

    def read(text):
        return decode(text, OctKey.import_key(KEY), algorithms=["HS256"]).claims

else:
    from jwt import InvalidTokenError as Refused

    def read(text):
        return jwt.decode(text, KEY, algorithms=["HS256"])


def claims(credentials=Depends(HTTPBearer())):
    try:
        return read(credentials.credentials)
    except Refused:
        raise HTTPException(401) from None


@app.get("/ask")
async def ask(user: Annotated[dict, Depends(claims)]):
    keeper.assistant().answer()
    return known()


@app.get("/accept")
async def accept(invitation: str, user: Annotated[dict, Depends(claims)]):
    read(invitation)
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
