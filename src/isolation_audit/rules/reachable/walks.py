"""Depth ``heap``: what is still reachable when a user's work is over, and what two users' engines both lead to.

A walk from the application's modules looks for what proves by itself whose it is: canaries and secrets, and objects
with an owner. That something can be reached says little: stores that are kept by user can be, too. So a place that
names its user, by a key or by what lies beside, is never told.
"""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from itertools import islice
from threading import local
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final

from isolation_audit.analysis.frames import is_installed, is_of_tests
from isolation_audit.content import secrets
from isolation_audit.instrument.heap.parts import parts
from isolation_audit.instrument.heap.walk import Walk, Way, mermaid
from isolation_audit.instrument.originals import BUILTINS
from isolation_audit.instrument.rewrite.methods import QUEUES
from isolation_audit.model.open_units import open_units
from isolation_audit.model.users import Kind, same
from isolation_audit.rules.lifetime.lifetimes import Lifetimes
from isolation_audit.rules.reachable.found import Common, Left
from isolation_audit.rules.state.contents import described, is_of_the_process, is_scalar, names
from isolation_audit.rules.state.literals import Literals
from isolation_audit.rules.state.paths import StatePath, is_ours, longer, modules_by_nearness, of_module
from isolation_audit.rules.state.remedies import remedy
from isolation_audit.rules.state.shared import SharedState
from isolation_audit.rules.state.watch import StateWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.instrument.runtime import Runtime
    from isolation_audit.model.owner_records import Record
    from isolation_audit.model.users import User
    from isolation_audit.rules.reachable.found import Reachable

__builtins__ = BUILTINS

_LARGEST: Final = 200_000
_SECONDS: Final = 2.0
"""The budget of one walk while the application runs; at the end of a test or of the audit, five times of it."""
_AT_END: Final = 5

_SHARE: Final = 50
"""A walk is made again after so many times as long as the last one took."""

_ENGINES: Final = 200
_OF_ENGINE: Final = 2_000
"""Objects that are looked at from one engine."""

_TOLD: Final = 20
"""Places that one walk tells of."""

_KEEPING: Final = (ContextVar, local, *QUEUES)
"""Of what belongs to the process, what keeps something for the application."""

_RECORD: Final = 50
"""Parts that an object has at most to count as a record, which says of everything in it whose it is."""


