"""A report as JUnit XML, as dashboards of CI read it: a failed case for each error and warning, a passed one a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from isolation_audit.coverage.lines import coverage_lines, headline
from isolation_audit.coverage.verdict import BLIND
from isolation_audit.exporters.terminal import Painter, render_finding, shorten

if TYPE_CHECKING:
    from isolation_audit.exporters.report import Report


def as_junit(report: Report) -> str:
    """The whole document: one suite, with a case for what could be seen at all in front."""
    coverage = report.get("coverage") or {}
    blind = coverage.get("verdict") == BLIND
    findings = report["findings"]
    failures = blind + sum(finding["severity"] != "note" for finding in findings)
    counts = {"tests": str(len(findings) + 1), "failures": str(failures), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": "isolation-audit", **counts})
    case = ET.SubElement(suite, "testcase", {"classname": "isolation-audit", "name": "coverage"})
    if blind:
        ET.SubElement(case, "failure", {"type": "blind", "message": headline(coverage)})
    ET.SubElement(case, "system-out").text = "\n".join(coverage_lines(report))
    for finding in findings:
        _add(suite, finding)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _add(suite: ET.Element, finding: dict[str, Any]) -> None:
    site = finding["site"]
    about = {"classname": finding["rule"], "name": f"{finding['message']} ({finding['fingerprint']})"}
    if site is not None:
        about |= {"file": shorten(site["file"]), "line": str(site["line"])}
    case = ET.SubElement(suite, "testcase", about)
    # Without lines of source: a report from elsewhere may name any file, and this one is likely to be published.
    words = render_finding(finding, Painter("never"), source=False)
    if finding["severity"] == "note":
        ET.SubElement(case, "system-out").text = words
    else:
        ET.SubElement(case, "failure", {"type": finding["severity"], "message": finding["message"]}).text = words
