"""Schemas that are served by a library's own view: a finding points at the resolver of what was asked for."""

from __future__ import annotations

from typing import Any

import pytest
from clients import NAMED, Browser, told
from servers import serving

fastapi = pytest.importorskip("fastapi")
strawberry = pytest.importorskip("strawberry")
router = pytest.importorskip("strawberry.fastapi")

QUERY = "/graphql?query=%7B{}%7D"


def application(*, leaking: bool) -> Any:
    """``account`` and ``address`` are fields; with ``leaking`` what the first one has asked for is everybody's."""
    kept: dict[str, str] = {}

    def account(info: strawberry.Info) -> str:
        user = info.context["request"].headers["x-user"]
        return (kept if leaking else {}).setdefault("account", f"{user} has 7")

    def address(info: strawberry.Info) -> str:
        user = info.context["request"].headers["x-user"]
        return (kept if leaking else {}).setdefault("address", f"{user} lives here")

    fields = {one.__name__: strawberry.field(resolver=one) for one in (account, address)}
    app = fastapi.FastAPI()
    schema = strawberry.Schema(strawberry.type(type("Query", (), fields)))
    app.include_router(router.GraphQLRouter(schema, allow_queries_via_get=True), prefix="/graphql")
    app.resolvers = account, address
    return app


async def asked(app: Any) -> list[str]:
    async with serving(app) as url:
        browser = Browser(url)
        try:
            return [
                await browser.get(QUERY.format(field), user)
                for field in ("account", "address", "__typename")
                for user in ("alice", "bob", "alice")
            ]
        finally:
            browser.close()


@pytest.mark.parametrize("leaking", [True, False])
def test_the_place_is_the_resolvers(audited, leaking):
    app = application(leaking=leaking)
    done = audited(lambda: asked(app), NAMED)
    assert ["alice" in str(one) for one in done.result] == [True, leaking, True] * 2 + [False] * 3
    assert told(done.findings) == ([("IA203", "bob", "alice")] * 2 if leaking else [])
    places = sorted((one.site.top.file, one.site.top.function) for one in done.findings.get("IA203", ()))
    expected = [(__file__, f"application.<locals>.{name}") for name in ("account", "address")]
    assert places == (expected if leaking else [])