class HeapWatch:
    """The walks of one audit."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        state = runtime.part(StateWatch)
        self._units, self._records = state.units, state.records
        self._shared = runtime.part(SharedState)
        self._literals = Literals()
        self._told: set[tuple[str, str]] = set()
        self._next = 0.0
        self._begun = open_units.begun
        self.walks = 0
        self.partial = 0
        """Walks that came to the end of their budget first."""
        runtime.settling.append(self._settle)

    def _settle(self, grace: float) -> None:
        if grace and monotonic() < self._next:
            return
        over = self._over()
        if not over:
            return
        started, more = perf_counter(), 1 if grace else _AT_END
        self._left(over, more)
        self._common()
        self._next = monotonic() + _SHARE * (perf_counter() - started)

    def _over(self) -> dict[str, User]:
        """Users whose work is over: their last unit has ended, or nobody's work is running any more."""
        over = self._units.take_over()
        if open_units.begun != self._begun and not open_units.any():
            self._begun = open_units.begun
            found = [self._runtime.users.token(name) for name in {name for _text, name in secrets.known()}]
            over.update((user.id, user) for user in found if user is not None and user.kind is Kind.USER)
        return over

    def as_dict(self) -> dict[str, int]:
        """How often the heap was walked, for coverage."""
        return {"walks": self.walks, "partial": self.partial}

    # What has stayed

    def _left(self, over: dict[str, User], more: int) -> None:
        owned = {text: user for text, name in secrets.known() if (user := over.get(name)) is not None}
        tagged = {id(obj) for obj, record in self._engines() if record.owner is not None and record.owner.id in over}
        if not owned and not tagged:
            return
        search = re.compile("|".join(map(re.escape, owned))).search if owned else None
        walk = Walk(_LARGEST * more, _SECONDS * more, lambda value: is_ours(type(value)) or _is_dull(value))
        self.walks += 1
        told = 0
        for value, way in walk.through(_roots()):
            user = self._whose(value, over, owned, search, tagged)
            if user is not None and told < _TOLD and not _names(way, user):
                told += self._tell_left(value, way, user)
        self.partial += bool(walk.partial)

    def _whose(self, value: Any, over: dict[str, User], owned: dict[str, User], search: Any, tagged: set[int]) -> Any:
        if type(value) is str:
            found = None if search is None else search(value)
            return None if found is None else owned[found[0]]
        if id(value) in tagged:
            record = self._runtime.objects.get(value)
            return over.get(record.owner.id) if record is not None and record.owner is not None else None
        return None

    def _tell_left(self, value: Any, way: Way, user: User) -> bool:
        # A secret that no work has brought may be the application's own, and there for good.
        if type(value) is str and secrets.canary_of(user.id) not in value and not self._was_written(way, user):
            return False
        if type(value) is not str and _path(way).is_among_others:
            return False  # a registry or a pool, which knows whose each is
        why = "it holds {owner}'s canary or secret" if type(value) is str else "it is an object of {owner}'s"
        return self._publish(Left, f"{why}, and {{owner}}'s work is over", (user, None), value, way)

    def _was_written(self, way: Way, user: User) -> bool:
        for step in way.steps():
            entry = self._records.of(id(step.holder))
            writes = [] if entry is None else [write for _key, write in entry.latest()]
            if any(same(write.unit.user, user) for write in writes if write.unit.user is not None):
                return True
        return False

    # What two users' engines lead to

    def _engines(self) -> list[tuple[Any, Record]]:
        lifetimes = self._runtime.part(Lifetimes)
        found = self._runtime.objects.owned(_ENGINES)
        return [(obj, record) for obj, record in found if record.built_by and not lifetimes.watches(obj)]

    def _common(self) -> None:
        seen: dict[int, tuple[User, Any]] = {}
        found = [one for one in self._runtime.objects.owned(_ENGINES) if one[1].built_by]
        told = 0
        for engine, record in found:
            owner = record.owner
            if owner is None or owner.kind is not Kind.USER:
                continue
            passes = lambda value: is_ours(type(value)) or _is_dull(value) or type(value) is type  # noqa: E731
            root = Way(None, None, f"{type(engine).__qualname__}", _target_of(engine))
            for value, way in Walk(_OF_ENGINE, _SECONDS, passes).through(_of_engine(engine, root)):
                if value is engine or not _can_be_changed(value):
                    continue
                other, _kept = seen.setdefault(id(value), (owner, value))
                if other is not owner and not same(other, owner) and told < _TOLD:
                    told += self._tell_common(value, way, (other, owner))

    def _tell_common(self, value: Any, way: Way, users: tuple[User, User]) -> bool:
        owner, certain = self._proven(value, users)
        if owner is None or any(_names(way, user) for user in users):
            return False
        second = users[0] if owner is users[1] else users[1]
        why = "engines of {owner} and {other} both lead to it, and {owner}'s work has left something in it"
        return self._publish(Common, why, (owner, second), value, way, certain=certain)

    def _proven(self, value: Any, users: tuple[User, User]) -> tuple[User | None, bool]:
        """Whose data lies there at a place that does not name them; True where a canary says so."""
        inside = list(islice(parts(value), _OF_ENGINE))
        if len(inside) < _RECORD:
            users = tuple([user for user in users if user.id not in names(value)])  # type: ignore[assignment]
        for user in users:
            canary = secrets.canary_of(user.id)
            if canary and any(canary in text for inner, _word, key in inside for text in _texts_of(inner, key, user)):
                return user, True
        entry = self._records.of(id(value))
        for _place, write in [] if entry is None else list(entry.latest()):
            writer = write.unit.user
            if writer is None or not write.atoms or not any(same(writer, user) for user in users):
                continue
            if any(write.is_of(inner) and _texts_of(inner, key, writer) for inner, _word, key in inside):
                return writer, False
        return None, False

    # Telling

    def _publish(
        self,
        kind: type[Reachable],
        why: str,
        users: tuple[User, User | None],
        value: Any,
        way: Way,
        *,
        certain: bool = True,
    ) -> bool:
        path = _path(way)
        holder = type(way.holder) if way.holder is not None else type(value)
        container_class = f"{type.__getattribute__(holder, '__module__')}:{holder.__qualname__}"
        target = path.target
        if (why, target) in self._told or self._shared.policy(path, None, container_class) == "allow":
            return False
        self._told.add((why, target))

        def is_known(one: str) -> bool:
            return self._literals.hold(one.casefold(), ())

        words = path.words(is_known)
        diagram = mermaid(path.shown(is_known))
        self._runtime.publish(
            kind(why, users, words, described(value), target, diagram, remedy(path, None, container_class), certain)
        )
        return True


