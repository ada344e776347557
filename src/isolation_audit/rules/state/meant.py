"""For whom stored things are meant: reads that are no leak, by whom they are about or by how they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.listener import ITEM
from isolation_audit.rules.provenance.own_words import OwnWords
from isolation_audit.rules.provenance.shared_with import SharedWith

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User
    from isolation_audit.rules.state.literals import Literals
    from isolation_audit.rules.state.paths import StatePath
    from isolation_audit.rules.state.read_inputs import ReadInputs
    from isolation_audit.rules.state.taken import Taken

__builtins__ = BUILTINS

_SITES: Final = 300
"""Sites of a module that are looked through for a read of what is stored at another."""


class Meant:
    """One audit's."""

    def __init__(self, runtime: Runtime) -> None:
        self._shared_with = runtime.part(SharedWith)
        self._said = runtime.part(OwnWords)

    def is_between(self, reader: User | None, writer: User | None, text: str, asked: ReadInputs) -> bool:
        """True where the reader has asked for the writer by name, or the writer has addressed it to the reader."""
        if reader is None or writer is None or writer.id.isdecimal():
            return False
        return writer.id in asked.values() or self._said.has_addressed(writer, reader, text)

    def is_shared(self, reader: User | None, writer: User | None, taken: Taken, asked: ReadInputs) -> bool:
        """True where what the application keeps says that it is for the reader as well."""
        held = frozenset(taken.texts)
        if reader is None or writer is None or not held:
            return False
        return self._shared_with.both(reader, writer, held.__contains__, taken.site, asked.values())


def is_asked_for(taken: Taken, asked: ReadInputs, places: tuple[AccessSite, AccessSite]) -> bool:
    """True for what lies under a key that came in with the reader's work; the names of fields are no such keys."""
    key = taken.key
    if taken.kind != ITEM or (type(key) is not str and type(key) is not int) or is_written(key, places):
        return False
    return str(key) in asked.values()


def is_written(key: object, places: tuple[AccessSite, AccessSite]) -> bool:
    """True for a key that stands in the code where it is read or stored: ``KEPT["history"]`` is a place of its own."""
    return any(f"[{key!r}]" in one.expression for one in places)


def is_public(taken: Taken, literals: Literals) -> bool:
    """True for what is there for everybody: records that say whose they are, entries of which all are shown, counts."""
    return is_signed(taken) or is_shown_to_all(taken, literals) or is_counted_together(taken, literals)


def is_replayed(taken: Taken, literals: Literals) -> bool:
    """True for one record of many that names its writer, where all of them are handed on: a log is gone through again.

    Where they are handed to somebody else, what leaves names the writer, too.
    """
    writer = taken.write.unit.user
    named = writer is not None and writer.id in taken.names
    return named and taken.of_many and literals.hands_each(sites.site(taken.site))


def is_signed(taken: Taken) -> bool:
    """True for one record of many that says whose it is, as the messages on a board do, and for a part of one."""
    writer = taken.write.unit.user
    if writer is None or not (taken.of_many or taken.among_others):
        return False
    return any(one == writer.id or _is_short_for(one, writer.id) for one in taken.authors)


def _is_short_for(name: str, identifier: str) -> bool:
    """True for what shows a name and keeps it: ``A.``, ``al***``."""
    begins = name.rstrip(".*…")
    return begins != name and identifier.casefold().startswith(begins.casefold()) and bool(begins)


def is_shown_to_all(taken: Taken, literals: Literals) -> bool:
    """True for an entry that was read where all entries are shown: who is there, who leads, a list of articles.

    They lie under their writers' names, or under what their writers' requests have addressed.
    """
    if taken.entry is None:
        return False
    write, site = taken.entry
    if taken.kind == ITEM and taken.site == site and literals.takes_keys(sites.site(site)):
        return True  # the entry's value was not read at all
    return (write.under_own_name or write.addressed) and literals.shows_all(sites.site(site))


def is_counted_together(taken: Taken, literals: Literals) -> bool:
    """True for a number that was made of what several have brought, or of which one is made that says no more."""
    if not taken.write.number:
        return False
    return literals.accumulates(sites.site(taken.write.site)) or (
        taken.among_others and literals.sums(sites.site(taken.site))
    )


def is_asked_by_path(path: StatePath, asked: ReadInputs, places: tuple[AccessSite, AccessSite]) -> bool:
    """True where a key on the way came in with the reader's work, or the number of an element with the URL's path."""
    if any(key in asked.values() and not is_written(key, places) for key in path.keys):
        return True
    numbers = {step[1:-1] for step in path.steps if type(step) is str and step[1:-1].isdecimal() and step[0] == "["}
    return any(not is_written(int(one), places) for one in numbers & asked.addressed())


def is_read_before(number: int) -> bool:
    """True where the function of a store has read the same place, further up."""
    store = sites.site(number)
    for other in range(max(0, number - _SITES), number):
        one = sites.site(other)
        if (one.file, *one[2:4]) == (store.file, *store[2:4]) and one.use != sites.WRITTEN:
            return True
    return False


def is_named(user: User | None, asked: ReadInputs) -> bool:
    """True where what has come in names a user: what was read for her may be read for whoever asks for her."""
    return user is not None and any(map(asked.holds, telling(user)))


def telling(user: User) -> tuple[str, ...]:
    """What a user is named by in inputs and in code: a number is nothing that is found again."""
    return () if user.id.isdecimal() else (user.id.casefold(),)
