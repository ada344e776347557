"""What one job leaves on its thread for a library, and another's job is given: Sentry's users, Django's locale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clients import NAMED, told

import isolation_audit


def one_thread(*jobs: Any) -> Any:
    """Runs jobs of alice, bob, alice, ... on one thread, one after the other."""

    async def scenario() -> list[Any]:
        with ThreadPoolExecutor(1) as pool:
            users = ("alice", "bob") * len(jobs)
            return [pool.submit(as_user, user, job).result() for user, job in zip(users, jobs, strict=False)]

    return scenario


def as_user(user: str, job: Any) -> Any:
    with isolation_audit.user_scope(user):
        return job(user)


@pytest.fixture
def sent():
    """What Sentry would send."""
    sdk = pytest.importorskip("sentry_sdk")
    from sentry_sdk.transport import Transport

    events: list[Any] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            events.append(envelope.get_event())

    sdk.init(dsn="http://key@localhost/1", transport=Kept, default_integrations=False)
    yield events
    sdk.get_client().close(timeout=0)
    sdk.get_global_scope().set_client(None)


def logs_in(user: str) -> None:
    import sentry_sdk

    sentry_sdk.set_user({"username": user})
    sentry_sdk.capture_message("hello")


def reports(_user: str) -> None:
    import sentry_sdk

    sentry_sdk.capture_message("something is wrong")


def isolated(job: Any) -> Any:
    def run(user: str) -> None:
        import sentry_sdk

        with sentry_sdk.isolation_scope():
            job(user)

    return run


@pytest.mark.parametrize("leaking", [True, False])
def test_a_user_of_reports_goes_out_with_another_s(audited, sent, leaking):
    jobs = [one if leaking else isolated(one) for one in (logs_in, reports)]
    done = audited(one_thread(*jobs), NAMED)
    assert [(one.get("user") or {}).get("username") for one in sent] == ["alice", "alice" if leaking else None]
    assert told(done.findings) == ([("IA503", "bob", "alice")] if leaking else [])


def test_whoever_sets_their_own_user_is_reported_as_that(audited, sent):
    done = audited(one_thread(logs_in, logs_in, logs_in), NAMED)
    assert [one["user"]["username"] for one in sent] == ["alice", "bob", "alice"]
    assert done.findings == {}


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


@pytest.mark.parametrize("first", [speaks_german, puts_back])
def test_language_and_time_zone_of_the_one_before(audited, django, first):
    done = audited(one_thread(first, reads), NAMED)
    assert done.result[0].startswith("Ja de Europe/Berlin")
    assert (done.result[1] == done.result[0]) is (first is speaks_german)
    assert told(done.findings) == ([("IA503", "bob", "alice")] * 2 if first is speaks_german else [])


def test_whoever_activates_their_own_is_not_asked_for_what_was_there(audited, django):
    assert audited(one_thread(speaks_german, speaks_german, speaks_german), NAMED).findings == {}


def test_what_a_third_one_has_put_back_is_still_the_first_one_s(audited, django):
    done = audited(one_thread(speaks_german, lambda _user: None, puts_back, reads), NAMED)
    assert done.result[3] == done.result[0]
    assert told(done.findings) == [("IA503", "bob", "alice")] * 2


def test_what_was_deactivated_is_nobody_s(audited, django):
    def tidies_up(_user: str) -> None:
        from django.utils import timezone, translation

        translation.deactivate()
        timezone.deactivate()

    done = audited(one_thread(speaks_german, tidies_up, reads, reads), NAMED)
    assert "Europe" not in done.result[2]
    assert done.findings == {}
