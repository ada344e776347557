# requires: (stdlib only)
# The clean twin of case_stream_late_answer: a connection on which an answer is missing is closed, not used again.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


async def backend(reader, writer):
    while line := await reader.readline():
        name = line.decode().strip()
        await asyncio.sleep(0.1 if name == "alice" else 0)
        if not writer.is_closing():
            writer.write(f"balance of {name}\n".encode())
    writer.close()


class Client:
    def __init__(self, port):
        self.port = port
        self.streams = None
        self.lock = asyncio.Lock()

    async def balance(self, user):
        async with self.lock:
            if self.streams is None:
                self.streams = await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = self.streams
            writer.write(f"{user}\n".encode())
            try:
                return (await reader.readline()).decode().strip()
            except asyncio.CancelledError:
                writer.close()
                self.streams = None
                raise


async def request(client, user):
    current_user.set(user)
    try:
        return await asyncio.wait_for(client.balance(user), 0.05 if user == "alice" else 1)
    except TimeoutError:
        return "try again"


async def main():
    server = await asyncio.start_server(backend, "127.0.0.1", 0)
    client = Client(server.sockets[0].getsockname()[1])
    late = await asyncio.create_task(request(client, "alice"))
    got = [await asyncio.create_task(request(client, user)) for user in ("bob", "carol")]
    right = ["balance of bob", "balance of carol"]
    print(late, got, "->", "OK" if got == right else "LEAK")
    client.streams[1].close()
    await asyncio.sleep(0.15)
    server.close()


asyncio.run(main())
