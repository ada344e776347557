"""Take the pictures of docs/pictures: the demo's reports as a desktop and as a phone show them, and an incident.

    make screenshots

Needs Chromium, Prometheus and Alertmanager (`apt-get install chromium prometheus prometheus-alertmanager`), and the
extras of the project. Those of dashboards are taken by `make obs-full`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from chromium import Tab, chromium
from incident import incident

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
TOOL = (sys.executable, "-m", "isolation_audit")

SHOTS = (
    ("report-desktop", 1100, 860, False, ""),
    ("report-desktop-dark", 1100, 860, True, "document.getElementById('crossed').scrollIntoView()"),
    ("report-phone", 390, 844, False, ""),
    ("report-phone-dark", 390, 844, True, "document.getElementById('trend').scrollIntoView()"),
)
"""Name, width, height, whether dark, and what to do before."""


def main() -> None:
    """Run the demo, write its report as a page, and look at it."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder)
        subprocess.run([*TOOL, "demo", "--report", told], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        page = told / "report.html"
        words = ("--html", page, "--against", told / "user")
        subprocess.run([*TOOL, "show", told / "legacy-state", *words], cwd=ROOT, check=True)
        with chromium() as tab:
            for name, width, height, dark, before in SHOTS:
                _take(tab, page, PICTURES / f"{name}.webp", (width, height), before, dark=dark)
            incident(tab, told, PICTURES)


def _take(tab: Tab, page: Path, picture: Path, size: tuple[int, int], before: str, *, dark: bool) -> None:
    tab.look(width=size[0], height=size[1], dark=dark)
    tab.open(page)
    if before:
        tab.run(before)
    tab.picture(picture)
    print(f"{picture.relative_to(ROOT)}: {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
