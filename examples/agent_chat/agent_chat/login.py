"""How a client gets in: a token over HTTP, then a WebSocket."""

from __future__ import annotations

import http.client
import inspect
import json
from typing import Any
from urllib.parse import urlencode, urlsplit

import websockets

from agent_chat.results import LoadError


def log_in(url: str, names: list[str]) -> list[tuple[str, str]]:
    """Log in under each name, over one HTTP connection; return the user ids and tokens.

    Raises:
        LoadError: if there is no server, or it refuses.
    """
    accounts = []
    server = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        for name in names:
            server.request("POST", "/login", json.dumps({"name": name}), {"content-type": "application/json"})
            response = server.getresponse()
            answer = json.loads(response.read())
            if response.status != 200:
                raise LoadError(f"{name} can't log in: {response.status} {answer}")
            accounts.append((answer["user_id"], answer["token"]))
    except (OSError, http.client.HTTPException) as error:
        raise LoadError(f"no answer from {url}: {error}") from error
    finally:
        server.close()
    return accounts


def connect(url: str, token: str) -> Any:
    """Return a WebSocket connection to the chat, to be entered with ``async with``."""
    options: dict[str, Any] = {"compression": None}
    if "proxy" in inspect.signature(websockets.connect).parameters:  # since websockets 15
        options["proxy"] = None
    address = "ws" + url.removeprefix("http").rstrip("/")
    return websockets.connect(f"{address}/ws?{urlencode({'token': token})}", **options)
