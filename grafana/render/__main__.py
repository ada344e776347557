"""``make obs-full``, after ``make obs``: draw the dashboards from a live Prometheus, and keep the pictures for docs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grafana.checks.files import boards, panels
from grafana.checks.live import filled_in
from grafana.stack import servers
from grafana.stack.chat import ROOT, chat, configuration, scanned
from grafana.stack.rules import routes, short_rules

sys.path.insert(0, str(ROOT / "tests" / "browser"))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from grafana.stack.chat import Chat

HERE: Final = Path(__file__).parent
PICTURES: Final = ROOT / "docs" / "pictures"
SHOWN: Final = 150
"""Seconds of load that the pictures show."""
STEP: Final = 2
WIDTH: Final = 1400

_PAGE: Final = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="panels.css">
<style>body {{ margin: 0 }}</style><div id="root"></div>
<script>window.__grafana_public_path__ = "/"; window.page = {page};</script><script src="panels.js"></script>
"""


def main() -> int:
    """Draw all dashboards; the exit code."""
    built = _built()
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="isolation-audit-render-") as name, ExitStack() as stack:
        prometheus = _served(Path(name), stack)
        end = time.time()
        pages: dict[str, dict[str, Any]] = {
            uid: {
                "dashboard": model,
                "answers": {panel["id"]: list(_answers(prometheus, panel, end)) for panel in panels(model)},
                "from": (end - SHOWN) * 1000,
                "to": end * 1000,
                "dark": False,
            }
            for uid, model in boards().items()
        }
    for uid, page in pages.items():
        problems += [f"{page['dashboard']['title']}: {one}" for one in _draw(built, uid, page)]
    about = "10. Every panel is drawn with Grafana's components: no empty one, no error; the pictures are in the docs."
    print(f"{'FAILED' if problems else 'ok':6} {about}")
    for problem in problems:
        print(f"       {problem}")
    return 1 if problems else 0


def _built() -> Path:
    """The folder of the page's script, made from what npm has."""
    npm, made = servers.program("npm"), HERE / ".built"
    if not (HERE / "node_modules" / "@grafana" / "ui").is_dir():
        command = [npm, "install", "--silent", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=HERE, check=True)
    esbuild = HERE / "node_modules" / ".bin" / "esbuild"
    command = [str(esbuild), "panels.tsx", "--bundle", "--minify", "--format=iife", f"--outfile={made / 'panels.js'}"]
    command += ['--define:process.env.NODE_ENV="production"', "--define:global=window", "--log-level=error"]
    command += ["--alias:react-custom-scrollbars-2=./scrollbars.ts"]
    command += [f"--loader:.{kind}=dataurl" for kind in ("svg", "woff", "woff2", "ttf", "eot", "png")]
    subprocess.run(command, cwd=HERE, check=True)
    return made


def _served(folder: Path, stack: ExitStack) -> servers.Prometheus:
    """A Prometheus that has seen users chat for a while, most of them with the engine that is clean."""
    config = configuration(folder)
    clean = stack.enter_context(chat(folder, "user", config, model_seconds="0.05"))
    leaking = stack.enter_context(chat(folder, "legacy", config))
    source = stack.enter_context(servers.files(scanned(folder)))
    hook = stack.enter_context(servers.webhook())
    manager = stack.enter_context(servers.alertmanager(folder, routes(hook.url)))
    jobs = {"chat": [clean.metrics, leaking.metrics], "source": [source]}
    prometheus = stack.enter_context(servers.prometheus(folder, jobs, short_rules(folder, "30s"), manager, "1s"))
    end = time.monotonic() + SHOWN
    users = [
        threading.Thread(target=_chat, args=(clean, 8, 1.0, end), daemon=True),
        threading.Thread(target=_chat, args=(leaking, 3, 40.0, end), daemon=True),
    ]
    for one in users:
        one.start()
    for one in users:
        one.join()
    return prometheus


def _chat(with_: Chat, users: int, pause: float, end: float) -> None:
    while time.monotonic() < end:
        with_.load(users, 2)
        time.sleep(min(pause, max(0.0, end - time.monotonic())))


def _answers(prometheus: servers.Prometheus, panel: dict[str, Any], end: float) -> Iterator[dict[str, Any]]:
    """What Prometheus says to the panel's queries."""
    for target in panel["targets"]:
        query: dict[str, Any] = {"query": filled_in(target["expr"], "20s")}
        if target.get("instant"):
            kind, query["time"] = "query", end
        else:
            kind, query["start"], query["end"], query["step"] = "query_range", end - SHOWN, end, STEP
        answer = json.loads(servers.get(f"{prometheus.url}/api/v1/{kind}?{urllib.parse.urlencode(query)}"))
        series = []
        for one in answer["data"]["result"]:
            points = one.get("values") or [one["value"]]
            series.append(
                {
                    "labels": {name: value for name, value in one["metric"].items() if name != "__name__"},
                    "times": [point[0] * 1000 for point in points],
                    "values": [_number(point[1]) for point in points],
                }
            )
        yield {"refId": target["refId"], "legend": target.get("legendFormat", ""), "series": series}


def _number(text: str) -> float | None:
    """A value as JSON can have it."""
    value = float(text)
    return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - NaN is not itself


def _draw(built: Path, uid: str, page: dict[str, Any]) -> Iterator[str]:
    """Draw one dashboard; gives what is wrong with it."""
    from chromium import chromium  # type: ignore[import-not-found]

    file = built / f"{uid}.html"
    # No text of the page may end the script that it is in.
    file.write_text(_PAGE.format(page=json.dumps(page).replace("</", "<\\/")))
    wanted = [panel["title"] for panel in page["dashboard"]["panels"] if panel["type"] != "row"]
    with chromium() as tab:
        tab.look(width=WIDTH, height=900, dark=False)
        tab.open(file)
        ready: Callable[[], bool] = lambda: len(tab.run("window.drawn || []")) >= len(wanted)  # noqa: E731
        try:
            servers.wait_for(ready, "all panels", 30.0)
        except servers.StackError:
            drawn = tab.run("window.drawn || []")
            yield from (f"{title} was not drawn" for title in wanted if title not in drawn)
        time.sleep(1.0)  # the canvases' animation
        yield from tab.run("window.problems || []")
        PICTURES.mkdir(exist_ok=True)
        picture = PICTURES / f"{uid.replace('isolation-audit', 'dashboard')}.webp"
        tab.picture(picture, whole=True)
        print(f"       {picture.relative_to(ROOT)}: {len(wanted)} panels, {picture.stat().st_size:,} bytes")


if __name__ == "__main__":
    if shutil.which("chromium") is None:
        sys.exit("error: chromium is not installed; on Debian: apt install chromium npm")
    sys.exit(main())
