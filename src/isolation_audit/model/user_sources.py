"""What tells users without a word in the configuration: the names of the sources, of headers, and of tokens' claims."""

from __future__ import annotations

from typing import Literal

Source = Literal["login", "dependency", "variable", "session", "token", "headers", "parameters", "credentials"]

SOURCES: tuple[Source, ...] = (
    "login",
    "dependency",
    "variable",
    "session",
    "token",
    "headers",
    "parameters",
    "credentials",
)

USER_HEADERS = (
    "x-user",
    "x-user-id",
    "x-username",
    "x-auth-user",
    "x-auth-request-user",
    "x-forwarded-user",
    "x-remote-user",
    "remote-user",
    "x-authenticated-user",
    "x-authenticated-userid",
    "x-user-email",
    "x-auth-request-email",
    "x-forwarded-email",
    "x-goog-authenticated-user-email",
    "x-ms-client-principal-name",
    "cf-access-authenticated-user-email",
    "tailscale-user-login",
    "authorization",
)
"""What gateways and simple applications put a user into, the most explicit first."""


USER_CLAIMS = ("sub", "id", "user_id", "uid", "identifier", "username", "preferred_username", "email")
"""What tokens call a user, the best first."""
