"""A server of FastMCP with JWTs: notes of one's own, a board for all, and who one is."""

import sys

from fastmcp import FastMCP
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

SECRET = "a secret that client and server share"

mcp = FastMCP("notes", auth=JWTVerifier(public_key=SECRET, algorithm="HS256", issuer="tests", audience="notes"))
notes: dict[str, list[str]] = {}
board: list[dict[str, str]] = []


def me() -> str:
    """Whose call this is."""
    return get_access_token().claims["sub"]


@mcp.tool
def add(text: str) -> int:
    """Keep a note of one's own."""
    notes.setdefault(me(), []).append(f"{me()}: {text}")
    return len(notes[me()])


@mcp.tool
async def mine() -> list[str]:
    """One's own notes."""
    return notes.get(me(), [])


@mcp.tool
async def whoami() -> dict[str, str]:
    """Who one is."""
    return {"user": me(), "greeting": f"hello {me()}"}


@mcp.resource("notes://mine")
def profile() -> str:
    """One's own notes as a resource."""
    return "\n".join(notes.get(me(), []))


if __name__ == "__main__":
    if sys.argv[1] != "prepare":
        mcp.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="warning")
