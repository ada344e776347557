"""devpi: an index of packages, whose state is a database that each process keeps a cache of."""

import subprocess
import sys
from pathlib import Path

STATE = "state"


def prepare():
    init = [str(Path(sys.executable).with_name("devpi-init")), "--serverdir", STATE, "--no-root-pypi"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL)


def serve(port):
    from devpi_server.main import main

    sys.exit(main(["devpi-server", "--serverdir", STATE, "--host", "127.0.0.1", "--port", str(port)]))


if __name__ == "__main__":
    prepare() if sys.argv[1] == "prepare" else serve(int(sys.argv[1]))
