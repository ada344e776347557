"""dramatiq: each message that a worker's thread processes is a piece of work of its own, and its sender's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.integrations.building_blocks.published_jobs import PublishedJobs, field, given, headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.integrations import Point

KIND: Final = "dramatiq_message_id"
"""The kind of id under which messages are bound."""
_BROKERS: Final = ("redis:RedisBroker", "rabbitmq:RabbitmqBroker", "stub:StubBroker")


class Dramatiq:
    """The integration."""

    distribution = "dramatiq"
    since = "2.2"

    @staticmethod
    def points(runtime: Runtime) -> Iterator[Point]:
        """The sending of a message, and what a worker's thread processes."""
        return PublishedJobs(
            KIND,
            publishing=tuple([f"dramatiq.brokers.{broker}.enqueue" for broker in _BROKERS]),
            running=("dramatiq.worker:_WorkerThread.process_message",),
            published_id=field("message", "message_id"),
            id_of=field("message", "message_id"),
            where_of=field("message", "actor_name"),
            given_of=given("message"),
            heads=headers_of("message", "options"),
        ).points(runtime)


integration = Dramatiq()
