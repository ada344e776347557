"""The judge of what one unit has read of another's, when the unit ends. ``docs/explanation/state.md`` has it in words.

A value that is stored counts only with data of its writer that came in through the writer's own unit, is in nothing
that came in through the reader's, and stands nowhere in the code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import sites
from isolation_audit.instrument.rewrite.listener import CARRIED, ITEM, LOCAL
from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.rules import Severity
from isolation_audit.model.tables import first
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.crossing.displaced import OpenConnections
from isolation_audit.rules.provenance.own_records import OwnRecords
from isolation_audit.rules.state.atoms import atoms, hashes
from isolation_audit.rules.state.held import Held
from isolation_audit.rules.state.literals import Literals
from isolation_audit.rules.state.made_for import by_making
from isolation_audit.rules.state.meant import (
    Meant,
    is_asked_for,
    is_named,
    is_public,
    is_read_before,
    is_replayed,
    telling,
)
from isolation_audit.rules.state.memos import Memos
from isolation_audit.rules.state.read_inputs import Asked
from isolation_audit.rules.state.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.users import User
    from isolation_audit.rules.state.read_inputs import ReadInputs
    from isolation_audit.rules.state.records import Write
    from isolation_audit.rules.state.taken import Taken
    from isolation_audit.rules.state.units import Unit, Units

__builtins__ = BUILTINS

_KEPT: Final = 64
"""Atoms of one write that are kept."""

_RECEIVED: Final = 50_000
"""Atoms of which it is remembered whose inputs had them."""

_THIRDS: Final = 3

_word: Final = re.compile(r"[\w.@+-]+").findall

_LEFT: Final = "it has left with this work's answer, and has come in with none of its inputs"
_ANSWERED: Final = "this work waits at what it had stored there, and {owner}'s has overwritten it: answers go there"


class Judging:
    """One audit's."""

    def __init__(self, runtime: Runtime, units: Units) -> None:
        self._runtime = runtime
        self._units = units
        self._content = runtime.content
        self.literals = Literals()
        self._memos = Memos(runtime, self.literals)
        self._telling = Telling(runtime, self.literals)
        self._received: dict[int, tuple[int, ...]] = {}
        self.records = runtime.part(OwnRecords)
        self._meant = Meant(runtime)
        self._connections = runtime.part(OpenConnections)

    def look_through(self, unit: Unit) -> None:
        """Settle what the unit has written so far, and judge what it has read of others'."""
        asked = Asked(unit, self._content)
        if unit.writes:
            self._keep(unit, asked.everything)
        reads, unit.reads = unit.reads, {}
        for taken in reads.values():
            if self._units.apart(unit, taken.write.unit):
                self._judge(unit, taken, asked.but_items if taken.kind == "queued" else asked.everything)
        unit.surfaced.clear()

    # What a unit has written

    def _keep(self, unit: Unit, asked: ReadInputs) -> None:
        """Keep of what the unit has written what it holds of the unit's own inputs."""
        own = self._own(unit, asked)
        writes = unit.settle()
        held = Held()
        for write, container, kind, key in writes:
            if kind == LOCAL and write.texts is not None:
                write.brought = not asked.values().isdisjoint(write.texts)
            write.addressed = kind == ITEM and (type(key) is str or type(key) is int) and str(key) in asked.addressed()
            self._settle(write, own, held, asked)
            if write.over is not None:
                self._latent(unit, write, container, kind, key)

    def _own(self, unit: Unit, asked: ReadInputs) -> frozenset[int]:
        own = asked.own()
        party = hash(unit.user.id) if unit.user is not None else id(unit)
        for atom in own:
            known = self._received.get(atom, ())
            if party not in known and len(known) < _THIRDS:
                if len(self._received) >= _RECEIVED:
                    drop_first(self._received)
                self._received[atom] = (*known, party)
        return own

    @staticmethod
    def _settle(write: Write, own: frozenset[int], contents: Held, asked: ReadInputs) -> None:
        if write.settled:
            return
        held = write.texts if write.texts is not None else contents.texts(write.value())
        found = own & contents.atoms(held) if own else own
        write.atoms = found if len(found) <= _KEPT else frozenset(first(found, _KEPT))
        write.loaded = bool(found) and asked.sent().isdisjoint(found)
        write.content = hash(held) if held else 0
        write.texts = None
        write.settled, write.kept = True, False

    def _settled(self, write: Write) -> Write:
        """A write of a unit that may be running still."""
        if not write.settled and not write.unit.ended:
            asked = Asked(write.unit, self._content).everything
            self._settle(write, self._own(write.unit, asked), Held(), asked)
        return write

    # What it has read of others

    def _judge(self, unit: Unit, taken: Taken, asked: ReadInputs) -> None:
        write = self._settled(taken.write)
        taken.complete()
        text = "\0".join(taken.texts)
        places = (sites.site(taken.site), sites.site(write.site))
        if not (text or write.made_for_writer or taken.waited_at) or self._is_about_reader(text, taken.key, unit):
            return
        if self._connections.holds(write.value()) or self.literals.asks_if_any(places[0]):
            return
        if why := self._by_keeping(taken, unit, write):
            self._telling.read(why, Severity.ERROR, unit, taken, None)
        elif taken.waited_at:
            self._telling.read(_ANSWERED, Severity.WARNING, unit, taken, asked)
        elif (
            taken.handed
            or self._is_meant(unit, taken, text, asked, places)
            or not self._weigh(unit, taken, text, asked, places)
        ):
            severity = self._by_exit(unit, taken, text)
            if severity is not None:
                self._telling.read(_LEFT, severity, unit, taken, None)

    def _weigh(
        self, unit: Unit, taken: Taken, text: str, asked: ReadInputs, places: tuple[AccessSite, AccessSite]
    ) -> bool:
        write = taken.write
        why = self._by_atoms(text, unit, write, asked, places)
        why = why or self._by_name(taken, unit, write, asked, places) or self._by_thread(taken, write, asked, places)
        # Whoever works for others takes their items as well, and may be meant to.
        severity = Severity.WARNING if taken.kind == "queued" else Severity.ERROR
        # A number that several have changed is a counter; it has to be known from where it came in.
        if not why and taken.overwritten is not None and not write.number:
            why, severity = self._by_overwriting(taken, asked, places), Severity.WARNING
        if not why and (why := self._by_record(text, write, asked, places[0])):
            severity = Severity.WARNING
        if not why and write.made_for_writer and not taken.of_many:
            why, severity = by_making(unit, write, asked), Severity.WARNING
        if not why or self._is_shared(unit, taken, asked):
            return False
        return self._telling.read(why, severity, unit, taken, asked)

    def _is_meant(
        self, unit: Unit, taken: Taken, text: str, asked: ReadInputs, places: tuple[AccessSite, AccessSite]
    ) -> bool:
        """True where the reader was to have it, by how it is asked for or by what the code does with it."""
        return (
            is_asked_for(taken, asked, places)
            or (taken.among_others and self.literals.picks(places[0]))
            or self._meant.is_between(unit.user, taken.write.unit.user, text, asked)
            or is_public(taken, self.literals)
            or is_replayed(taken, self.literals)
            or self.literals.is_restricted(places[1])
            or ((taken.of_many or taken.among_others) and self.literals.is_restricted(places[0]))
        )

    def _is_about_reader(self, text: str, key: object, unit: Unit) -> bool:
        """True where the value or its key names the reader."""
        named = {mark.user.id for mark in self._marks(text)} | set(text.split("\0"))
        if unit.user is not None and unit.user.id in named:
            return True
        return (type(key) is str or type(key) is int) and self._telling.names_reader(str(key), unit)

    def _is_shared(self, unit: Unit, taken: Taken, asked: ReadInputs) -> bool:
        return self._meant.is_shared(self._now(unit.user), self._now(taken.write.unit.user), taken, asked)

    def _by_exit(self, unit: Unit, taken: Taken, text: str) -> Severity | None:
        """How bad it is, where what leaves was found to have data of the writer's, out of memory, and this has some.

        Whatever key it lies under, whoever is named in the code, and what the two share: that was asked there.
        """
        writer = self._now(taken.write.unit.user)
        found = [severity for user, severity in unit.surfaced if writer is not None and same(user, writer)]
        if not found or writer is None or is_public(taken, self.literals):
            return None
        named = any(mark.user.id == writer.id for mark in self._marks(text)) or writer.id in text.split("\0")
        return found[0] if named or not taken.write.atoms.isdisjoint(hashes(text)) else None

    def _by_atoms(
        self, text: str, unit: Unit, write: Write, asked: ReadInputs, places: tuple[AccessSite, AccessSite]
    ) -> str:
        if write.atoms.isdisjoint(hashes(text)) or (write.loaded and is_named(write.unit.user, asked)):
            return ""
        parties = {hash(one.user.id) if one.user is not None else id(one) for one in (unit, write.unit)}
        for key, atom in atoms(text).items():
            if key not in write.atoms or asked.holds(atom) or set(self._received.get(key, ())) - parties:
                continue
            known = self.literals.is_of_paths(atom)
            if not known and not self.literals.hold(atom, places, asks=bool(write.unit.arguments)):
                return "it holds what had come in with {owner}'s own work, and has not come in with this one"
        return ""

    def _now(self, user: User | None) -> User | None:
        """The user of this name: a better source may have become known since, and has made another of them."""
        if user is None or user.kind is not Kind.PLACEHOLDER:
            return user
        return self._runtime.users.known(user.id) or user

    def _by_record(self, text: str, write: Write, asked: ReadInputs, place: AccessSite) -> str:
        writer = self._now(write.unit.user)
        if writer is None or asked.holds(writer.id.casefold()):
            return ""
        if not any(self.records.owner_of(key) is writer for key in hashes(text)):
            return ""
        kept = [atom for key, atom in atoms(text).items() if self.records.owner_of(key) is writer]
        if not kept or any(asked.holds(atom) for atom in kept):
            return ""
        table = self.records.table_of(kept[0])
        if table is not None and self.literals.goes_through(place, table):
            return ""
        return "it has what the application keeps under {owner}'s name, and nothing that has come in names {owner}"

    def _by_name(
        self, taken: Taken, unit: Unit, write: Write, asked: ReadInputs, places: tuple[AccessSite, AccessSite]
    ) -> str:
        writer = self._now(write.unit.user)
        if writer is None or writer.kind is not Kind.USER or taken.listed or taken.of_many:
            return ""
        if self.literals.takes_out(places[0]):
            return ""  # it was handed over
        text = "\0".join(taken.names)
        names = writer.id in text.split("\0") or any(mark.user.id == writer.id for mark in self._marks(text))
        called = self._called(writer, text)
        if not names or any(map(asked.holds, called)):
            return ""
        users = [*called, *(telling(unit.user) if unit.user is not None else ())]
        mentioned = any(self.literals.hold(one, places, asks=bool(write.unit.arguments)) for one in users)
        return "" if mentioned else "it names {owner}, and nothing that has come in with this work does"

    def _called(self, user: User, text: str) -> Iterable[str]:
        """The names of a user that stand in a text: a number is nothing that is found again, or looked for in code."""
        if told := telling(user):
            return told
        named = {
            one.casefold() for one in set(_word(text)) if any(mark.user.id == user.id for mark in self._marks(one))
        }
        return named or (user.id,)

    def _by_thread(self, taken: Taken, write: Write, asked: ReadInputs, places: tuple[AccessSite, AccessSite]) -> str:
        """What lies in a thread's own place is the running work's, or left over: there even a short text tells."""
        if taken.kind != LOCAL or not write.brought or any(asked.holds(text.casefold()) for text in taken.texts):
            return ""
        if any(self.literals.hold(text.casefold(), places) for text in taken.texts):
            return ""
        return "it had come in with {owner}'s own work, and was left in this thread"

    def _by_keeping(self, taken: Taken, unit: Unit, write: Write) -> str:
        both = [self._now(one.user) for one in (unit, write.unit)]
        users = [one for one in both if one is not None and one.kind is Kind.USER]
        if (
            taken.kept is None
            or taken.among_others
            or len(users) < 2
            or self.literals.takes_out(sites.site(taken.site))
            or not self._memos.is_made_of_users(taken.kept, sites.site(write.site))
        ):
            return ""
        return "it was made from who was there, {owner}, and is kept where everybody finds it"

    def _by_overwriting(self, taken: Taken, asked: ReadInputs, places: tuple[AccessSite, AccessSite]) -> str:
        mine, theirs = self._settled(taken.overwritten), taken.write  # type: ignore[arg-type]
        if not mine.content or not theirs.content or mine.content == theirs.content:
            return ""
        known = [text for text in taken.texts if len(text) > 1]
        if not known or all(asked.holds(text.casefold()) for text in known):
            return ""
        if all(
            self.literals.hold(text.casefold(), places, asks=bool(theirs.unit.arguments)) for text in known[:_THIRDS]
        ):
            return ""
        return "this work had stored its own there, and {owner}'s has overwritten it meanwhile"

    def _marks(self, text: str) -> list[Any]:
        return [] if self._content is None else self._content.marks_of_text(text)[0]

    # What units do to each other's state without reading it

    def _latent(self, unit: Unit, write: Write, container: int, kind: str, key: object) -> None:
        """Several users' units put their own data into one place: the next one who reads in between gets another's."""
        before = self._settled(write.over)  # type: ignore[arg-type]
        write.over = None
        if (
            write.number
            or not (write.atoms and before.atoms)
            or write.equals(before)
            or kind in ("thread local", "element", "queued")
        ):
            return
        site = sites.site(write.site)
        if not self._units.apart(unit, before.unit) or (kind == "item" and repr(key) not in site.expression):
            return
        why = "units of several users overwrite it"
        self._telling.stored(unit, write, before, container, kind, key, why, Severity.NOTE)

    def lost_update(
        self, unit: Unit, write: Write, before: Write, where: tuple[int, Hashable], key: object, *, known: bool
    ) -> None:
        """A number is written that was worked out from what another unit has replaced meanwhile.

        ``known`` where the container is certainly the one of before. A dict has no weak reference: another one may have
        got its identity since, unless a module leads to it.
        """
        site = sites.site(write.site)
        seen = unit.numbers.get(where)
        if before.at < unit.began or (seen is not None and seen[0] > before.seq):
            return
        if not is_read_before(write.site) or not self._units.apart(unit, before.unit):
            return
        kind = where[1][0] if type(where[1]) is tuple else ""
        if kind == CARRIED:
            return  # a loop's own number; and a frame that has ended makes room for another one of the same identity
        files, numbers = (site.file, sites.site(before.site).file), (write.site, before.site)
        if not known and self._telling.path(where[0], files, numbers) is None:
            return
        self._telling.stored(
            *(unit, write, before, where[0], kind, key),
            f"{site.function}() had read it before {{owner}}'s work changed it, and writes over that change: "
            "an update is lost",
            Severity.WARNING,
        )
