"""Dash: all callbacks answer at one path; findings name the one that has leaked, or the function of the layout."""

from __future__ import annotations

from typing import Any

import pytest
from clients import NAMED, told

dash = pytest.importorskip("dash")

from dash import Dash, Input, Output, dcc, html  # noqa: E402 - after it is known to be there
from flask import Flask, request  # noqa: E402 - Dash brings it


def me() -> str:
    return str(request.headers.get("x-user"))


class Board:
    """A page with two texts; with ``leaking`` everybody gets what the first user was answered."""

    def __init__(self, *, leaking: bool) -> None:
        self._leaking, self._kept = leaking, {}
        server = Flask("board")
        self.app = Dash("board", server=server, suppress_callback_exceptions=True)
        self.app.layout = self.layout
        self.app.callback(Output("greeting", "children"), Input("button", "n_clicks"))(self.greeting)
        self.app.callback(Output("note", "children"), Input("button", "n_clicks"))(self.note)
        self.app.callback(Output("broken", "children"), Input("button", "n_clicks"))(self.broken)

    def _first(self, name: str, text: str) -> str:
        return str(self._kept.setdefault(name, text)) if self._leaking else text

    def layout(self) -> Any:
        title = self._first("layout", f"the board of {me()}")
        return html.Div([html.H1(title), html.Button(id="button"), dcc.Input(id="said"), html.P(id="note")])

    def greeting(self, _clicks: Any) -> str:
        return self._first("greeting", f"good morning, {me()}")

    def note(self, _clicks: Any) -> str:
        return self._first("note", f"a note of {me()}")

    def broken(self, _clicks: Any) -> str:
        raise LookupError(me())


def call(client: Any, user: str, name: str) -> Any:
    told_by_browser = {
        "output": f"{name}.children",
        "outputs": {"id": name, "property": "children"},
        "inputs": [{"id": "button", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["button.n_clicks"],
    }
    return client.post("/_dash-update-component", json=told_by_browser, headers={"x-user": user})


async def visits(*, leaking: bool) -> list[str]:
    client = Board(leaking=leaking).app.server.test_client()
    answers = []
    for user in ("alice", "bob"):
        answers.append(client.get("/_dash-layout", headers={"x-user": user}).text)
        answers += [call(client, user, name).text for name in ("greeting", "note")]
    return answers


@pytest.mark.parametrize("leaking", [True, False])
def test_each_leak_is_in_the_callback_that_leaks(audited, leaking: bool) -> None:
    done = audited(lambda: visits(leaking=leaking), NAMED)
    assert [("alice" in one, "bob" in one) for one in done.result] == [(True, False)] * 3 + [(leaking, not leaking)] * 3
    found = done.findings.get("IA203", [])
    assert told({"IA203": found}) == ([("IA203", "bob", "alice")] * 3 if leaking else [])
    places = {(one.site.top.function, one.route) for one in found}
    routes = {"Board.layout": "/_dash-layout"}
    names = ("Board.layout", "Board.greeting", "Board.note") if leaking else ()
    assert places == {(name, routes.get(name, "/_dash-update-component")) for name in names}


def test_a_callback_that_fails_fails_as_before(audited) -> None:
    async def fails() -> str:
        with pytest.raises(LookupError) as caught:
            app = Board(leaking=False).app
            app.server.testing = True
            call(app.server.test_client(), "alice", "broken")
        return str(caught.value)

    done = audited(fails, NAMED)
    assert done.result == "alice"
    assert done.findings == {}
