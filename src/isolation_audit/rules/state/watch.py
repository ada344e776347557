"""The monitor of state: listens to rewritten modules, keeps who has written what, and notes who reads it.

On the application's path a write is an entry in a table, and a read is a look into it. What a read means is decided
when its unit of work ends: ``state/judging.py``.
"""

from __future__ import annotations

from itertools import islice
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from isolation_audit.instrument.heap.parts import fields
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import listener, sites
from isolation_audit.instrument.rewrite.upkeep import LINKS
from isolation_audit.model.inputs import REQUEST
from isolation_audit.model.open_units import open_units
from isolation_audit.rules.context.task_origins import own_origin
from isolation_audit.rules.state.arguments import note_arguments
from isolation_audit.rules.state.carried import bring, carry
from isolation_audit.rules.state.contents import (
    CHARACTERS,
    has_a_way_back,
    holds_jobs,
    is_number,
    is_of_a_collector,
    is_of_the_process,
    is_plain,
    is_scalar,
    is_sized,
    tells_nothing,
    texts,
)
from isolation_audit.rules.state.inside import NOTHING, held_of, is_among
from isolation_audit.rules.state.judging import Judging
from isolation_audit.rules.state.made_for import is_made_for_its_writer, may_be_anybodys
from isolation_audit.rules.state.memos import kept_by
from isolation_audit.rules.state.readers_own import is_of_reader, lies_under
from isolation_audit.rules.state.records import Records, StateEntry, Write, place, plain_key
from isolation_audit.rules.state.taken import Taken
from isolation_audit.rules.state.units import Unit, Units, clock
from isolation_audit.rules.state.waits import takes_answers

if TYPE_CHECKING:
    from isolation_audit.instrument.rewrite.sites import AccessSite
    from isolation_audit.instrument.runtime import Runtime

__builtins__ = BUILTINS

LEVELS: Final = 3
"""How far into an object of another unit its parts are taken for that unit's, too."""

_READS: Final = 200
"""Reads of others' data that are kept of one unit."""

_WRITES: Final = 5_000
_PUBLISHED: Final = 500
_ARMED: Final = 60
"""Names of one object that are watched from when another unit has got hold of it."""

_CONTENTS: Final = 24
"""Elements of a container that are looked at where it goes on as a whole."""

_NODES: Final = 100
"""Values inside of a container that is written, which are looked at there and then."""

_PARTS: Final = 24
"""The same of an object."""

_CONCERNED: Final = 100_000
"""Objects of which reads are told; those that were only passed on are forgotten when there are more."""

_SHORT: Final = 4
"""Characters of a text by which it is known again."""

_ANSWERED: Final = (sites.RETURNED, sites.YIELDED, sites.FORMATTED)
_WHOLE: Final = (listener.ALL, listener.PART)
_OWN_PLACE: Final = (listener.ATTRIBUTE, listener.GLOBAL, listener.CELL, listener.DEFAULT)

_SECONDS: Final = 2.0
"""After which the reads of a unit that goes on are judged, and of one whose end nothing tells."""


class Published:
    """An object of another unit that this one has got hold of, or a part of it."""

    __slots__ = ("entry", "level", "of_many", "write")

    def __init__(self, write: Write, level: int, *, of_many: bool, entry: tuple[Write, int] | None = None) -> None:
        self.write = write
        self.level = level
        self.of_many = of_many
        self.entry = entry
        """Its entry in a mapping that was read as a whole, and the site of that."""


