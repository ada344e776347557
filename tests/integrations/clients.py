"""Clients of servers on loopback, and what handlers ask the running auditor."""

from __future__ import annotations

import asyncio
import http.client
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from isolation_audit.auditor import current
from isolation_audit.config import parse_config


def known() -> str | None:
    """Whom the auditor takes for the user at this moment."""
    auditor = current()
    user = None if auditor is None else auditor.runtime.ambient.current()
    return None if user is None else user.id


class Browser:
    """One connection that is kept alive, with the cookies that it was given."""

    def __init__(self, url: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).hostname, urlsplit(url).port, timeout=60)
        self._headers = headers
        self._cookies: dict[str, str] = {}

    async def get(self, path: str, user: str | None = None, body: str | None = None) -> str:
        """What is answered, as text."""
        return await asyncio.to_thread(self._get, path, user, body)

    def _get(self, path: str, user: str | None, body: str | None) -> str:
        headers = self._headers | ({"X-User": user} if user else {})
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        self._connection.request("GET" if body is None else "POST", path, body, headers=headers)
        response = self._connection.getresponse()
        for value in response.headers.get_all("Set-Cookie") or ():
            name, _, rest = value.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return response.read().decode()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


@asynccontextmanager
async def websocket(url: str, **headers: str):
    """A connection, by a client that every version of the libraries has."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(url, headers=headers) as connection:
        yield connection


NAMED: Final = parse_config({"report": {"raw_ids": True, "terminal": False}})
"""A configuration that says nothing but that findings name users as they are."""


def told(findings: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    """Rule, reader and owner of each finding."""
    return sorted((rule, *one.witnesses.pair()) for rule, several in findings.items() for one in several)
