# requires: fastapi==0.115.0 uvicorn==0.30.6 httpx==0.27.2
# The clean twin of case_client_header: the client bears the application's name, and each request its user's token and
# name, as the bank's gateway wants it.
import asyncio
import threading
from contextvars import ContextVar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

current_user = ContextVar("current_user", default=None)


class Bank(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"account of {self.headers['authorization']}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


async def balance(client, user, wait):
    current_user.set(user)
    await asyncio.sleep(wait)
    headers = {"authorization": f"Bearer {user}", "x-user": user}
    return (await client.get(f"http://127.0.0.1:{bank.server_port}/", headers=headers)).text


async def main():
    async with httpx.AsyncClient(headers={"x-application": "shop"}) as client:
        return await asyncio.gather(balance(client, "bob", 0.05), balance(client, "alice", 0.01))


bank = ThreadingHTTPServer(("127.0.0.1", 0), Bank)
threading.Thread(target=bank.serve_forever, daemon=True).start()
got = asyncio.run(main())
bank.shutdown()
print(got, "->", "LEAK" if "alice" in got[0] else "OK")
