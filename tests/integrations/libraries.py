"""Tests of integrations whose libraries need an environment of their own: large ones, and those that fit no other.

``make libraries`` makes the environments; ``ARGS="--only gradio"`` tests one library.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SABOTAGE = ROOT / "tests" / "integrations" / "uses" / "sabotage.py"

UNREACHED = {
    "gradio.EventPoint: failed": "Gradio's queue catches everything",
    "chainlit.CallbackPoint: failed": "what Chainlit makes of a function catches everything",
    "streamlit.RunPoint: failed": "what runs a script catches everything",
}
"""Steps of hooks that are there and that nothing can reach, and why."""


@dataclass(frozen=True)
class Library:
    """What is installed for one file of tests; ``names`` are the integrations in which faults are injected."""

    name: str
    requires: tuple[str, ...]
    names: tuple[str, ...]
    options: tuple[str, ...] = ()
    redis: bool = False
    """Whether its use needs a Redis."""


LIBRARIES = (
    # Gradio makes an event loop of its own, and leaves it to the garbage collector.
    Library("gradio", ("gradio>=6.31", "httpx"), ("gradio",), ("-p", "no:unraisableexception")),
    Library("nicegui", ("nicegui>=3.18", "httpx", "aiohttp"), ("nicegui",)),
    Library("chainlit", ("chainlit>=2.12", "httpx", "aiohttp"), ("chainlit",)),
    Library("streamlit", ("streamlit>=1.67", "websockets", "uvicorn"), ("streamlit",)),
    Library("ag2", ("ag2>=1.0",), ("ag2",)),
    Library("crewai", ("crewai>=1.10",), ("crewai",)),
    Library("llama_index", ("llama-index-core>=0.13", "aiosqlite"), ("llama_index",)),
    # It has a plugin for pytest that pytest 9 does not load; and a finder of packages, which opens archives while an
    # audit begins: there the plans wait for ever that end an audit in the middle of a hook.
    Library("dash", ("dash>=2.18", "httpx"), (), ("-p", "no:dash")),
    Library("daphne", ("daphne>=4.0", "websockets"), ("daphne",)),
    Library("granian", ("granian>=2.5", "websockets"), ("granian",)),
    # It wants a graphql-core of before 3.3.
    Library("graphene", ("graphene>=3.0", "aiodataloader>=0.2"), ("graphene",)),
    # It wants a redis-py of before 6, and leaves connections to the garbage collector.
    Library("arq", ("arq>=0.26",), ("arq",), ("-p", "no:unraisableexception"), redis=True),
)
TESTING = ("pytest", "pytest-timeout", "pytest-rerunfailures", "pytest-xdist", "hypothesis", "uvicorn", "starlette")


def tested(library: Library, environments: Path) -> bool:
    """True where its tests pass; prints what its environment costs."""
    folder = environments / library.name
    python = folder / "bin" / "python"
    began = time.monotonic()
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--editable", ROOT, *TESTING, *library.requires], check=True)
    size = sum(one.stat().st_size for one in folder.rglob("*") if one.is_file() and not one.is_symlink()) >> 20
    print(f"{library.name}: {size} MB, installed in {time.monotonic() - began:.0f} s", flush=True)
    tests = ROOT / "tests" / "integrations"
    with tempfile.TemporaryDirectory() as scratch:
        # What these libraries write lies beside nobody's files.
        own = {"CHAINLIT_APP_ROOT": scratch, "NICEGUI_STORAGE_PATH": f"{scratch}/storage", "HOME": scratch}
        own |= {"GRADIO_ANALYTICS_ENABLED": "0", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
        command = [python, "-m", "pytest", "-q", *library.options, tests / f"test_{library.name}.py"]
        passed = subprocess.run(command, cwd=ROOT, env=os.environ | own, check=False).returncode == 0
        own |= {"PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}", "PYTHONWARNINGS": "ignore"}
        with redis(Path(scratch)) if library.redis else nullcontext({}) as server:
            return all([passed, *(unharmed(python, name, own | server) for name in library.names)])


@contextmanager
def redis(folder: Path) -> Iterator[dict[str, str]]:
    """A running Redis; gives the variable that has its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            yield {"USES_SERVER": f"redis://127.0.0.1:{port}"}
        finally:
            server.terminate()


def unharmed(python: Path, name: str, own: dict[str, str]) -> bool:
    """True where faults in the hooks of an integration change nothing, and reach every hook."""
    done = subprocess.run(
        [python, SABOTAGE, name], env=os.environ | own, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        return False
    found = json.loads(done.stdout)
    unreached = [one for one in found["unreached"] if one not in UNREACHED]
    print(f"{name}: faults in {len(found['hooks'])} hooks; changed {found['wrong']}, unreached {unreached}", flush=True)
    return not found["wrong"] and not unreached


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, default=ROOT / ".venv-libraries")
    parser.add_argument("--only", action="append", choices=[one.name for one in LIBRARIES])
    parser.add_argument("--anew", action="store_true", help="make the environments anew")
    arguments = parser.parse_args()
    chosen = [one for one in LIBRARIES if not arguments.only or one.name in arguments.only]
    if arguments.anew:
        shutil.rmtree(arguments.environments, ignore_errors=True)
    failed = [one.name for one in chosen if not tested(one, arguments.environments)]
    print(f"failed: {', '.join(failed)}" if failed else f"passed: {', '.join(one.name for one in chosen)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
