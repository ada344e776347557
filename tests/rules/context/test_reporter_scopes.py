"""Users of error reports: whoever was set on a scope that two jobs share goes out with the other's report."""

from __future__ import annotations

from typing import Any

import pytest
from turns import on_one_thread


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
def test_a_user_of_reports_goes_out_with_another_s(audit, sent, leaking):
    on_one_thread(*[one if leaking else isolated(one) for one in (logs_in, reports)])
    assert [(one.get("user") or {}).get("username") for one in sent] == ["alice", "alice" if leaking else None]
    assert audit.pairs("IA503") == ({("alice", "bob")} if leaking else set())


def test_whoever_sets_their_own_user_is_reported_as_that(audit, sent):
    on_one_thread(logs_in, logs_in, logs_in)
    assert [one["user"]["username"] for one in sent] == ["alice", "bob", "alice"]
    assert audit.found("IA503") == []
