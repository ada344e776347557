"""Flask."""

import last
from flask import Flask, jsonify, request

app = Flask(__name__)


@app.route("/own")
def own():
    return last.own(request.headers["X-User"])


@app.route("/last")
def of_the_last():
    return jsonify(text=last.last(request.headers["X-User"]))


@app.route("/fails")
def fails():
    raise ValueError("as it should")
