"""Who is logged in: signed tokens, and the user whose request is running."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from contextvars import ContextVar

current_user: ContextVar[str | None] = ContextVar("current_user", default=None)
"""The id of the logged-in user; the WebSocket endpoint sets it once the token is checked."""

_NAME = re.compile(r"[a-z][a-z0-9]{0,31}")


class AuthError(Exception):
    """The name can't be used, or the token is not one of ours."""


def user_id_for(name: str) -> str:
    """Return the id of the account called ``name``.

    Raises:
        AuthError: if the name is not lower-case letters and digits, starting with a letter.
    """
    if not _NAME.fullmatch(name):
        raise AuthError("a name is 1 to 32 lower-case letters and digits and starts with a letter")
    return f"user-{name}-{hashlib.blake2b(name.encode(), digest_size=3).hexdigest()}"


def issue_token(user_id: str, secret: str) -> str:
    """Return a token that proves, to whoever knows the secret, that ``user_id`` has logged in."""
    body = base64.urlsafe_b64encode(user_id.encode()).decode().rstrip("=")
    return f"{body}.{_signature(body, secret)}"


def verify_token(token: str, secret: str) -> str:
    """Return the user id inside a token.

    Raises:
        AuthError: if the token was not signed with this secret.
    """
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(_signature(body, secret).encode(), signature.encode()):
        raise AuthError("the token is not valid")
    try:
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AuthError("the token is not valid") from error


def _signature(body: str, secret: str) -> str:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
