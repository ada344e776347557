# requires: (stdlib only)
# One connection to a backend, a lock around each request, and a timeout: what is answered too late is the next one's.
# An auditor should find: bob reads from a stream on which alice's question was never answered.
import asyncio
from contextvars import ContextVar

current_user = ContextVar("current_user", default=None)


async def backend(reader, writer):
    while line := await reader.readline():
        name = line.decode().strip()
        await asyncio.sleep(0.1 if name == "alice" else 0)
        writer.write(f"balance of {name}\n".encode())
    writer.close()


class Client:
    async def connect(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.lock = asyncio.Lock()

    async def balance(self, user):
        async with self.lock:
            self.writer.write(f"{user}\n".encode())
            return (await self.reader.readline()).decode().strip()


async def request(client, user):
    current_user.set(user)
    try:
        return await asyncio.wait_for(client.balance(user), 0.05 if user == "alice" else 1)
    except TimeoutError:
        return "try again"


async def main():
    server = await asyncio.start_server(backend, "127.0.0.1", 0)
    client = Client()
    await client.connect(server.sockets[0].getsockname()[1])
    await asyncio.create_task(request(client, "alice"))
    got = await asyncio.create_task(request(client, "bob"))
    print("bob got", got, "->", "LEAK" if "alice" in got else "OK")
    client.writer.close()
    await asyncio.sleep(0.01)
    server.close()


asyncio.run(main())
