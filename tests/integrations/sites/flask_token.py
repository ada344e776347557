"""Flask with Flask-JWT-Extended: tokens in a cookie, so that no header names anybody."""

import threading

from assistant import Browser, Keeper, known, say
from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, create_access_token, jwt_required, set_access_cookies
from werkzeug.serving import make_server

app = Flask(__name__)
app.config |= {
    "JWT_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "JWT_TOKEN_LOCATION": ["cookies"],
    "JWT_COOKIE_CSRF_PROTECT": False,
}
JWTManager(app)
keeper = Keeper()


@app.get("/login/<user>")
def login(user):
    response = jsonify("welcome")
    set_access_cookies(response, create_access_token(user))
    return response


@app.get("/ask")
@jwt_required()
def ask():
    keeper.assistant().answer()
    return jsonify(known())


server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
seen = []
for user in ("alice", "bob"):
    browser = Browser(server.port)
    seen.append(browser.get("/ask"))
    browser.get(f"/login/{user}")
    seen.append(browser.get("/ask"))
server.shutdown()
say(*seen)