def _roots() -> Iterator[tuple[Any, Way]]:
    for modules in modules_by_nearness(frozenset()):
        for name, module in modules:
            file = vars(module).get("__file__")
            if type(file) is str and not is_installed(file) and not is_of_tests(file):
                for value, path in of_module(name, module):
                    yield value, Way(None, module, str(path.steps[0]), path)


def _of_engine(engine: Any, root: Way) -> Iterator[tuple[Any, Way]]:
    """An engine, and what its class has for all of them."""
    yield engine, root
    for cls in type(engine).__mro__:
        if not is_installed(getattr(sys.modules.get(cls.__module__), "__file__", None) or ""):
            for name, value in list(vars(cls).items()):
                if not name.startswith("__"):
                    yield value, Way(root, engine, f".{name}")


def _path(way: Way) -> StatePath:
    root, *steps = way.steps()
    path = root.key if type(root.key) is StatePath else StatePath((root.word,), str(root.key))
    for step in steps:
        path = longer(path, step.holder, step.word, step.key)
    return path


def _names(way: Way, user: User) -> bool:
    """True where a key, or a record on the way, says that it is the user's."""
    for step in way.steps():
        if step.before is None or (step.before.holder is None and not isinstance(step.before.key, StatePath)):
            continue  # a module; or an engine, which is one user's as a whole
        if _is_key_of(step.key, user):
            return True
        size = len(list(islice(parts(step.holder), _RECORD)))
        if size < _RECORD and user.id in names(step.holder):
            return True
    return False


def _is_key_of(key: object, user: User) -> bool:
    return type(key) is str and re.search(rf"(?<!\w){re.escape(user.id)}(?!\w)", key) is not None


def _texts_of(value: Any, key: object, user: User) -> list[str]:
    """The texts of a part that neither its key nor another of its texts says to be the user's."""
    found = [] if _is_key_of(key, user) else names(value)
    return [] if user.id in found else found


def _target_of(engine: Any) -> str:
    cls = type(engine)
    return f"{type.__getattribute__(cls, '__module__')}:{cls.__qualname__}"


def _is_dull(value: Any) -> bool:
    """True for what belongs to the process: nobody keeps something there, and it leads everywhere."""
    kind = type(value)  # isinstance() would have a lazy object come to life
    if issubclass(kind, type):
        file = getattr(sys.modules.get(str(type.__getattribute__(value, "__module__"))), "__file__", None)
        return file is None or is_installed(file)
    return is_of_the_process(value) and not callable(value) and not issubclass(kind, _KEEPING)


def _can_be_changed(value: Any) -> bool:
    fixed = issubclass(type(value), (str, bytes, tuple, frozenset, type))
    return not (fixed or is_scalar(value) or is_of_the_process(value))
