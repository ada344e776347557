"""LangGraph's own server, in memory, with a graph that needs no model."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
OFF = {"LANGSMITH_TRACING": "false", "LANGGRAPH_NO_VERSION_CHECK": "true"}


def serve(port: int, routes: str = "desk.py:app") -> None:
    """The server, until somebody ends it; ``routes`` is where the application's own are."""
    os.environ.update(OFF)
    from langgraph_api.cli import run_server

    run_server(
        "127.0.0.1",
        port,
        reload=False,
        open_browser=False,
        n_jobs_per_worker=4,
        allow_blocking=True,
        server_level="WARNING",
        graphs={"desk": f"{HERE}/desk.py:graph"},
        auth={"path": f"{HERE}/desk.py:auth"},
        http={"app": f"{HERE}/{routes}"},
    )


if __name__ == "__main__" and sys.argv[1] != "prepare":
    sys.path.insert(0, str(HERE))
    serve(int(sys.argv[1]))
