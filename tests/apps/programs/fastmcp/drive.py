"""Three clients with tokens of their own: sessions, tools, resources."""

import itertools
import json
import time

import jwt
from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
SECRET = "a secret that client and server share"
numbers = itertools.count(1)


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.signed_in(user)
            hello = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
            rpc(web, user, "initialize", hello)
            rpc(web, user, "notifications/initialized", None)
            rpc(web, user, "tools/list", {})
        call(web, user, "add", text=f"note {number}")
    for user in USERS:
        call(web, user, "mine")
        call(web, user, "whoami")
        rpc(web, user, "resources/read", {"uri": "notes://mine"})


def call(web, user, tool, **arguments):
    return rpc(web, user, "tools/call", {"name": tool, "arguments": arguments})


def rpc(web, user, method, params):
    claims = {"sub": user, "iss": "tests", "aud": "notes", "exp": int(time.time()) + 3600, "client_id": "tests"}
    body = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        body |= {"id": next(numbers), "params": params}

    def ask(side):
        headers = {
            "authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}",
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        if user in side.kept:
            headers["mcp-session-id"] = side.kept[user]
        response = side.client(user).post("/mcp", content=json.dumps(body), headers=headers)
        if "mcp-session-id" in response.headers:
            side.kept[user] = response.headers["mcp-session-id"]
        return answer(response)

    return web.do(user, f"{method} {(params or {}).get('name', '')}".strip(), ask)


def leak(web):
    assert USERS[0] in call(web, USERS[1], "whoami").body
    call(web, USERS[0], "mine")
    assert USERS[0] in call(web, USERS[1], "mine").body
