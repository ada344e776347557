"""Mistakes that the application can be told to make, one at a time: ``python -m agent_chat --fault NAME``.

Each is a subclass of :class:`agent_chat.faults.assembly.FaultyApplication`, made of the healthy parts but for the one
in which such a mistake would be found. ``faults.toml`` says what each of them is. Without a fault, nothing in here but
this list is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_chat.faults.assembly import FaultyApplication

FAULTS = {
    "anonymous_user": "engines:AnonymousUser",
    "userless_engine": "engines:UserlessEngine",
    "lookalike_context": "engines:LookalikeContext",
    "direct_construction": "engines:DirectConstruction",
    "two_factories": "factories:TwoFactories",
    "raced_factory": "factories:RacedFactory",
    "fallback_factory": "names:FallbackFactory",
    "two_registers": "names:TwoRegisters",
    "second_counter": "names:SecondCounter",
    "kept_engines": "factories:KeptEngines",
    "kept_emitter": "crossings:KeptEmitter",
    "wrong_addressee": "crossings:WrongAddressee",
    "nobodys_event": "crossings:NobodysEvent",
    "private_broadcast": "crossings:PrivateBroadcast",
    "foreign_record": "crossings:ForeignRecord",
    "rebound_connection": "crossings:ReboundConnection",
    "missing_start": "order:MissingStart",
    "late_start": "order:LateStart",
    "thinking_after_end": "order:ThinkingAfterEnd",
    "lost_tool_completed": "order:LostToolCompleted",
    "never_completed": "order:NeverCompleted",
    "duplicate_after_retry": "delivery:DuplicateAfterRetry",
    "swallowed_delivery": "delivery:SwallowedDelivery",
    "failed_delivery": "delivery:FailedDelivery",
    "send_before_accept": "sockets:SendBeforeAccept",
    "send_after_close": "sockets:SendAfterClose",
    "internal_error_close": "sockets:InternalErrorClose",
    "left_tasks": "leftovers:LeftTasks",
    "forgotten_cleanup": "leftovers:ForgottenCleanup",
    "lost_in_bridge": "leftovers:LostInBridge",
    "slow_run": "slowness:SlowRun",
    "slow_cleanup": "slowness:SlowCleanup",
}
"""Where each fault is: the module in this package and the class."""


def application_class(fault: str) -> type[FaultyApplication]:
    """Return the application that makes this mistake."""
    module, _, name = FAULTS[fault].partition(":")
    found: type[FaultyApplication] = getattr(import_module(f"{__name__}.{module}"), name)
    return found
