"""Checks: which values of a call are compared with those of the last clean one, and how they are read in source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from isolation_audit.config.paths import Attribute, Path, Root
from isolation_audit.foundation.records import dataclass
from isolation_audit.instrument.cells import Cell
from isolation_audit.instrument.compile.site import EventSite, Site
from isolation_audit.instrument.reading.attributes import reader_of
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.model.contexts import moment_variable
from isolation_audit.model.scopes import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

    from isolation_audit.config.model import Config
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.tally import Tally
    from isolation_audit.model.ambient import Ambient
    from isolation_audit.model.owner_records import Objects

PREFIX: Final = "__ia_"
"""Before the names of our own variables in generated code; no parameter begins with it."""


@dataclass(frozen=True, slots=True)
class Read:
    """One value of a call: a parameter, or what lies behind attributes of it.

    An attribute is only read of an object whose class is the one of the last time, for which that was safe.
    """

    label: str
    position: int
    attributes: tuple[str, ...] = ()

    def names(self) -> list[str]:
        """The variables that it is compared with: a class for each attribute, then the value itself."""
        return [*(f"{self.label}_{step}_type" for step in range(len(self.attributes))), self.label]

    def between(self) -> list[str]:
        """The variables that hold what is passed on the way."""
        return [f"{self.label}_{step}" for step in range(1, len(self.attributes))]

    def conditions(self, parameters: list[str]) -> list[str]:
        """The comparisons in source."""
        made, found = [], parameters[self.position]
        for step, attribute in enumerate(self.attributes):
            name = f"{PREFIX}{self.label}_{step}"
            if step:
                made.append(f"type({name} := {found}) is {name}_type")
                found = name
            else:
                made.append(f"type({found}) is {name}_type")
            found = f"{found}.{attribute}"
        return [*made, f"{found} is {PREFIX}{self.label}"]

    def follow(self, values: Values) -> list[Any] | None:
        """What :meth:`names` stand for in this call; None where it is not certain to be safe to read it so again."""
        found, value = [], values[self.position]
        for attribute in self.attributes:
            kind = type(value)
            if id(kind) not in reader_of(attribute).usual:
                return None
            found.append(kind)
            try:
                value = getattr(value, attribute)
            except AttributeError:
                return None
        return [*found, value]


def plain_read(label: str, path: Path, layout: Layout) -> Read | None:
    """The read of a path that goes through attributes only; None for any other path."""
    if not layout.exact:
        return None
    names = tuple([step.name for step in path.steps if isinstance(step, Attribute)])
    if len(names) != len(path.steps):
        return None
    if path.root is Root.SELF and layout.receiver and layout.positional:
        return Read(label, 0, names)
    if path.root is Root.ARGUMENT and isinstance(path.argument, str) and path.argument in layout.positions:
        return Read(label, layout.positions[path.argument], names)
    return None


def can_give(path: Path, layout: Layout) -> bool:
    """False for a path whose parameter this function can't be given: it is passed over each time."""
    if path.root is not Root.ARGUMENT or not layout.exact or layout.varkw is not None or layout.varargs is not None:
        return True
    return not isinstance(path.argument, str) or path.argument in layout.positions


@dataclass(frozen=True, slots=True)
class CompiledPaths:
    """Ordered paths to one user, of which the first that can give anything is read in line."""

    reads: tuple[Read, ...]
    asked: tuple[Path, ...]
    """The paths that are asked for a clean call; the last one gives."""

    @property
    def binding(self) -> str | None:
        """The kind of the id that is read, where it is one that is bound to a user; None for a user's own."""
        return self.asked[-1].binding if self.asked else None

    def count(self, site: Site, cells: Callable[[Path], list[int]]) -> None:
        """Have clean calls counted for each path, as its reader would."""
        for path in self.asked:
            site.counts_in(cells(path), ASKED)
        if self.asked:
            site.counts_in(cells(self.asked[-1]), GAVE)


def compiled_paths(label: str, paths: tuple[Path, ...], layout: Layout, *, bound: bool = False) -> CompiledPaths | None:
    """The way in which these paths can be read in line; None where they can't.

    ``bound``: also where the id that is read is one that is bound to a user, which :class:`Bindings` may tell anew.
    """
    if not paths:
        return CompiledPaths((), ())
    first = next((path for path in paths if can_give(path, layout)), None)
    if first is not None and first.binding is not None and not bound:
        return None
    read = None if first is None else plain_read(label, first, layout)
    return None if first is None or read is None else CompiledPaths((read,), paths[: paths.index(first) + 1])


