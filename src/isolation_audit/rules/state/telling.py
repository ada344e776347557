"""What is told of state: between which places, on which path, unless an entry of the configuration allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite import sites
from isolation_audit.model.rules import Severity
from isolation_audit.rules.state.crossed import Crossed
from isolation_audit.rules.state.meant import is_asked_by_path
from isolation_audit.rules.state.paths import Paths
from isolation_audit.rules.state.remedies import remedy, target_of
from isolation_audit.rules.state.shared import SharedState
from isolation_audit.rules.state.words import diagram, words

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.rules.state.literals import Literals
    from isolation_audit.rules.state.paths import StatePath
    from isolation_audit.rules.state.read_inputs import ReadInputs
    from isolation_audit.rules.state.records import Write
    from isolation_audit.rules.state.taken import Taken
    from isolation_audit.rules.state.units import Unit

__builtins__ = BUILTINS


class Telling:
    """One audit's."""

    def __init__(self, runtime: Runtime, literals: Literals) -> None:
        self._runtime = runtime
        self._content = runtime.content
        self._literals = literals
        self._shared = runtime.part(SharedState)
        self._paths = Paths()

    def path(self, container: int, files: tuple[str, str], numbers: tuple[int, int]) -> StatePath | None:
        """The way from a module to a container, if there is one."""
        return self._paths.of(container, files, numbers)

    def names_reader(self, key: str, unit: Unit) -> bool:
        """True for a key that is the reader's id, or has it in it."""
        if unit.user is None:
            return False
        marks = [] if self._content is None else self._content.marks_of_text(key)[0]
        return unit.user.id in {key, *(mark.user.id for mark in marks)}

    def read(self, why: str, severity: Severity, unit: Unit, taken: Taken, asked: ReadInputs | None) -> bool:
        """Tell of a read; False where the path shows that it is meant for the reader, who has ``asked`` for it."""
        write = taken.write
        read, written = sites.site(taken.site), sites.site(write.site)
        path = self._paths.of(taken.container, (read.file, written.file), (taken.site, write.site))
        keys = () if path is None else path.keys
        if any(self.names_reader(key, unit) for key in keys):
            return False
        if path is not None and asked is not None and is_asked_by_path(path, asked, (read, written)):
            return False
        if path is None and write.loaded and (taken.of_many or taken.among_others):
            return False  # in a cache of what was read, under keys that are not known
        if taken.kind == "queued" and (path is None or path.is_among_others):
            return False  # somebody's mailbox: whoever puts something in means them
        policy = self._shared.policy(path, taken.key, taken.container_class)
        if policy == "allow":
            return False
        self._runtime.publish(
            Crossed(
                why,
                Severity.ERROR if policy == "guard" else severity,
                unit.user,
                write.unit.user,
                read,
                written,
                taken.stack,
                words(path, (taken.kind, taken.key), (read, written), self._literals, taken.container_class),
                taken.described,
                (*(() if path is None else path.classes), taken.container_class),
                remedy(path, taken.key, taken.container_class),
                diagram(path, (read, written), self._literals),
                target_of(path, taken.key, read, taken.container_class),
            )
        )
        return True

    def stored(
        self,
        unit: Unit,
        write: Write,
        before: Write,
        container: int,
        kind: str,
        key: object,
        why: str,
        severity: Severity,
    ) -> None:
        """Tell of a place to which two units have stored."""
        here, there = sites.site(write.site), sites.site(before.site)
        path = self._paths.of(container, (here.file, there.file), (write.site, before.site))
        if path is None and severity is Severity.NOTE:
            return  # it may be two places: where one object has gone, another one gets its identity
        if self._shared.policy(path, key, "") == "allow":
            return
        shown = words(path, (kind, key), (here, there), self._literals)
        found = (unit.user, before.unit.user, here, there, (), shown, write.described)
        told = Crossed(why, severity, *found, remedy=remedy(path, key, ""), target=target_of(path, key, here))
        self._runtime.publish(told)
