"""The usual event: whoever it names is the user at work. All that watches its layer asks about it in one go.

Whose it is, its name, its payload and its place in its run are read at once. Where anything is not as usual, each point
asks by itself, in the general way, and nothing that was read here counts.
"""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.config.paths import Root
from isolation_audit.instrument.barrier import enter_auditor, inside, leave_auditor
from isolation_audit.instrument.calls.asking import absorb
from isolation_audit.instrument.calls.probe import Probe
from isolation_audit.instrument.cells import Cell
from isolation_audit.instrument.compile.call_reader import Expected, Leaf, call_reader, leaf_of
from isolation_audit.instrument.compile.check import can_give
from isolation_audit.instrument.reading.path_counts import ASKED, GAVE
from isolation_audit.model.contexts import current_moment, emission_variable
from isolation_audit.model.remembered import remembered
from isolation_audit.model.scopes import UNSET
from isolation_audit.model.users import Kind
from isolation_audit.targets.addressing import Addressee
from isolation_audit.targets.content import ContentPoint
from isolation_audit.targets.emission import EmissionPoint
from isolation_audit.targets.progress import ProgressPoint, Stepped

if TYPE_CHECKING:
    from isolation_audit.config.model import Emitter, EventName
    from isolation_audit.config.paths import Path
    from isolation_audit.instrument.calls.interceptors import Before, Guarded, States
    from isolation_audit.instrument.calls.receivers import Receivers
    from isolation_audit.instrument.reading.layout import Layout, Values
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.instrument.tracking.observations import Emission
    from isolation_audit.model.contexts import Moment

_USER: Final = Kind.USER


class _NotInLineError(Exception):
    """A value can't be read in line."""


class UsualEvents:
    """Makes the function for one emitting callable, as often as others are put beside its emission point."""

    def __init__(
        self,
        entry: Emitter,
        method: str,
        event: EventName,
        receivers: Receivers | None,
        layout: Layout,
        runtime: Runtime,
    ) -> None:
        self.entry = entry
        self.receivers = receivers
        self.layout = layout
        self.runtime = runtime
        self.addressee = Addressee(entry, method, layout, runtime)
        self.path = event.path
        self.name = event.name or method.removeprefix(event.strip)

    def joined(self, every: tuple[Guarded, ...], apart: Before) -> UsualEvent | None:
        """One function for these points, the emission's first; None where there are others, or not all is plain."""
        kinds = [type(guarded.interceptor) for guarded in every]
        if kinds != [kind for kind in (EmissionPoint, ContentPoint, ProgressPoint) if kind in kinds]:
            return None
        if self.addressee.to_everyone or (bool(self.addressee) and not self.addressee.single):
            return None
        if self.entry.owner and all(path.root is not Root.SELF for path in self.entry.owner):
            return None  # what is said of each call says of the object whom it serves, which is noted each time
        if not self.layout.exact or (self.receivers is not None and not self.layout.positional):
            return None
        usual = UsualEvent(self, every)
        try:
            usual.compile(apart)
        except _NotInLineError:
            usual.retire()
            return None
        return usual


