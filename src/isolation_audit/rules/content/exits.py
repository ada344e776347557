"""What leaves, as integrations tell it: the judge of payloads, with the responses and pushes that it judges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from isolation_audit.rules.content.egress import Egress
from isolation_audit.rules.content.pushes import Push
from isolation_audit.rules.content.responses import Response

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime


def exits(runtime: Runtime) -> Egress:
    """The one of an audit; use it with ``runtime.part``."""
    egress = runtime.part(Egress)
    egress.response = partial(Response, egress)
    egress.pushes = partial(Push, egress)
    return egress
