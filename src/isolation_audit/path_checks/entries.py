"""Each entry of the configuration: which of its keys are read in which calls, and what can be said of them."""

from __future__ import annotations

import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from isolation_audit.config.paths import Path, Root
from isolation_audit.instrument.patching.methods import emitting_methods, instance_methods
from isolation_audit.instrument.resolve import Resolved, UnresolvedError, find, function_of, resolve
from isolation_audit.path_checks.annotations import UNKNOWN
from isolation_audit.path_checks.fitting import Callee, fit
from isolation_audit.path_checks.habits import from_calls, reads_only, unwatched_object
from isolation_audit.path_checks.verdicts import Fit, Remark, Verdict
from isolation_audit.targets.applying import entered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isolation_audit.config.model import Config, Deprecation, Emitter, Engine, Target

_SHOWN = 4
"""Names that one remark lists."""


class PathChecks:
    """The remarks on one configuration, whose modules are imported."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._ids: tuple[str, ...] = config.identity.id_types

    def remarks(self) -> dict[tuple[str, str], list[Remark]]:
        """By target and role, what there is to say; targets that do not resolve are told elsewhere."""
        found: dict[tuple[str, str], list[Remark]] = {}
        for target, role, remarks in self._all():
            try:
                said = found.setdefault((str(target), role), [])
                said += _put_together(list(dict.fromkeys(remarks)))
            except UnresolvedError:
                continue
        return found

    def _all(self) -> Iterator[tuple[Target, str, Iterator[Remark]]]:
        config = self._config
        for engine in config.engines:
            yield engine.target, "engine", self._engine(engine)
        for deprecation in config.deprecations:
            yield deprecation.target, "deprecation", self._deprecation(deprecation)
        for emitter in config.emitters:
            yield emitter.target, "emitter", self._emitter(emitter)
        for rooms in config.rooms:
            yield rooms.join, "rooms", self._calls(rooms.join, {"room": rooms.room}, {"member": rooms.member})
            for target in rooms.leave:
                yield target, "rooms", self._calls(target, {"room": rooms.room}, {})
        for scope in config.scopes:
            yield scope.target, "scope", self._scope(scope.target, scope.user)

    # Roles

    def _engine(self, entry: Engine) -> Iterator[Remark]:
        resolved = _resolved(entry.target)
        if resolved is None or resolved.cls is None:
            return
        cls = resolved.cls
        made = [_construction(cls), *self._constructors(entry.constructors, cls)]
        used = [_method(cls, name, raw) for name, raw in instance_methods(cls, entry.methods)]
        yield from self._owner(entry.owner, made, used)
        yield from from_calls(cls, "owner", entry.owner, made, used)
        yield from reads_only(cls, entry.methods, used, "is compared with its owner")

    def _deprecation(self, entry: Deprecation) -> Iterator[Remark]:
        resolved = _resolved(entry.target) if entry.target.qualname else None
        if resolved is None:
            return
        first = _construction(resolved.cls) if resolved.cls is not None else _function(resolved)
        made = [first, *self._constructors(entry.constructors, resolved.cls or UNKNOWN)]
        yield from self._owner(entry.owner, made, [])

    def _emitter(self, entry: Emitter) -> Iterator[Remark]:
        resolved = _resolved(entry.target)
        if resolved is None:
            return
        cls = resolved.cls
        if cls is None:
            callees = [_function(entered(resolved))]
            yield from self._owner(entry.owner, [], callees)
        else:
            emitting = list(emitting_methods(cls, entry))
            callees = [_method(cls, name, raw) for name, raw, _event in emitting]
            made = [_construction(cls)]
            yield from self._owner(entry.owner, made, callees)
            yield from from_calls(cls, "owner", entry.owner, made, callees)
            globs = tuple([glob for glob, _event in entry.methods])
            yield from reads_only(cls, globs, callees, "counts as an event")
            for callee, (_name, _raw, event) in zip(callees, emitting, strict=True):
                if event.path is not None:
                    yield from self._key("methods", (event.path,), [callee], needed=False)
        if cls is None and entry.event.path is not None:
            yield from self._key("event", (entry.event.path,), callees, needed=False)
        told = [callee for callee in callees if not any(fnmatchcase(callee.name, glob) for glob in entry.broadcast)]
        yield from self._key("addressee", entry.addressee, told, ids=self._ids)
        for key in ("payload", "run", "sequence", "pair"):
            yield from self._key(key, getattr(entry, key), callees, needed=False)

    def _calls(
        self, target: Target, plain: dict[str, tuple[Path, ...]], users: dict[str, tuple[Path, ...]]
    ) -> Iterator[Remark]:
        resolved = _resolved(target)
        if resolved is not None:
            for key, paths in plain.items():
                yield from self._key(key, paths, [_function(resolved)])
            for key, paths in users.items():
                yield from self._key(key, paths, [_function(resolved)], ids=self._ids)

    def _scope(self, target: Target, paths: tuple[Path, ...]) -> Iterator[Remark]:
        resolved = _resolved(target)
        if resolved is not None:
            inside = entered(resolved)
            yield from unwatched_object(target, resolved, inside)
            yield from self._key("user", paths, [_function(inside)], ids=self._ids)

    @staticmethod
    def _constructors(targets: tuple[Target, ...], cls: Any) -> list[Callee]:
        found = [_resolved(target) for target in targets]
        return [_function(one, result=cls) for one in found if one is not None]

    # Keys

    def _owner(self, paths: tuple[Path, ...], made: list[Callee], used: list[Callee]) -> Iterator[Remark]:
        """An owner is read where an object is made, and again where it is used: one of both is enough."""
        for path in paths:
            verdicts = {callee.name: fit(path, callee, self._ids) for callee in [*made, *used]}
            best = max(verdicts.values(), key=lambda verdict: verdict.fit, default=None)
            if best is not None and best.fit is not Fit.GOOD:
                yield _remark("owner", path, best, next(iter(verdicts.values())))

    def _key(
        self,
        key: str,
        paths: tuple[Path, ...],
        callees: list[Callee],
        *,
        ids: tuple[str, ...] = (),
        needed: bool = True,
    ) -> Iterator[Remark]:
        served: set[str] = set()
        partial: list[tuple[Path, list[str], str]] = []
        for path in paths:
            if path.root is Root.EVERYONE:
                return
            verdicts = {callee.name: fit(path, callee, ids) for callee in callees}
            misfits = [name for name, verdict in verdicts.items() if verdict.fit is Fit.NEVER]
            served.update(verdicts.keys() - set(misfits))
            best = max(verdicts.values(), key=lambda verdict: verdict.fit, default=None)
            if best is not None and best.fit is not Fit.GOOD:
                yield _remark(key, path, best, next(iter(verdicts.values())))
            elif misfits:
                partial.append((path, misfits, verdicts[misfits[0]].reason))
        for path, misfits, reason in partial:
            fitting = f"{len(callees) - len(misfits)} of {len(callees)} methods, not {_names(misfits)}"
            bare = needed and not served.issuperset(misfits)
            yield Remark("warning" if bare else "note", f"{key}: {path.text} fits {fitting} ({reason})")


def _remark(key: str, path: Path, best: Verdict, first: Verdict) -> Remark:
    if best.fit is Fit.NEVER:
        return Remark("error", f"{key}: {path.text} can never give a value: {first.reason}")
    if best.fit is Fit.DOUBTFUL:
        return Remark("warning", f"{key}: {path.text} will hardly give a value: {best.reason}")
    return Remark("open", f"{key} {path.text} ({best.reason})")


def _put_together(remarks: list[Remark]) -> list[Remark]:
    unknown = [remark.text for remark in remarks if remark.level == "open"]
    rest = [remark for remark in remarks if remark.level != "open"]
    return [*rest, Remark("note", f"only a run can tell: {'; '.join(unknown)}")] if unknown else rest


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _resolved(target: Target) -> Resolved | None:
    module = sys.modules.get(target.module)
    if module is None or not target.qualname:
        return None
    try:
        return resolve(module, target)
    except UnresolvedError:
        return None  # the table of targets tells of it


def _construction(cls: type) -> Callee:
    raw = find(cls, "__init__")[1]
    return Callee("the constructor", cls if function_of(raw) is None else raw, cls, cls, cls)


def _method(cls: type, name: str, raw: Any) -> Callee:
    return Callee(name, raw, cls, cls)


def _function(resolved: Resolved, result: Any = UNKNOWN) -> Callee:
    instance = resolved.owner if isinstance(resolved.owner, type) else UNKNOWN
    return Callee(resolved.name, resolved.raw, resolved.owner, instance, result)
