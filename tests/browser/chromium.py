"""A headless Chromium over its debugging protocol: a page as a phone or a desktop shows it, and what a script says."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tab:
    """One page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.events: list[dict[str, Any]] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            told = json.loads(self._socket.recv(timeout=60))
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                found: dict[str, Any] = told["result"]
                return found
            self.events.append(told)

    def look(self, *, width: int, height: int, dark: bool, scale: float = 1.0) -> None:
        """Be a screen of this size, which likes light or dark pages."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 700,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, file: Path) -> None:
        """Load a file and wait until it is there."""
        self.events.clear()
        self.ask("Page.navigate", url=file.resolve().as_uri())
        while self.run("document.readyState + ' ' + location.protocol") != "complete file:":
            time.sleep(0.02)

    def run(self, script: str) -> Any:
        """What a script of the tester gives; the page's own policy does not hold for it."""
        result = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def picture(self, file: Path, *, whole: bool = False) -> None:
        """What is on the screen, or all of the page, in the format that the name of the file ends with."""
        more: dict[str, Any] = {"captureBeyondViewport": True} if whole else {}
        if whole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            more["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.ask("Page.captureScreenshot", format=file.suffix[1:], quality=70, **more)["data"]
        file.write_bytes(base64.b64decode(data))


@contextmanager
def chromium() -> Iterator[Tab]:
    """A browser with one tab; it ends with the block."""
    if PROGRAM is None:
        raise RuntimeError("chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
                *("--remote-debugging-port=0", f"--user-data-dir={profile}", "--disable-dev-shm-usage", "about:blank"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with connect(_address(Path(profile), process), max_size=None) as browser:
                browser.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
                told = json.loads(browser.recv(timeout=60))
                page = next(one for one in told["result"]["targetInfos"] if one["type"] == "page")
            with connect(_address(Path(profile), process, page["targetId"]), max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(profile: Path, process: subprocess.Popen[bytes], target: str | None = None) -> str:
    told = profile / "DevToolsActivePort"
    while not (told.is_file() and "\n" in told.read_text()):
        if process.poll() is not None:
            raise RuntimeError("chromium has ended")
        time.sleep(0.05)
    port, path = told.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}" + (path if target is None else f"/devtools/page/{target}")
