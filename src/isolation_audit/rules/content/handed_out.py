"""Credentials that the application itself hands out in its answers: tokens of a login, keys that are shown once.

Whoever has logged in by name and password, or by name where the path says that this is a login, is who comes with the
token later. What a known user's request is answered with is that user's, until somebody else comes with it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.credential_fields import LONGEST, handed_out_in, is_password
from isolation_audit.content.form_logins import fields_of, name_in, requests_in
from isolation_audit.content.naming import parsed
from isolation_audit.content.request_texts import path_of
from isolation_audit.model.contexts import current_unit

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs

_WORDS: Final = (b"token", b"key", b"session", b"sid", b"jwt", b"auth")
_is_field: Final = pattern(rb"(?:token|key|session|sid|jwt|auth)[\w-]*\"\s*:\s*\"")
"""Asked of a body in small letters."""
_is_login: Final = pattern(r"(?i)(?:^|[/_-])(?:log-?_?in|sign-?_?in|auth\w*|tokens?|sessions?)/?$")


def may_have_credentials(body: bytes) -> bool:
    """Asked before :func:`look_for_credentials`, of each answer.

    To look for six words takes less than a tenth of what it takes to look for their expression.
    """
    small = body.lower()
    for word in _WORDS:  # any() would be a call of a generator for each
        if word in small:
            return _is_field.search(small) is not None
    return False


def look_for_credentials(body: bytes) -> None:
    """Look through the whole body that answers the request which is being served."""
    request = current_unit().request
    if request is None or request.inputs is None or len(body) > LONGEST or not may_have_credentials(body):
        return
    held = parsed(str(body, "utf-8", "replace"))
    credentials = handed_out_in(held)
    if credentials:
        request.hands_out(credentials, _login(request.inputs))


def _login(inputs: Inputs) -> str | None:
    """The name by which the request logs in; None where it doesn't."""
    asked = requests_in(inputs)
    fields = fields_of(asked)
    if not (any(is_password(name) for name, _text in fields) or any(_is_login.search(path_of(one)) for one in asked)):
        return None
    return name_in(fields)
