"""The example's faults under the auditor, one at a time: each has to be caught by the rule that is meant."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isolation_audit.cli.example import (
    AUDITED_LOG,
    audited,
    cleared,
    drive,
    example_folder,
    program,
    read_report,
    server,
)
from isolation_audit.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One switch of the example: what goes wrong, and the rule that has to say so."""

    name: str
    description: str
    rule: str
    engine: str

    @property
    def has_rule(self) -> bool:
        """False where this version has no such rule yet."""
        from isolation_audit.rules import all_rules

        return self.rule in all_rules()

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "name": self.name,
            "description": self.description,
            "rule": self.rule,
            "engine": self.engine,
            "has_rule": self.has_rule,
        }


@dataclass(frozen=True, slots=True)
class FaultResult:
    """What the auditor said of one fault."""

    fault: Fault
    users: int
    foreign_events: int
    path: Path
    report: dict[str, Any]

    @property
    def as_expected(self) -> bool:
        """The meant rule reported, and no other rule an error."""
        errors = {finding["rule"] for finding in self.report["findings"] if finding["severity"] == "error"}
        return self.fault.rule in self.report["summary"]["findings"] and errors <= {self.fault.rule}

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "schema": 1,
            "users": self.users,
            "fault": self.fault.name,
            "expected": self.fault.rule,
            "as_expected": self.as_expected,
            "findings": self.report["summary"]["findings"],
            "foreign_events_seen_by_clients": self.foreign_events,
        }


def known_faults() -> dict[str, Fault]:
    """The faults of the example, by name."""
    tables = tomllib.loads((example_folder() / "faults.toml").read_text(encoding="utf-8"))
    return {name: Fault(name, table["description"], table["rule"], table["engine"]) for name, table in tables.items()}


async def provoke(name: str, users: int, seed: int, directory: Path, say: Callable[[str], None]) -> FaultResult:
    """Run the example with one fault under load, and read what the auditor said.

    Raises:
        UsageError: there is no such fault, or the example did not run to its end.
    """
    faults = known_faults()
    if name not in faults:
        raise UsageError(f"the example has no fault {name!r}; it has {', '.join(faults)}")
    fault = faults[name]
    directory = cleared(directory)
    command = audited(program(fault.engine, users, seed, "--fault", name), directory)
    say("starting")
    async with server(command, directory / AUDITED_LOG) as url:
        say("under load")
        load = await drive(url, users, seed, directory / AUDITED_LOG)
        say("stopping")
    return FaultResult(fault, users, load.foreign_events, directory / "report.json", read_report(directory))
