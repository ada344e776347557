"""The files of reports, looked at by others' tools: ``make pages``.

The HTML in a headless Chromium, as a desktop and as a phone show it, light and dark: axe-core finds nothing, nothing is
wider than the screen, nothing was asked for, run or complained of. SARIF by Microsoft's own validator. Needs Chromium
and npm (`apt-get install chromium npm`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from chromium import Tab, chromium

from sample_report import finding, report

if TYPE_CHECKING:
    from collections.abc import Iterator

SCREENS = ((1200, 900, False), (1200, 900, True), (390, 844, False), (390, 844, True))

UNFOLD = "document.querySelectorAll('details').forEach(one => { one.open = true })"
AXE = """
axe.run(document, { resultTypes: ['violations'] })
   .then(told => told.violations.map(one => `${one.id}: ${one.help}: ${one.nodes[0].html}`))
"""


def modules() -> Path:
    """The folder of what npm has, installed once."""
    made = HERE / "node_modules"
    if not (made / "axe-core").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            sys.exit("error: npm is not installed; on Debian: apt-get install npm")
        options = ("--silent", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
        subprocess.run([npm, "install", *options], cwd=HERE, check=True)
    return made


def written(folder: Path) -> None:
    """Reports with everything in them, and with nothing, in all formats."""
    severities = ("error", "warning", "note")
    full = report(*(finding(number, severity=severities[number % 3]) for number in range(30)))
    for name, told in (("full", full), ("empty", report())):
        (folder / f"{name}.json").write_text(json.dumps(told))
        words = ("show", f"{name}.json", "--html", f"{name}.html", "--sarif", f"{name}.sarif")
        command = [sys.executable, "-m", "isolation_audit", *words, "--against", f"{name}.json"]
        subprocess.run(command, cwd=folder, check=True, stderr=subprocess.DEVNULL)


def faults_of(tab: Tab, page: Path, axe: str) -> Iterator[str]:
    """What is wrong with a page."""
    for width, height, dark in SCREENS:
        where = f"{page.name}, {width} wide, {'dark' if dark else 'light'}"
        tab.look(width=width, height=height, dark=dark)
        tab.open(page)
        told: list[dict[str, Any]] = [*tab.events]
        tab.run(UNFOLD)
        if tab.run("document.documentElement.scrollWidth > innerWidth"):
            yield f"{where}: wider than the screen"
        for event in told:
            asked = event.get("params", {}).get("request", {}).get("url", "")
            if event["method"] == "Log.entryAdded" or (asked and asked != page.resolve().as_uri()):
                yield f"{where}: {event['params']}"
        tab.run(axe)
        yield from (f"{where}: {violation}" for violation in tab.run(AXE))


def sarif_faults(tool: Path, log: Path) -> Iterator[str]:
    """What Microsoft's validator calls an error."""
    tool.chmod(0o755)
    environment = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    told = subprocess.run([tool, "validate", log], env=environment, capture_output=True, text=True, check=False).stdout
    if "Analysis completed successfully" not in told:
        yield f"{log.name}: {told}"
    yield from (line for line in told.splitlines() if ": error " in line)


def main() -> None:
    """Look at all, and exit with 1 where something is wrong."""
    made = modules()
    axe = (made / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name, chromium() as tab:
        folder = Path(name)
        written(folder)
        for page in sorted(folder.glob("*.html")):
            faults += faults_of(tab, page, axe)
        tool = made / "@microsoft" / "sarif-multitool-linux" / "Sarif.Multitool"
        for log in sorted(folder.glob("*.sarif")):
            faults += sarif_faults(tool, log)
    print("\n".join(faults) or f"2 pages on {len(SCREENS)} screens and 2 logs of SARIF: nothing is wrong")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
