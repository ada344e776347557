"""A graph that answers, who its users are and what is theirs, and routes of an application's own."""

from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph_sdk import Auth
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKENS = {f"token-9fk3Zq81x77b-of-{user}": user for user in ("alice.liddell", "bob.builder", "carol.kane")}

auth = Auth()
notes: dict[str, list[str]] = {}


def user_of(authorization):
    """Whose token it is."""
    return TOKENS.get((authorization or "").removeprefix("Bearer "))


@auth.authenticate
async def authenticate(authorization: str | None):
    user = user_of(authorization)
    if user is None:
        raise Auth.exceptions.HTTPException(status_code=401, detail="who are you?")
    return {"identity": user, "display_name": user.title(), "is_authenticated": True}


@auth.on
async def own(ctx, value):
    """Threads and runs are their maker's alone."""
    value.setdefault("metadata", {})["owner"] = ctx.user.identity
    return {"owner": ctx.user.identity}


class State(TypedDict):
    """A conversation."""

    messages: Annotated[list, add_messages]
    count: int


async def think(state: State, config):
    """Answer the last of the messages."""
    user, said = config["configurable"]["langgraph_auth_user_id"], state["messages"][-1].content
    answer = {"role": "assistant", "content": f"{user}, you said: {said}"}
    return {"messages": [answer], "count": state.get("count", 0) + 1}


builder = StateGraph(State)
builder.add_node("think", think)
builder.add_edge(START, "think")
builder.add_edge("think", END)
graph = builder.compile()


def me(request):
    """Who asks."""
    return user_of(request.headers["authorization"])


async def whoami(request):
    """Who one is."""
    return JSONResponse({"user": me(request)})


async def mine(request):
    """One's own notes."""
    return JSONResponse({"notes": notes.get(me(request), [])})


async def add(request):
    """One more note."""
    notes.setdefault(me(request), []).append((await request.json())["text"])
    return JSONResponse({"number": len(notes[me(request)])})


def application(whoami=whoami, mine=mine):
    """The routes."""
    routes = [Route("/whoami", whoami), Route("/notes", mine), Route("/notes", add, methods=["POST"])]
    return Starlette(routes=routes)


app = application()
