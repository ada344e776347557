"""Streamlit's own server on uvicorn: users by headers and by what a session keeps, in runs of a script."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from clients import NAMED, told
from servers import serving

pytest.importorskip("streamlit.starlette", reason="has an environment of its own: make libraries")

import streamlit
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.starlette import App

SCRIPT = """\
import json
import streamlit as st
from clients import known

KEPT = st.cache_resource(lambda: [])()


@st.cache_data(show_spinner=False)
def note(_user{key}):
    return json.dumps({{"owner": _user, "word": "buy milk"}})


user = st.query_params.get("user")
if user:
    st.session_state.username = user
st.text("this is " + str(known()))
{show}
"""


@pytest.fixture(autouse=True)
def _one_server_after_the_other(monkeypatch):
    """Streamlit has one a process."""
    monkeypatch.setattr(Runtime, "_instance", None)
    streamlit.cache_data.clear()
    streamlit.cache_resource.clear()


class Tab:
    """One session: what it shows, run by run."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_stcore/stream"

    async def __aenter__(self) -> Tab:
        self._connection = await websockets.connect(self._url, subprotocols=["streamlit"], max_size=None)
        return self

    async def __aexit__(self, *_error: Any) -> None:
        await self._connection.close()
        # What is told last is told before the thread of a run is at its end.
        while any("scriptThread" in one.name for one in threading.enumerate()):
            await asyncio.sleep(0.005)

    async def run(self, query: str) -> list[str]:
        asked = BackMsg()
        asked.rerun_script.query_string = query
        await self._connection.send(asked.SerializeToString())
        shown = []
        while True:
            message = ForwardMsg()
            message.ParseFromString(await self._connection.recv())
            if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("text"):
                shown.append(message.delta.new_element.text.body)
            if message.delta.new_element.HasField("exception"):
                raise AssertionError(message.delta.new_element.exception.message)
            if message.WhichOneof("type") == "script_finished":
                return shown


def script(path: Any, show: str, key: str = "") -> App:
    path.write_text(SCRIPT.format(show=show, key=key))
    return App(path)


async def of_two(app: App) -> list[list[str]]:
    async with serving(app, lifespan="on") as url, Tab(url) as first, Tab(url) as second:
        return [
            await tab.run(query) for tab, user in ((first, "alice"), (second, "bob")) for query in (f"user={user}", "")
        ]


@pytest.mark.parametrize("leaking", [True, False])
def test_a_list_that_all_sessions_share(audited, tmp_path, leaking):
    keeping = "KEPT.append(json.dumps({'owner': st.session_state.username, 'word': 'tea'}))"
    show = f"{keeping}\nst.text(KEPT[{0 if leaking else -1}])"
    done = audited(lambda: of_two(script(tmp_path / "script.py", show)), NAMED)
    assert [shown[0] for shown in done.result] == [f"this is {user}" for user in ("alice", "alice", "bob", "bob")]
    assert [json.loads(shown[1])["owner"] for shown in done.result][2:] == ["alice" if leaking else "bob"] * 2
    # The list itself is made to be shared; what a session is shown of it is not.
    assert told(done.findings) == ([("IA203", "bob", "alice")] if leaking else [])
    tally = done.auditor.runtime.tally
    assert (
        tally.messages_named == 4
    )  # each run; the connection, of which nobody is known, counts what has asked for them


@pytest.mark.parametrize("leaking", [True, False])
def test_a_key_of_a_cache_that_leaves_the_user_out(audited, tmp_path, leaking):
    name = "st.session_state.username"
    show = f"st.text(note({name}))" if leaking else f"st.text(note({name}, user={name}))"
    done = audited(lambda: of_two(script(tmp_path / "script.py", show, "" if leaking else ", user")), NAMED)
    assert [json.loads(shown[1])["owner"] for shown in done.result][2:] == ["alice" if leaking else "bob"] * 2
    assert told(done.findings) == ([("IA203", "bob", "alice"), ("IA404", "bob", "alice")] if leaking else [])


def test_whoever_has_left_the_state_is_nobody_in_the_next_run(audited, tmp_path):
    show = "if st.query_params.get('out'):\n    del st.session_state['username']"

    async def leaving() -> Any:
        async with serving(script(tmp_path / "script.py", show), lifespan="on") as url, Tab(url) as tab:
            return [await tab.run(query) for query in ("user=alice", "out=1", "", "user=bob")]

    done = audited(leaving, NAMED)
    assert done.result == [[f"this is {user}"] for user in ("alice", "alice", None, "bob")]
    assert done.findings == {}
