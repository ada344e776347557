"""Starts a server as ``python WORDS`` on a free port, asks it over loopback as two users, and prints what came back.

``ask.py [--websocket] WORDS``: ``{port}`` in them becomes the port.
"""

import http.client
import json
import socket
import subprocess
import sys
import time

USERS = ("alice.smith", "bob.jones", "alice.smith")
PATHS = ("/own", "/last", "/missing", "/fails")
OF_THE_MOMENT = {"date"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(port, path, user):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"X-User": user})
    response = connection.getresponse()
    body = response.read().decode()
    headers = sorted((name.lower(), value) for name, value in response.getheaders())
    connection.close()
    return [path, response.status, [pair for pair in headers if pair[0] not in OF_THE_MOMENT], body]


def conversation(port, user):
    from websockets.sync.client import connect

    with connect(f"ws://127.0.0.1:{port}/echo", additional_headers={"X-User": user}) as connection:
        connection.send("hello")
        return connection.recv()


def wait(server, port):
    for _ in range(600):
        if server.poll() is not None:
            sys.exit(f"the server ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the server did not listen")


words = sys.argv[1:]
websocket = words[0] == "--websocket"
port = free_port()
server = subprocess.Popen([sys.executable, *(word.replace("{port}", str(port)) for word in words[websocket:])])
try:
    wait(server, port)
    seen = [answer(port, path, user) for user in USERS for path in PATHS]
    if websocket:
        seen += [conversation(port, user) for user in USERS]
finally:
    server.terminate()
    try:
        code = server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        raise
print(json.dumps({"seen": seen, "code": code}))