class StateWatch:
    """The listener of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.records = Records()
        self._published: set[int] = set()
        """What any unit has got hold of."""
        self.units = Units(runtime, self._ended)
        self._judging = Judging(runtime, self.units)
        self._in_functions: set[int] = set()
        """Sites of stores that are no statement of a module's own."""
        self._ending: set[int] = set()
        """Units that are being judged at this moment."""
        self.unit = self.units.current
        runtime.settling.append(self._settle)

    def start(self) -> None:
        """Listen to rewritten modules, as long as units of work may be running."""
        ambient = self._runtime.ambient
        listener.listen(self, self._runtime.barrier, self.hears)
        # The application sets its own variable, or another holder of the user, without a word.
        ambient.learned = open_units.doubt
        open_units.watch(_units_run, always=ambient.asks)

    @staticmethod
    def stop() -> None:
        """Listen to nothing any more."""
        open_units.forget()
        listener.listen(None)

    def hears(self, unit: object, identity: int, kinds: tuple[str, ...], key: object) -> bool:
        """True where another unit than this one, which is running, has to do with an object, and with a place in it.

        The place is a key of one of these kinds; without kinds it is the whole object.
        """
        entry = self.records.of(identity)
        if entry is None or identity in self._published:
            return True
        if entry.only is unit:
            return False
        if kinds and not entry.elements:
            slots = entry.slots
            if type(key) is str:
                if (kinds[0], key) not in slots and (kinds[1], key) not in slots:
                    return False
            elif place(kinds[0], key) not in slots and place(kinds[1], key) not in slots:
                return False
        return True

    @staticmethod
    def born(unit: Unit, obj: object) -> None:
        """It is new: what its unit puts into it is nobody else's, as long as nobody else gets hold of it."""
        unit.bear(obj)

    def wrote(self, unit: Unit, container: object, kind: str, key: object, value: object, site: int) -> None:
        """Keep who has written what."""
        known = unit.born.get(id(container))
        if known is not None and known() is container:
            return
        where = (kind, key) if type(key) is str else place(kind, key)
        write = None if where is None else self.records.own(container, where, unit, site)
        if write is not None:  # a loop stores to one place again and again
            bring(unit, self.records, write, (id(container), where))
            if write.again(value):
                if write.texts is not None and unit.is_worth_a_look(site):
                    self._note_arguments(unit)
                return
            made_now = not write.is_of(value)
            write.hold(value)
            write.seq = next(clock)
            self._describe(unit, write, kind, key, value, made_now=made_now)
            return
        if value is None and not self.records.has(container, where):
            return  # nothing has been there, and nothing is now
        if site not in self._in_functions:
            if not sites.function_of(site):
                return
            self._in_functions.add(site)
        write = Write(unit, site, value)
        before = self.records.write(container, where, write)
        bring(unit, self.records, write, (id(container), where))
        if len(unit.writes) < _WRITES:
            self._describe(unit, write, kind, key, value, made_now=before is None or not before.is_of(value))
            write.kept = True
            unit.writes.append((write, id(container), kind, plain_key(key)))
            self.units.open[id(unit)] = unit
        if write.number and before is not None and before.unit is not unit:
            entry = self.records.of(id(container))
            sure = entry is not None and entry.gone is not None
            self._judging.lost_update(unit, write, before, (id(container), where), plain_key(key), known=sure)

    def _describe(self, unit: Unit, write: Write, kind: str, key: object, value: object, *, made_now: bool) -> None:
        told = not tells_nothing(value)
        if type(value) is str:
            write.texts = (value[:CHARACTERS],)
        elif told and write.value() is None:
            # Nodes of a list or a tree lead to each other: their own data is what comes first.
            nodes = unit.looks(write.site, _NODES if is_plain(value) else _PARTS)
            write.texts = tuple(texts(value, nodes)) if nodes else ()
        else:
            write.texts = None
        write.describe(value)
        write.under_own_name = unit.user is not None and type(key) is str and key == unit.user.id
        if made_now:  # what is stored again (`KEPT = KEPT or Kept()`) has collected things since
            write.made_for_writer = kind in _OWN_PLACE and is_made_for_its_writer(unit, value)
        if told and unit.is_worth_a_look(write.site):
            self._note_arguments(unit)

    def read(self, unit: Unit, container: object, kind: str, key: object, value: object, site: int) -> None:
        """Note a read of what another unit has written."""
        whole = kind in _WHOLE
        entry = self.records.of(id(container))
        if entry is not None and entry.gone is not None and entry.gone() is not container:
            entry = None
        inner = entry if whole else None if is_scalar(value) else self.records.of(id(value))
        published = unit.published.get(id(container)) if unit.published else None
        mine = (entry is None or entry.only is unit) and (inner is None or inner.only is unit)
        if mine and published is None:
            return
        where = sites.site(site)
        if where.use == sites.KEPT and not whole:
            carry(unit, entry, inner, (id(container), place(kind, key)), value)
        if not whole:
            self._one(unit, entry, published, _Read(container, kind, key, value, site, where))
        goes_on = where.flows or where.use == sites.HANDED or (whole and where.use != sites.KEPT)
        if inner is not None and inner.only is not unit and goes_on:
            self._whole(unit, inner, _Read(container if whole else value, kind, key, value, site, where))

    def _one(self, unit: Unit, entry: StateEntry | None, published: Published | None, read: _Read) -> None:
        slot = place(read.kind, read.key)
        if entry is not None and is_number(read.value):
            unit.numbers[(id(read.container), slot)] = (next(clock), read.where.function)
        if tells_nothing(read.value) or _is_job(read):
            return
        if read.kind == listener.QUEUED and (read.where.use not in _ANSWERED or own_origin() is not None):
            # What is handed on is worked on for whoever has put it in, by this unit or by a worker that it has started:
            # IA503 tells whether that switches to them.
            return
        found, mine = [published] if published is not None else [], None
        if entry is not None and entry.only is not unit:
            writes = entry.writes(slot, read.value)
            fitting = [one for one in writes if one.is_of(read.value)]
            own = next((one for one in fitting if one.unit is unit), None)
            if own is not None and not own.carried:
                return
            mine = next((one for one in writes if one.unit is unit), None) if read.kind != listener.LOCAL else None
            if fitting:
                listed_as = unit.entries.get(id(read.container)) if published is None else published.entry
                theirs = fitting[:1] if own is None else own.carried
                # A part of one of many is one of many: a lot's best bid, by whom the lot says.
                of_many = _is_of_many(read) or listed_as is not None or (published is not None and published.of_many)
                found = [Published(one, 0, of_many=of_many, entry=listed_as) for one in theirs]
        for one in found:
            self._goes_on(unit, one, mine, read)

    def _goes_on(self, unit: Unit, found: Published, mine: Write | None, read: _Read) -> None:
        """What another unit has written is used, or what is in it may be."""
        first = found.level == 0
        answers = first and read.kind == listener.ITEM and takes_answers(read.value, mine)
        if read.where.use == sites.KEPT or not (answers or may_be_anybodys(read.value)):
            return
        if lies_under(read.kind, read.key, unit.user) or is_of_reader(read.value, self.records.of, unit.user):
            return  # whoever has stored it there, as whoever comes first loads all users
        # One of many that is compared is looked for, and may well be passed over then.
        flows = read.where.flows and (first or read.where.use != sites.BRANCHED)
        away = read.where.use == sites.HANDED
        used = flows or answers or away or (first and _is_called(read))
        # The texts of a collector are nobody's, and a list of jobs is worked on for whoever has put them in.
        handed = self._judging.literals.takes_out(read.where)
        of_many = found.of_many or handed or is_of_reader(read.container, self.records.of, unit.user)
        if used and not is_of_a_collector(type(read.value)) and not holds_jobs(read.value):
            self._take(unit, found.write, read, mine, of_many=of_many, entry=found.entry)
        if found.level < LEVELS and not away and (not flows or (first and handed)):
            further = Published(found.write, found.level + 1, of_many=of_many, entry=found.entry)
            self._publish(unit, further, read.value)

    def _take(
        self,
        unit: Unit,
        write: Write,
        read: _Read,
        mine: Write | None = None,
        *,
        of_many: bool = True,
        listed: bool = False,
        among_others: bool = False,
        entry: tuple[Write, int] | None = None,
    ) -> None:
        write.kept = False
        which = (id(write), read.site)
        if which not in unit.reads and len(unit.reads) < _READS:
            self._note_arguments(unit)
            taken = unit.reads[which] = Taken(
                write, read.container, read.kind, plain_key(read.key), read.value, read.site
            )
            taken.of_many = of_many
            taken.kept = kept_by(read.where, sites.site(write.site), unit.user)
            taken.overwritten, taken.listed, taken.among_others = mine, listed, among_others
            taken.waited_at = read.kind == listener.ITEM and takes_answers(read.value, mine)
            taken.entry = entry
            taken.handed = read.where.use == sites.HANDED
            unit.foreign.update(dict.fromkeys(text for text in taken.texts if len(text) >= _SHORT))
            self.units.open[id(unit)] = unit

    def _publish(self, unit: Unit, published: Published, value: object) -> None:
        known = unit.published.get(id(value))
        if known is not None:
            known.of_many |= published.of_many
        if known is not None or type(value) is str or len(unit.published) >= _PUBLISHED:
            return
        published.write.kept = False
        unit.published[id(value)] = published
        self._published.add(id(value))
        if len(listener.concerned) >= _CONCERNED:
            self.records.concern()
            self._published.clear()
        listener.concern(id(value), None)
        armed = [name for name in fields(value) if type(name) is str]
        for cls in type.__dict__["__mro__"].__get__(type(value)):
            armed += [name for name, one in list(vars(cls).items()) if type(one) is property]
        if issubclass(type(value), dict):
            armed += [name for name in list(dict.keys(cast("dict[Any, Any]", value)))[:_ARMED] if type(name) is str]
        listener.arm(armed[:_ARMED])

    def _whole(self, unit: Unit, inner: StateEntry, read: _Read) -> None:
        """A container goes on as it is, or is gone through, and with it what others have put into it."""
        flows = read.where.flows and read.where.use != sites.BRANCHED
        latest = list(islice(inner.latest(), _CONTENTS))
        listed = any(write.unit is unit for _key, write in latest)
        for key, write in latest:
            held = NOTHING if write.unit is unit else held_of(read.container, key, write)
            if read.kind == listener.PART and not is_among(held, read.value):
                continue
            kind, name = ("element", None) if key is None else cast("tuple[str, object]", key)
            listed_as = (write, read.site) if kind == listener.ITEM else None
            if listed_as and held is not NOTHING and len(unit.entries) < _PUBLISHED:
                unit.entries[id(held)] = listed_as
            if held is NOTHING or tells_nothing(held) or is_of_the_process(held) or has_a_way_back(held):
                continue
            if flows or type(held) is str or read.where.use == sites.HANDED:
                one = _Read(read.container, kind, name, held, read.site, read.where)
                self._take(unit, write, one, listed=listed, among_others=True, entry=listed_as)
            else:
                self._publish(unit, Published(write, 1, of_many=True, entry=listed_as), held)

    def _note_arguments(self, unit: Unit) -> None:
        if not any(one.kind == REQUEST for one in (unit.inputs.kept if unit.inputs is not None else ())):
            note_arguments(unit.arguments, unit.foreign, self.records.of)

    def _ended(self, unit: Unit) -> None:
        """Off the path of the request: settle what was written, and judge what was read."""
        self._ending.add(id(unit))
        try:
            self._judging.look_through(unit)
        finally:
            self._ending.discard(id(unit))

    def _settle(self, grace: float) -> None:
        """The same for units that go on, and for those whose end nothing tells."""
        now = monotonic()
        while not grace and self._ending and monotonic() - now < _SECONDS:
            sleep(0.005)  # a server's thread is at it, and will not be waited for by the interpreter
        for unit in list(self.units.open.values()):
            if unit.inputs is None or now - unit.since > _SECONDS or not grace:
                self._judging.look_through(unit)
                self.units.open.pop(id(unit), None)


def _units_run(some: bool) -> None:
    listener.units_run(some=some)


def _is_of_many(read: _Read) -> bool:
    return read.kind in (listener.ELEMENT, listener.QUEUED) or (
        read.kind == listener.ITEM and repr(plain_key(read.key)) not in read.where.expression
    )


def _is_job(read: _Read) -> bool:
    return read.kind in (listener.ELEMENT, listener.QUEUED) and has_a_way_back(read.value)


def _is_called(read: _Read) -> bool:
    """True where an object stands in a slot of its own: what is not watched may be using it by its methods."""
    written = read.where.expression
    if read.key in LINKS:
        return False
    # What Python's own containers are asked for is told by itself; by a text something may be looked up.
    return (type(read.value) is str or not is_sized(read.value)) and (
        "[" not in written or written.endswith(("']", '"]'))
    )


class _Read(NamedTuple):
    """One read, as it was told."""

    container: object
    kind: str
    key: object
    value: object
    site: int
    where: AccessSite
