"""Messages that one user has addressed to another: the request that is at work names whom it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.content.request_texts import all_brought, paths_asked
from isolation_audit.model.inputs import REQUEST
from isolation_audit.rules.provenance.brought_in import read, single_values

if TYPE_CHECKING:
    from isolation_audit.model.inputs import Inputs
    from isolation_audit.model.users import User


def is_addressed_to(receiver: User, inputs: Inputs | None) -> bool:
    """True where a unit was asked with the receiver's name as a value or a part of its path: ``{"to": "bob"}``."""
    if inputs is None or receiver.id.isdecimal():
        return False
    name = receiver.id.casefold()
    if any(name in text.casefold().replace("\0", "/").split("/") for text in paths_asked(inputs)):
        return True
    wanted = hash(name)
    # The latest first: on a connection, most messages are another matter.
    return any(
        asked and wanted in single_values(read(asked)[0])
        for asked in (all_brought([one], REQUEST) for one in reversed(list(inputs.kept)))
    )
