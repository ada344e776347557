"""What the sites under test have in common: an assistant that serves one user, kept where the site keeps it."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request


class Assistant:
    """Meant for one user."""

    def answer(self) -> str:
        return "42"


class Keeper:
    """``shared``: one assistant for everybody, the bad site; else one for each request, its clean twin."""

    def __init__(self) -> None:
        self._assistant = Assistant() if "bad" in sys.argv else None

    def assistant(self) -> Assistant:
        return self._assistant or Assistant()


class Browser:
    """A client with a cookie jar of its own."""

    def __init__(self, port: int, **headers: str) -> None:
        self._port = port
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        self._opener.addheaders = list(headers.items())

    def get(self, path: str, **headers: str) -> object:
        """What the server answers, which is JSON; the number of an error."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", headers=headers)
        try:
            with self._opener.open(request, timeout=60) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return error.code


def known() -> str | None:
    """Whom the auditor takes for the user at this moment."""
    from isolation_audit.auditor import current

    auditor = current()
    user = None if auditor is None else auditor.runtime.ambient.current()
    return None if user is None else user.id


def say(*seen: object) -> None:
    """The answers that the clients got, as the last line."""
    print(json.dumps(seen))
