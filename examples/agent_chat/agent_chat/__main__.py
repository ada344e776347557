"""``python -m agent_chat --engine legacy|user --port 0``: one server process."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import uvicorn

from agent_chat.app import create_app
from agent_chat.faults import FAULTS
from agent_chat.settings import ENGINES, Settings

if TYPE_CHECKING:
    import socket


class AnnouncingServer(uvicorn.Server):
    """Says on standard output where it listens, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that whoever started us waits for."""
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            host = f"[{host}]" if ":" in host else host
            print(f"agent_chat listening on http://{host}:{port}", flush=True)


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn hands the signal back to us once it has shut down
        signal.signal(number, _end)
    defaults = Settings.from_env()
    parser = argparse.ArgumentParser(prog="python -m agent_chat", description="A small multi-user agent chat backend.")
    parser.add_argument("--engine", choices=ENGINES, default=defaults.engine)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000, help="0: the system chooses one (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument(
        "--batch-size", type=int, default=defaults.batch_size, help="requests the model answers at once"
    )
    parser.add_argument("--batch-window", type=float, default=defaults.batch_window, help="seconds a batch may wait")
    parser.add_argument(
        "--model-seconds", type=float, default=defaults.model_seconds, help="seconds that the model thinks of a batch"
    )
    parser.add_argument("--database", default=defaults.database, help="SQLite file (default: %(default)s)")
    parser.add_argument(
        "--fault", choices=FAULTS, metavar="NAME", default=defaults.fault, help="a mistake to make; see faults.toml"
    )
    given = parser.parse_args()
    try:
        settings = Settings(
            engine=given.engine,
            seed=given.seed,
            batch_size=given.batch_size,
            batch_window=given.batch_window,
            model_seconds=given.model_seconds,
            database=given.database,
            secret=defaults.secret,
            operator_key=defaults.operator_key,
            fault=given.fault,
            slow_seconds=defaults.slow_seconds,
        )
    except ValueError as error:
        parser.error(str(error))
    config = uvicorn.Config(
        create_app(settings), host=given.host, port=given.port, log_level="warning", timeout_graceful_shutdown=5
    )
    AnnouncingServer(config).run()


def _end(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
