"""Logins by a form, or by JSON, that an application answers with the cookie of a session that it keeps by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from isolation_audit.analysis.patterns import pattern
from isolation_audit.content.credential_fields import is_password
from isolation_audit.content.named_values import pairs_in
from isolation_audit.content.request_texts import brought, path_of
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.kept_users import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from isolation_audit.model.inputs import Input, Inputs
    from isolation_audit.model.requests import Request

_NAMES: Final = ("username", "user_name", "login", "email", "user", "user_id", "userid", "uid", "identifier")
_own_name: Final = pattern(
    r"(?:\w+_)?(?:user_?name|login(?:_?(?:name|id))?|user(?:_?id)?|e_?mail|account|nick(?:_?name)?|handle|name)"
)
"""What else the field of the name is called in a form that says that it logs in."""
_leads_to_login: Final = pattern(
    r"(?i)(?:^|[/_.-])(?:log-?_?[io]n|sign-?_?(?:in|up|on)|regist\w+|auth\w*|sessions?)(?:[/_.-]|$)"
)
_of_login: Final = pattern(r"(?:\w*_)?(?:log_?[io]n|sign_?[io]n)(?:_\w*)?")
_logs_in: Final = pattern(r"(?i)\s*(?:log|sign)[ _-]?[io]n\s*")
"""What a button says, or a field of what is to be done."""

_PAGES: Final = ("text/html", "application/xhtml")


def requests_in(inputs: Inputs) -> list[Input]:
    """What has come in with requests."""
    return [one for one in inputs.kept if one.kind == REQUEST]


def fields_of(asked: Iterable[Input]) -> list[tuple[str, str]]:
    """The names, spelled out, and the texts that clients have said with their requests."""
    given = [(spelled(name), _alone(value)) for one in asked for name, value in pairs_in(brought(one))]
    return [(name, value) for name, value in given if type(value) is str]


def _alone(value: Any) -> Any:
    """The text of a field; frameworks keep a list of all texts that a form has under its name."""
    if type(value) is list and len(value) == 1:
        value = value[0]
    return value.decode("utf-8", "replace") if type(value) is bytes else value


def name_in(fields: list[tuple[str, str]]) -> str | None:
    """The name that a login has under one of the usual names."""
    return next((text for wanted in _NAMES for name, text in fields if name == wanted and text), None)


def look_for_login(request: Request, cookies: Iterable[str], headers: Iterable[tuple[Any, Any]]) -> None:
    """Where an answer sets these cookies: whether the request has logged somebody in, whose the session is then.

    ``headers`` are those of the answer. Where a login has failed, the form is shown again, or the answer leads to it.
    """
    if request.name is not None or request.said is not None or request.inputs is None:
        return
    sessions = request.sessions_in(cookies)
    if not sessions:
        return
    asked = requests_in(request.inputs)
    fields = fields_of(asked)
    if not any(is_password(name) for name, _text in fields) or not _says_login(asked, fields):
        return
    if not _has_failed(request, headers, asked, sessions):
        others = (text for name, text in fields if text and not is_password(name) and _own_name.fullmatch(name))
        request.hands_out(sessions.values(), name_in(fields) or next(others, None))


def _says_login(asked: list[Input], fields: list[tuple[str, str]]) -> bool:
    """False for other forms with a name and a password, such as that of an administrator who adds a user."""
    return any(_leads_to_login.search(path_of(one)) for one in asked) or any(
        _of_login.fullmatch(name) or _logs_in.fullmatch(text) for name, text in fields
    )


def _has_failed(
    request: Request, headers: Iterable[tuple[Any, Any]], asked: list[Input], sessions: Iterable[str]
) -> bool:
    told = {_text(name).lower(): _text(value) for name, value in headers}
    leads_to = told.get("location")
    if leads_to is None:
        return told.get("content-type", "").lstrip().lower().startswith(_PAGES)
    place = urlsplit(leads_to).path
    if any(place == path_of(one) for one in asked) and any(map(request.comes_with, sessions)):
        return True
    return _leads_to_login.search(place) is not None


def _text(value: Any) -> str:
    return value.decode("latin-1") if type(value) is bytes else str(value)
