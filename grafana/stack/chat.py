"""The example chat under the auditor, and its users."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from grafana.stack.servers import answers, free_port, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLE: Final = ROOT / "examples" / "agent_chat"
sys.path.insert(0, str(EXAMPLE))

_DEADLINE: Final = "await = true\n"
_ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": os.pathsep.join((str(EXAMPLE), str(ROOT / "src")))}


@dataclass(frozen=True, slots=True)
class Chat:
    """One audited chat. ``metrics`` is the address that Prometheus scrapes, ``report`` the folder for `show`."""

    url: str
    metrics: str
    report: Path
    process: subprocess.Popen[bytes]

    def load(self, users: int, questions: int, seed: int = 1) -> Any:
        """Let users chat; gives what they have counted themselves."""
        from agent_chat.clients import drive  # type: ignore[import-not-found]

        return asyncio.run(drive(self.url, users, questions, seed))


def configuration(folder: Path, more: str = "") -> Path:
    """The example's configuration, with a deadline and without findings on the terminal; ``more`` is added to it."""
    text = (EXAMPLE / "isolation-audit.toml").read_text()
    deadline = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=60)
    # Not where the programs are started: those without a configuration would find it there.
    file = folder / "configured" / "isolation-audit.toml"
    file.parent.mkdir()
    file.write_text(
        text.replace(_DEADLINE, f"{_DEADLINE}deadline = {deadline}\n", 1) + f"\n[report]\nterminal = false\n{more}"
    )
    return file


@contextmanager
def chat(folder: Path, engine: str, config: Path | None, workers: int = 1, **settings: str) -> Iterator[Chat]:
    """The chat with one of its engines, ready to be used; ``settings`` are further ones of its own."""
    name = engine if config is not None else f"{engine}-unconfigured"
    web, metrics, report = free_port(), free_port(), folder / f"report-{name}"
    chosen = () if config is None else ("--config", str(config))
    command = [
        sys.executable, "-m", "isolation_audit", "run", *chosen, "--metrics-port", str(metrics),
        "--report", str(report), "--",
        "uvicorn", "agent_chat.app:app", "--workers", str(workers), "--port", str(web), "--log-level", "warning",
    ]  # fmt: skip
    settings |= {"engine": engine, "database": str(folder / f"chat-{name}.sqlite")}
    environment = _ENVIRONMENT | {f"AGENT_CHAT_{key.upper()}": value for key, value in settings.items()}
    with running(command, folder / f"chat-{name}.log", cwd=folder, env=environment) as process:
        address = f"127.0.0.1:{metrics}"
        wait_for(lambda: answers(f"http://127.0.0.1:{web}/health"), f"the chat ({folder / f'chat-{engine}.log'})")
        wait_for(lambda: answers(f"http://{address}/metrics"), "its metrics")
        yield Chat(f"http://127.0.0.1:{web}", address, report, process)


@contextmanager
def blind(folder: Path) -> Iterator[Chat]:
    """A server of files under the auditor: it has no users, so the auditor is blind there."""
    web, metrics, report = free_port(), free_port(), folder / "report-blind"
    command = [
        sys.executable, "-m", "isolation_audit", "run", "--metrics-port", str(metrics), "--report", str(report),
        "--", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(EXAMPLE), str(web),
    ]  # fmt: skip
    with running(command, folder / "blind.log", cwd=folder, env=_ENVIRONMENT) as process:
        wait_for(lambda: answers(f"http://127.0.0.1:{web}/"), f"the server of files ({folder / 'blind.log'})")
        wait_for(lambda: answers(f"http://127.0.0.1:{metrics}/metrics"), "its metrics")
        yield Chat(f"http://127.0.0.1:{web}", f"127.0.0.1:{metrics}", report, process)


def scanned(folder: Path) -> Path:
    """The folder of a file with the gauges of the example's source, as a node exporter would serve it."""
    made = folder / "textfiles"
    made.mkdir(exist_ok=True)
    file = made / "source.prom"
    command = [sys.executable, "-m", "isolation_audit", "progress", "--metrics", str(file), "--output", os.devnull]
    subprocess.run([*command, "--config", str(EXAMPLE / "isolation-audit.toml")], check=True, env=_ENVIRONMENT)
    return made
