"""Which of the functions that a framework injects from give the current user."""

from __future__ import annotations

from functools import partial

import pytest

from isolation_audit.targets.injected_users import _is_another, _may_be, _says_so, called


@pytest.mark.parametrize(
    "name",
    ["get_current_user", "current_user", "get_current_active_user", "get_current_active_superuser", "require_user",
     "CurrentUser", "getCurrentUser", "get_authenticated_user", "current_user_id", "get_current_user_optional",
     "get_current_user_or_none", "current_user_from_token", "logged_in_user", "get_current_member", "current_principal",
     "require_admin_user", "get_verified_user", "get_current_user_or_401"],
)  # fmt: skip
def test_names_that_say_so(name):
    assert _says_so.search(name)


@pytest.mark.parametrize(
    "name",
    ["get_user", "get_user_by_id", "load_user", "get_db", "get_settings", "get_current_user_settings",
     "get_current_organization", "current_user_permissions", "get_target_user", "oauth2_scheme", "get_token",
     "get_user_service", "inactive_usernames"],
)  # fmt: skip
def test_names_that_do_not(name):
    assert not _says_so.search(name)


def test_names_that_may():
    assert all(map(_may_be.search, ("get_user", "auth", "verify_token", "load_session", "whoami")))
    assert all(map(_is_another.search, ("get_target_user", "get_user_team", "get_tenant")))
    assert not _may_be.search("get_db")


def test_what_is_called_has_a_name_however_it_is_wrapped():
    def plain():
        pass

    class Caller:
        def __call__(self):
            pass

        def method(self):
            pass

    assert called(plain)[0] == called(partial(partial(plain), 1))[0] == "plain"
    assert called(Caller())[0] == called(Caller)[0] == "Caller"
    assert called(Caller().method)[0] == "method"
    assert called(plain)[1].endswith(
        "test_injected_users:test_what_is_called_has_a_name_however_it_is_wrapped.<locals>.plain"
    )