class Audit(Protocol):
    """What a check has to know of the audit that it belongs to."""

    config: Config
    ambient: Ambient
    tally: Tally
    objects: Objects


class Check:
    """What makes a call of one function clean at a glance: the same class, values and work as the last clean call."""

    carried: ClassVar[tuple[str, ...]] = ()
    """The name of what is remembered beside what is compared: there is more to do in a clean call than to count it."""
    ends: ClassVar[bool] = False
    """True where the comparisons come after the call."""
    site_kind: ClassVar[type[Site]] = Site

    def __init__(
        self,
        reads: tuple[Read, ...],
        layout: Layout,
        audit: Audit,
        *,
        of_object: bool = False,
    ) -> None:
        self.reads = reads
        self._ambient = audit.ambient
        self._cells = audit.tally.cells
        self._objects = audit.objects
        self.of_object = of_object
        """True where it is the very object of the last time: what is known of it lies in its record."""
        self.of_receiver = (
            layout.receiver and not of_object and not any(read.position == 0 and read.attributes for read in reads)
        )
        """True where the class of the receiver is compared by itself."""
        self.of_variable = audit.config.ambient.contextvar is not None
        """True where the value of the application's own variable is compared."""
        self.site = self.site_kind(len(self.names()), self._cells)

    def names(self) -> list[str]:
        """The variables into which the site's ``known`` is unpacked."""
        compared = [name for read in self.reads for name in read.names()]
        receiver = ["receiver"] if self.of_object else ["receiver_type"] if self.of_receiver else []
        variable = ["value", "value_of"] if self.of_variable else []
        return [*receiver, *compared, "moment", "moment_of", *variable, *self.carried]

    def conditions(self, parameters: list[str]) -> list[str]:
        """The comparisons in source, those first that show most often that it is another call."""
        receiver = [f"type({parameters[0]}) is {PREFIX}receiver_type"] if self.of_receiver else []
        if self.of_object:
            receiver = [f"{PREFIX}receiver() is {parameters[0]}"]
        values = [one for read in self.reads for one in read.conditions(parameters)]
        moment = [f"{PREFIX}moment_of() is {PREFIX}moment"]
        variable = [f"{PREFIX}value_of(None) is {PREFIX}value"] if self.of_variable else []
        return [*receiver, *values, *moment, *variable]

    def stands(self, *, alone: bool) -> None:
        """Calls are asked about from now on; ``alone``: by nobody else."""

    def retire(self) -> None:
        """Nobody asks any more."""
        self._cells.retire(self.site)

    def worth_it(self, version: object) -> bool:
        """False where it would be in vain to remember the call that is being looked at; asked once for each."""
        return self.site.worth_it(moment_variable.get(), version)

    def fill(self, values: Values, version: object, fits: Callable[[list[Any]], bool], *carried: object) -> None:
        """Remember a call that was found clean; ``fits`` tells of what the reads give whether it is what was judged."""
        site, moment = self.site, moment_variable.get()
        value, variable = self._ambient.plain_value(), self._ambient.variable
        if value is UNSET or (variable is not None) is not self.of_variable:
            return
        known: list[Any] = [type(values[0])] if self.of_receiver else []
        if self.of_object:
            record = self._objects.get(values[0])
            if record is None or record.owner is None:
                return
            known = [record]
        leaves = []
        for read in self.reads:
            found = read.follow(values)
            if found is None:
                return
            known += found
            leaves.append(found[-1])
        if fits(leaves):
            last = () if variable is None else (value, variable.get)
            site.remember((*known, moment, moment_variable.get, *last, *carried), version)


class CarryingCheck(Check):
    """One of events: they begin or go on, with the witnesses that are known.

    ``lone`` begins and ends an event that is in no other one; None where such an event is more than that.
    """

    carried = ("witnesses", "lone")
    site_kind = EventSite
    site: EventSite

    def __init__(self, reads: tuple[Read, ...], layout: Layout, audit: Audit) -> None:
        super().__init__(reads, layout, audit)
        self.begun = Cell(self._cells)
        """The events that have begun so."""

    def stands(self, *, alone: bool) -> None:
        """A lone event is all that there is to such a call, where nobody else is asked."""
        self.site.alone = alone

    def retire(self) -> None:
        """Nobody asks any more."""
        super().retire()
        self._cells.retire(self.begun)
