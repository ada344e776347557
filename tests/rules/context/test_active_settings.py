"""Settings that one job has activated on its thread, and another's finds there: Django's language and time zone."""

from __future__ import annotations

from typing import Any

import pytest
from turns import on_one_thread


@pytest.fixture
def django():
    """Django with its settings, and nothing active afterwards."""
    library = pytest.importorskip("django")
    from django.conf import settings
    from django.utils import timezone, translation

    if not settings.configured:
        settings.configure(USE_I18N=True, USE_TZ=True)
    library.setup()
    yield
    translation.deactivate()
    timezone.deactivate()


def speaks_german(_user: str) -> str:
    from django.utils import timezone, translation

    translation.activate("de")
    timezone.activate("Europe/Berlin")
    return reads(_user)


def reads(_user: str) -> str:
    from django.utils import translation

    return f"{translation.gettext('Yes')} {translation.get_language()} {time_zone()}"


def time_zone() -> str:
    from django.utils import timezone

    return str(timezone.get_current_timezone())


def puts_back(_user: str) -> str:
    from django.utils import timezone, translation

    with translation.override("de"), timezone.override("Europe/Berlin"):
        return reads(_user)


def speaks_french_for_a_while(_user: str) -> str:
    from django.utils import timezone, translation

    translation.activate("fr")
    timezone.activate("Europe/Paris")
    found = reads(_user)
    translation.activate("de")
    timezone.activate("Europe/Berlin")
    return found


@pytest.mark.parametrize("first", [speaks_german, puts_back])
def test_language_and_time_zone_of_the_one_before(audit, django, first):
    result = on_one_thread(first, reads)
    assert result[0].startswith("Ja de Europe/Berlin")
    assert (result[1] == result[0]) is (first is speaks_german)
    assert told(audit) == ([("alice", "bob")] * 2 if first is speaks_german else [])


def test_whoever_activates_their_own_is_not_asked_for_what_was_there(audit, django):
    on_one_thread(speaks_german, speaks_german, speaks_german)
    assert told(audit) == []


def test_what_a_third_one_has_put_back_is_still_the_first_one_s(audit, django):
    result = on_one_thread(speaks_german, lambda _user: None, puts_back, reads)
    assert result[3] == result[0]
    assert told(audit) == [("alice", "bob")] * 2


def test_what_the_reader_s_own_work_has_put_back_is_the_first_one_s(audit, django):
    result = on_one_thread(speaks_german, speaks_french_for_a_while, lambda _user: None, reads)
    assert result[1].startswith("Oui fr")
    assert result[3] == result[0]
    assert told(audit) == [("alice", "bob")] * 2


def test_what_was_deactivated_is_nobody_s(audit, django):
    def tidies_up(_user: str) -> None:
        from django.utils import timezone, translation

        translation.deactivate()
        timezone.deactivate()

    result = on_one_thread(speaks_german, tidies_up, reads, reads)
    assert "Europe" not in result[2]
    assert told(audit) == []


def test_who_reads_what_its_own_user_s_work_has_left_is_given_nobody_else_s(audit, django):
    result = on_one_thread(speaks_german, lambda _user: None, reads)
    assert result[2] == result[0]
    assert told(audit) == []


def test_what_the_program_itself_has_activated_is_nobody_s(audit, django):
    speaks_german("")
    assert reads("").startswith("Ja")
    for user in ("alice", "bob"):
        assert audit.as_user(user, reads, user).startswith("Ja")
    assert told(audit) == []


def told(audit: Any) -> list[tuple[str | None, str | None]]:
    """Owner and ambient user of each."""
    return [(one.witnesses.owner, one.witnesses.ambient) for one in audit.found("IA503")]
