"""The verdict on a report's coverage: one word, and each reason for it with its remedy. Pure: counts in, words out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.roles import PASSIVE_ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Report = dict[str, Any]

AUDITED: Final = "audited"
PARTLY: Final = "partly blind"
BLIND: Final = "blind"
IDLE: Final = "idle"
VERDICTS: Final = (AUDITED, PARTLY, BLIND, IDLE)

FEW: Final = 0.1
"""A smaller share of requests of known users is a reason, once there are ``ENOUGH`` requests."""
ENOUGH: Final = 20

_KINDS: Final = ("requests", "messages", "jobs")
_APPLIED: Final = ("applied", "late")
_CALLED: Final = {"engine": "[[engines]]", "emitter": "[[emitters]]", "scope": "[[scopes]]"}
"""Roles whose targets are there to be called; that no deprecated engine is built is what everybody hopes for."""
_LISTED_ONLY: Final = ("[identity] bind",)
"""Paths that may well give nothing in a run; they are listed, and are no reason."""

WHO: Final = (
    "tell the auditor who is running: [ambient] contextvar or holders, [[users]], user_scope(), [[scopes]], or "
    "identity.detect, identity.headers and identity.claims; docs/reference/users.md says what is found without"
)


BLINDNESS: Final = {"blind": (BLIND,), "partly-blind": (BLIND, PARTLY)}
"""The verdicts that meet each word of an option ``--fail-on``."""


def is_blind(report: Report, words: Iterable[str]) -> bool:
    """Whether the verdict on a report's coverage is one that an option names."""
    return any(report["coverage"]["verdict"] in BLINDNESS.get(word, ()) for word in words)


def judge(report: Report) -> dict[str, Any]:
    """The part ``coverage`` of ``report``, with its verdict and reasons."""
    counts = {key: value for key, value in report.get("coverage", {}).items() if key not in ("verdict", "reasons")}
    judged = _Judgement(report, counts)
    reasons = [
        {"reason": reason, "remedy": remedy, "told_by": told_by[0] if told_by else None}
        for reason, remedy, *told_by in judged.reasons()
    ]
    return {"verdict": judged.word(bool(reasons)), "reasons": reasons, **counts}