class UsualEvent:
    """What is asked ``before`` a call of an emitting callable, for the points that there are at this moment."""

    before: Before

    def __init__(self, events: UsualEvents, every: tuple[Guarded, ...]) -> None:
        self._events = events
        self._every = every
        self._leaves: list[Leaf] = []
        cells = events.runtime.tally.cells
        self._passed = Cell(cells)
        """The events that were found to be as usual."""
        self._stepped = Stepped(Cell(cells), Cell(cells), Cell(cells), Cell(cells))
        """The steps of runs among them."""

    def retire(self) -> None:
        """Count in these cells no more."""
        for cell in (self._passed, *self._stepped):
            self._events.runtime.tally.cells.retire(cell)

    def _place(self, key: str, paths: tuple[Path, ...], expected: Expected, asked: Cell, gave: Cell) -> int:
        """The place at which a value will be read; the last one of all where this function can't be given it.

        What is counted by itself where it is there, in ``gave``, may also be missing.
        """
        events = self._events
        counts = events.runtime.paths.of(events.entry, key)
        leaf = leaf_of(paths, events.layout, expected, optional=gave is not asked)
        if leaf is None and any(can_give(path, events.layout) for path in paths):
            raise _NotInLineError
        for path in paths if leaf is None else leaf.asked:
            asked.counts_in(counts(path), ASKED)
        if leaf is None:
            return -1
        gave.counts_in(counts(leaf.asked[-1]), GAVE)
        self._leaves.append(leaf)
        return len(self._leaves) - 1

    def _users(self) -> None:
        """Have those compared whom the call names."""
        events = self._events
        named = (("owner", events.entry.owner), ("addressee", events.addressee.single))
        passed = self._passed
        places = [self._place(key, paths, Expected.USER, passed, passed) for key, paths in named if paths]
        if not places or -1 in places:
            raise _NotInLineError

    def _payloads(self) -> list[int]:
        passed, paths = self._passed, self._events.entry.payload
        places = [self._place("payload", (path,), Expected.GIVEN, passed, passed) for path in paths]
        return [place for place in places if place >= 0]

    def _ids(self) -> list[int]:
        entry, (asked, run, number, pair) = self._events.entry, self._stepped
        return [
            self._place("run", entry.run, Expected.NAME, asked, run),
            self._place("sequence", entry.sequence, Expected.NUMBER, asked, number),
            self._place("pair", entry.pair, Expected.NUMBER, asked, pair),
        ]

    def compile(self, apart: Before) -> None:
        """Make the function; ``apart`` is for the calls that are not as usual.

        Raises:
            _NotInLineError: not all can be read in line.
        """
        events = self._events
        self._passed.counts_in(events.runtime.tally.seen_so_far, self._every[0].place)
        for guarded in self._every:
            self._passed.counts_in(guarded.calls, 0)
        of_content = next((one for one in self._every if type(one.interceptor) is ContentPoint), None)
        of_progress = next((one for one in self._every if type(one.interceptor) is ProgressPoint), None)
        self._users()
        named = () if events.path is None else (events.path,)
        name = self._place("methods", named, Expected.NAME, self._passed, self._passed)
        payloads = self._payloads() if of_content is not None else []
        ids = self._ids() if of_progress is not None else []
        self.before = self._function(apart, of_content, of_progress, name, payloads, ids)

    def _function(  # noqa: C901, PLR0915 - a call of another function costs as much as what it does
        self,
        apart: Before,
        of_content: Guarded | None,
        of_progress: Guarded | None,
        name_at: int,
        payloads: list[int],
        ids: list[int],
    ) -> Before:
        events, first, passed = self._events, self._every[0], self._passed
        read, fixed, whose = call_reader(self._leaves), events.name, events.runtime.ambient
        ambient = whose.current
        receivers = events.receivers
        plain: Any = None if receivers is None else receivers.plain
        accepts: Any = None if receivers is None else receivers.accept
        point: Any = first.interceptor
        begin, layer, tally = point.begin, events.entry.layer, events.runtime.tally
        search = None if of_content is None else of_content.interceptor.search  # type: ignore[attr-defined]
        follow = None if of_progress is None else of_progress.interceptor.follow  # type: ignore[attr-defined]
        run_at, number_at, pair_at = ids or (-1, -1, -1)
        stepped = self._stepped

        def before(values: Values) -> States | None:  # noqa: C901, PLR0912, PLR0915 - as above
            me = get_ident()
            if me in inside:
                return None
            states: States = ()
            at: Any = first
            found: Any = None
            emission: Emission | None = None
            try:
                enter_auditor(me)
                # As Ambient.current() begins, which is not called where nothing has changed.
                moment: Moment | None = current_moment()
                kept = None if moment is None else moment.ambient
                if (
                    kept is not None
                    and kept[1] is remembered.users
                    and kept[0] is whose
                    and not kept[5]
                    and (kept[2] is None or kept[2](UNSET) is kept[3])
                ):
                    user = kept[4]
                else:
                    user = ambient()
                if user is not None and user.login and user.kind is _USER:
                    kind = None if accepts is None else type(values[0])
                    if kind is plain or accepts(kind):
                        found = read(values, user.id)
                if found is not None:
                    name = fixed if name_at < 0 else found[name_at]
                    outer: Emission | None = emission_variable.get()
                    if outer is None or (outer.name is not None and outer.name != name):
                        emission = begin(outer, name, user)
                        emission.claimed, emission.known, emission.verified, emission.depth = user, True, True, 1
                        emission_variable.set(emission)
                        states = ((first, (emission, (outer,))),)
                    elif (
                        outer.depth
                        and outer.claimed is user
                        and outer.ambient is user
                        and outer.name is not None
                        and not outer.audience
                    ):
                        emission = outer
                        tally.passages_so_far[layer] += 1
                        if layer not in outer.layers:
                            outer.layers = (*outer.layers, layer)
                        outer.verified = True
                if emission is not None:
                    passed.clean += 1.0
                    if search is not None:
                        at = of_content
                        for place in payloads:
                            if found[place] is not emission.clean:
                                search(emission, found[place], values)
                    if follow is not None:
                        at = of_progress
                        state = follow(
                            emission, name, values, (found[run_at], found[number_at], found[pair_at]), stepped
                        )
                        if state is not None:
                            states += ((at, state),)
                    return states or None
            except Exception as error:
                absorb(at, states, error)
                return states or None
            except BaseException as error:
                Probe.failed(states, error)
                raise
            finally:
                leave_auditor(me)
            return apart(values)

        return before
