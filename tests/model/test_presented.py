"""What of a request stands for a session, or for somebody who may come in."""

from __future__ import annotations

import pytest

from isolation_audit.model.credentials import (
    cookie_set,
    cookies_in,
    is_session_cookie,
    keys_in,
    keys_in_query,
    plain_cookie,
)

DRAWN = "k3J9xQ2mZ7pL0aVb5nRt"


@pytest.mark.parametrize(
    "name",
    ["sessionid", "session", "PHPSESSID", "connect.sid", "sid", "access_token", "fastapiusersauth", "remember_token",
     "next-auth.session-token", "__Host-session", "jwt", "beaker.session.id", "AIOHTTP_SESSION", "user"],
)  # fmt: skip
def test_sessions_are_known_by_the_names_of_their_cookies(name):
    assert is_session_cookie(name, "abc123", ())


@pytest.mark.parametrize(
    "name",
    ["csrftoken", "XSRF-TOKEN", "_ga", "_gid", "_fbp", "AWSALB", "__cf_bm", "lang", "theme", "cookie_consent",
     "device_id", "next-auth.csrf-token", "oauth_state", "next-auth.state", "visitor_id"],
)  # fmt: skip
def test_what_a_browser_keeps_over_many_logins_is_none(name):
    assert not is_session_cookie(name, DRAWN, ())


def test_a_cookie_of_any_name_counts_where_its_value_cannot_be_guessed_or_a_framework_is_configured_so():
    assert is_session_cookie("crumb", DRAWN, ())
    assert not is_session_cookie("crumb", "vanilla-and-chocolate", ())
    assert not is_session_cookie("crumb", "vanilla", ())
    assert is_session_cookie("lang", "vanilla", {"lang": None})
    assert not is_session_cookie("session", "1", ()), "a setting"


def test_cookies_are_read_one_by_one():
    header = f"theme=dark; sessionid=abc123; ; broken; _ga={DRAWN}"
    assert list(cookies_in(header, ())) == [("sessionid", "abc123")]


@pytest.mark.parametrize(
    ("name", "value", "credentials"),
    [
        ("authorization", "Bearer abc123", ["abc123"]),
        ("authorization", "abc123", ["abc123"]),
        ("x-api-key", "abc123", ["abc123"]),
        ("api-key", "abc123", ["abc123"]),
        ("x-auth-token", "abc123", ["abc123"]),
        ("x-session-id", "abc123", ["abc123"]),
        ("cf-access-jwt-assertion", "abc123", ["abc123"]),
        ("x-csrf-token", "abc123", []),
        ("x-device-token", "abc123", []),
        ("idempotency-key", "abc123", []),
        ("x-request-id", "abc123", []),
        ("x-api-key", "1", []),
    ],
)
def test_headers(name, value, credentials):
    assert list(keys_in(name, value)) == credentials


@pytest.mark.parametrize(
    ("query", "credentials"),
    [
        ("api_key=abc123", ["abc123"]),
        ("page=2&access_token=abc%20123&q=token", ["abc 123"]),
        ("token=abc123", ["abc123"]),
        ("page_token=abc123&next_token=abc123&reset_token=abc123", []),
        ("token", []),
        ("", []),
    ],
)
def test_queries(query, credentials):
    assert list(keys_in_query(query)) == credentials


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        ("session=abc123; Path=/; HttpOnly", "session", "abc123"),
        (" session=abc123", "session", "abc123"),
        ('session=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0', "session", ""),
        ("session=gone; expires=Thu, 01-Jan-1970 00:00:00 GMT", "session", ""),
        ("session=gone; Max-Age=-1", "session", ""),
        ("session=null; path=/", "session", ""),
        ("session=abc123; Max-Age=3600", "session", "abc123"),
        ("session=abc123; Max-Age=soon", "session", "abc123"),
        ("session=abc123; Max-Age=\u00b2", "session", "abc123"),
        ("session=abc123; Max-Age=" + "9" * 5_000, "session", "abc123"),
        ("session=gone; Max-Age=-" + "9" * 5_000, "session", ""),
        ("session=gone; Max-Age=000", "session", ""),
    ],
)
def test_what_an_answer_sets_and_takes_away(header, name, value):
    assert cookie_set(header) == (name, value)


def test_a_quoted_cookie_is_the_same_without_its_quotes():
    assert plain_cookie('"abc123"') == plain_cookie("abc123")