class _Judgement:
    """What is asked of one report."""

    def __init__(self, report: Report, counts: dict[str, Any]) -> None:
        self._report = report
        self._summary = report.get("summary", {})
        self._counts = counts
        self._targets = [row for row in report.get("targets", ()) if row["role"] not in PASSIVE_ROLES]
        self._calls = sum(row["seen"] for row in self._targets)
        self._events: int = self._summary.get("events_total", 0)
        told = self._summary.get("users_by_source", {})
        variable = max(told.get("ambient", 0), self._summary.get("ambient_told", 0))
        self._said = self._summary.get("scopes", 0) + variable
        """How often the application itself has said for whom it works."""
        self._crossed = any(row["rule"].startswith("IA2") for row in report.get("findings", ()))

    def word(self, reasons: bool) -> str:
        """The verdict."""
        sighted = self._sighted()
        if reasons:
            return PARTLY if sighted else BLIND
        return AUDITED if sighted else IDLE

    def reasons(self) -> Iterator[tuple[str, ...]]:
        """Each reason, what to do about it, and the rule of the finding that tells of it already, if there is one."""
        if self._report.get("run", {}).get("processes", None) == []:
            yield (
                "no process of the program loaded the auditor",
                "install isolation-audit for the Python that runs the program, and start that Python without -E or -I",
            )
            return
        yield from self._stopped_aside()
        yield from self._work()
        yield from self._unwatched()
        yield from self._targets_of_the_configuration()
        yield from self._paths()
        yield from self._events_without_witnesses()

    def _seen(self, kind: str) -> tuple[int, int]:
        found: dict[str, int] = self._counts.get(kind, {})
        return found.get("seen", 0), found.get("known", 0)

    def _known(self) -> int:
        """Units of work whose user was known."""
        by_configuration: int = sum(row["known"] for row in self._counts.get("unwatched", {}).values())
        return by_configuration + sum(self._seen(kind)[1] for kind in _KINDS)

    def _sighted(self) -> bool:
        """Whether anything at all was seen of which a finding could have come."""
        if self._known() or self._said:
            return True
        if any(row["rule"] < "IA9" for row in self._report.get("findings", ())):
            return True
        asked = [row for row in self._counts.get("paths", ()) if row["asked"]]
        if any(row["gave"] for row in asked):
            return True
        # A target that is called, and needs no user to be judged: a deprecated engine, say.
        return self._calls > 0 and not asked and not self._unverified()

    def _unverified(self) -> bool:
        unverified: int = self._summary.get("events_unverified", 0)
        return 0 < self._events <= unverified

    def _stopped_aside(self) -> Iterator[tuple[str, ...]]:
        for row in self._report.get("findings", ()):
            if row["rule"] == "IA904" and row.get("target"):
                yield row["message"], "audit the application with another kind of worker: threads or asyncio", "IA904"

    def _work(self) -> Iterator[tuple[str, ...]]:
        for kind in _KINDS:
            seen, known = self._seen(kind)
            if seen and not known:
                # Housekeeping is nobody's, and may be; a message may come before the scope that says whose it is.
                told = {"requests": 0, "messages": self._said, "jobs": self._known() or self._said}
                if not told[kind]:
                    yield f"none of the {seen} {kind} had a known user", WHO
            elif kind == "requests" and seen >= ENOUGH and known < FEW * seen:
                yield f"only {known} of the {seen} requests had a known user", WHO

    def _unwatched(self) -> Iterator[tuple[str, ...]]:
        for name, row in self._counts.get("unwatched", {}).items():
            if not row["known"]:
                times = f" ({row['seen']} {row['unit']})" if row["unit"] else ""
                yield f"{name} is at work and not watched{times}", row["remedy"]
        for name, row in self._counts.get("listeners", {}).items():
            if not row["watched"] and not self._said and row["accepted"]:
                yield (
                    f"{name} has accepted {row['accepted']} connection(s), and nothing watches what serves them",
                    "name the functions that serve one user under [[scopes]], or wrap their work in user_scope()",
                )

    def _targets_of_the_configuration(self) -> Iterator[tuple[str, ...]]:
        targets = self._targets
        missing = [row["target"] for row in targets if row["state"] == "missing"]
        if missing:
            yield f"not found, so not watched: {_listed(missing)}", "isolation-audit check says what is wrong", "IA901"
        there = [row for row in targets if row["state"] not in ("missing", "absent")]
        if not there:
            return
        applied = [row for row in there if row["state"] in _APPLIED]
        remedy = "check that the targets are the ones that the application uses: isolation-audit check"
        if not applied:
            yield f"none of the {len(there)} targets' modules was ever imported", remedy
        elif not self._calls:
            yield f"{len(applied)} target(s) instrumented, none of them was ever called", remedy
        else:
            for role, table in _CALLED.items():
                rows = [row for row in there if row["role"] == role]
                if rows and not any(row["seen"] for row in rows) and not self._built_otherwise(role):
                    yield f"nothing of {table} was ever called: {_listed(row['target'] for row in rows)}", remedy

    def _built_otherwise(self, role: str) -> bool:
        """In the middle of a migration, a run may build deprecated engines only."""
        return role == "engine" and self._summary.get("deprecated_engines_built", 0) > 0

    def _paths(self) -> Iterator[tuple[str, ...]]:
        places: dict[str, list[dict[str, Any]]] = {}
        for row in self._counts.get("paths", ()):
            if row["asked"] and not row["where"].startswith(_LISTED_ONLY):
                places.setdefault(row["where"], []).append(row)
        for where, rows in places.items():
            if not any(row["gave"] for row in rows):
                calls = max(row["asked"] for row in rows)
                yield (
                    f"{_listed(row['path'] for row in rows)} of {where} gave no value in {calls} call(s)",
                    _CORRECT,
                )

    def _events_without_witnesses(self) -> Iterator[tuple[str, ...]]:
        if self._unverified() and not self._crossed:
            yield (
                f"{self._events} event(s) seen, and never two witnesses to compare",
                "give the emitters an addressee or an owner, and [ambient] the variable that the application sets",
            )


_MOST: Final = 3

_CORRECT: Final = (
    "correct the path: isolation-audit check compares it with the signature of what it is read from; "
    "where a part is lazy, as Django's request.user is, name a function that runs once it is loaded"
)


def _listed(names: Any) -> str:
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return ", ".join(found[:_MOST]) + more
