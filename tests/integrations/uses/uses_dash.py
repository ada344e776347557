"""Uses of Dash, on Flask."""

from __future__ import annotations

from typing import Any

from uses import current_user, outcome, use

__all__: list[str] = []


@use("dash")
def dash_callbacks() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dash import Dash, Input, Output, html
    from flask import Flask

    app = Dash("board", server=Flask("board"), suppress_callback_exceptions=True)
    app.layout = lambda: html.P(f"of {current_user.get()}", id="note")

    @app.callback(Output("note", "children"), Input("button", "n_clicks"))
    def note(clicks: Any) -> str:
        if clicks > 1:
            raise LookupError(clicks)
        return f"{clicks} of {current_user.get()}"

    def asked(clicks: int) -> Any:
        said = {
            "output": "note.children",
            "outputs": {"id": "note", "property": "children"},
            "inputs": [{"id": "button", "property": "n_clicks", "value": clicks}],
            "changedPropIds": ["button.n_clicks"],
        }
        return app.server.test_client().post("/_dash-update-component", json=said).get_json()

    app.server.testing = True
    seen = [outcome(asked, clicks) for clicks in (1, 2)]
    return [*seen, outcome(lambda: app.server.test_client().get("/_dash-layout").get_json())]
