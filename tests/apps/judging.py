"""One application: bare beside audited, then with its planted leaks; and what is made of the reports."""

from __future__ import annotations

import ast
import traceback
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING, Any

from comparing import differences
from driving import Web
from serving import prepare, serving

if TYPE_CHECKING:
    from catalogue import App, Plant
    from driving import Step

KNOWN = 0.99
"""The part of the authenticated requests whose user must be known."""

PLANTED = "planted.py"


@dataclass
class Row:
    """What came of one application."""

    app: str
    requests: int = 0
    authenticated: int = 0
    known: int = 0
    verdict: str = ""
    p50: float = 0.0
    p95: float = 0.0
    differences: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    notes: int = 0
    faults: int = 0
    planted: dict[str, str] = field(default_factory=dict)
    """The function that leaks -> the rules that have told of it, or why not."""
    missed: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def failed(self) -> bool:
        """True where something is not as it should be."""
        few = self.known < KNOWN * self.authenticated
        return bool(self.differences or self.findings or self.faults or self.missed or self.error or few)


def judge(app: App, python: Path, folder: Path, *, plants: bool = True) -> Row:
    """Drive the application on two servers, then, audited, with what is planted into it."""
    row = Row(app.name)
    try:
        state = prepare(app, python, folder / "prepared")
        _healthy(app, python, state, folder, row)
        if plants and app.plants:
            _planted(app, python, state, folder, row)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        row.error = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}: {error}"
    return row


def _healthy(app: App, python: Path, state: Path, folder: Path, row: Row) -> None:
    driver = app.driver()
    with ExitStack() as stack:
        bare = stack.enter_context(serving(app, python, state, folder / "bare", audited=False))
        audited = stack.enter_context(serving(app, python, state, folder / "audited", audited=True))
        web = stack.enter_context(Web([bare.port, audited.port]))
        for number in range(app.rounds):
            web.warm = number > 0
            driver.drive(web, number)
    row.requests, row.authenticated = len(web.steps), web.authenticated.total()
    row.differences = differences(web.steps, app.varies)
    row.p50, row.p95 = latencies(web.steps)
    weigh(row, audited.report())


def latencies(steps: list[Step]) -> tuple[float, float]:
    """The median and the 95th percentile of the audited server's times, as multiples of the bare one's."""
    warm = [step.seconds for step in steps if step.warm] or [step.seconds for step in steps]
    if len(warm) < 2:
        return 0.0, 0.0
    bare, audited = (quantiles([pair[side] for pair in warm], n=20) for side in (0, 1))
    return audited[9] / bare[9], audited[18] / bare[18]


def weigh(row: Row, report: dict[str, Any]) -> None:
    """What the auditor says of the healthy application."""
    row.known = min(
        row.authenticated, report["coverage"]["requests"]["known"] + report["coverage"]["messages"]["known"]
    )
    row.verdict = report["coverage"]["verdict"]
    row.faults = report["summary"]["faults"]
    for finding in report["findings"]:
        if finding["severity"] == "note":
            row.notes += 1
        else:
            row.findings.append(told(finding))


def told(finding: dict[str, Any]) -> str:
    """A finding on one line."""
    route = f" ({finding.get('method', '')} {finding['route']})" if finding.get("route") else ""
    field_ = f" {finding['field']}" if finding.get("field") else ""
    return (
        f"{finding['rule']} {finding['severity']} {finding['count']} times at {_place(finding)}: "
        f"{finding['message']}{route}{field_}"
    )


def _place(finding: dict[str, Any]) -> str:
    site = finding["site"]
    return f"{Path(site['file']).name}:{site['line']} {site['function']}" if site else "no place"


def _planted(app: App, python: Path, state: Path, folder: Path, row: Row) -> None:
    driver = app.driver()
    with ExitStack() as stack:
        server = stack.enter_context(serving(app, python, state, folder / "planted", audited=True, program=PLANTED))
        web = stack.enter_context(Web([server.port]))
        driver.drive(web, 0)
        driver.leak(web)
    report = server.report()
    lines = function_lines(app.folder / PLANTED)
    for plant in app.plants:
        right, why = found(plant, lines.get(plant.function, range(0)), report["findings"])
        row.planted[plant.function] = ", ".join(sorted({finding["rule"] for finding in right})) or why
        if not right:
            row.missed.append(f"{plant.function}: {why}")
    for finding in report["findings"]:
        if finding["severity"] != "note" and not _of(finding, PLANTED):
            row.findings.append(f"with plants: {told(finding)}")


def function_lines(file: Path) -> dict[str, range]:
    """The lines of each function of a file; a decorator's is where its code begins."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name: range(min(one.lineno for one in (node, *node.decorator_list)), (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    }


def found(plant: Plant, lines: range, findings: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """The findings that tell of this leak and of nothing else; and, where there is none, why not."""
    here = [finding for finding in findings if _of(finding, PLANTED, lines)]
    loud = [finding for finding in here if finding["severity"] != "note"]
    both = [finding for finding in loud if any({*plant.users} == pair for pair in _pairs(finding))]
    if both:
        return both, ""
    if loud:
        return [], f"not both users: {told(loud[0])}"
    return [], f"a note only: {told(here[0])}" if here else "no finding names it"


def _of(finding: dict[str, Any], file: str, lines: range | None = None) -> bool:
    """True where the finding's own place, or that of its origin, is in these lines of ``file``."""
    places = [place for place in (finding["site"], finding["origin"]) if place]
    return any(Path(place["file"]).name == file and (lines is None or place["line"] in lines) for place in places)


def _pairs(finding: dict[str, Any]) -> list[set[str]]:
    told_users = {user for name, user in finding["witnesses"].items() if user and name != "provenance"}
    return [told_users, *({pair["ambient"], pair["other"]} for pair in finding.get("pairs", ()))]
