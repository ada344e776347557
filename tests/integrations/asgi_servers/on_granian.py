"""The application on Granian, with its visitors; prints what they have seen."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import Any

from application import application, asked
from granian.constants import Interfaces
from granian.server.embed import Server

logging.getLogger("_granian").setLevel(logging.CRITICAL)


async def main() -> Any:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server(application, address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    serving = asyncio.create_task(server.serve())
    while True:
        await asyncio.sleep(0.05)
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            assert not serving.done(), serving
    try:
        return await asyncio.to_thread(asked, f"http://127.0.0.1:{port}")
    finally:
        server.stop()
        await serving


print(json.dumps(asyncio.run(main())))
