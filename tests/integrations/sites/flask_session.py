"""Flask with a session of its own making. That the session was looked at must not show in the response."""

import json
import threading
import urllib.request

from assistant import Browser, Keeper, known, say
from flask import Flask, Response, jsonify, session
from werkzeug.serving import make_server

app = Flask(__name__)
app.secret_key = "k"
keeper = Keeper()


@app.get("/login/<int:number>")
def login(number):
    session["user_id"] = number
    return jsonify("welcome")


@app.get("/ask")
def ask():
    keeper.assistant().answer()
    early = known()
    return Response((json.dumps([early, known()]) for _ in "x"), mimetype="application/json")


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
seen = []
for number in (1, 2):
    browser = Browser(server.port)
    browser.get(f"/login/{number}")
    seen.append(browser.get("/ask"))
with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/ask") as response:
    seen.append(response.headers["Vary"])
server.shutdown()
say(*seen)
