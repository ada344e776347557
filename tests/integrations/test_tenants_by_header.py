"""Tenants: where nothing names a user, requests are those of the tenant whom a header names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clients import NAMED, Browser, known, told
from servers import serving

from isolation_audit.integrations.building_blocks.http_request import sources

KEYS = {"acme": "smtp:Zx81-kilo-4417", "globex": "smtp:Qp07-mega-8802"}


def application(settings: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def who(_request: Any) -> Any:
        return JSONResponse(known())

    async def show(request: Any) -> Any:
        return JSONResponse(settings(request.headers["x-tenant-id"]))

    return Starlette(routes=[Route("/who", who), Route("/settings", show)])


def asked(audited: Any, *requests: dict[str, str]) -> Any:
    """Whom the auditor takes for the user of each request."""

    async def scenario() -> list[Any]:
        async with serving(application(None)) as url:
            found = []
            for headers in requests:
                browser = Browser(url, **headers)
                found.append(json.loads(await browser.get("/who")))
                browser.close()
            return found

    return audited(scenario, NAMED)


@pytest.mark.parametrize(
    "header", ["X-Tenant-ID", "x-tenant", "Tenant-Id", "X-Org-Id", "x-organization-slug", "X-Workspace-Key", "company"]
)
def test_headers_that_name_it(audited, header: str) -> None:
    assert asked(audited, {header: "acme"}, {header: "globex"}).result == ["acme", "globex"]


@pytest.mark.parametrize("header", ["X-Tenant-Plan", "X-Target-Tenant", "X-Org-Count", "X-Customer-Note", "X-Shop"])
def test_headers_that_do_not(audited, header: str) -> None:
    assert asked(audited, {header: "acme"}).result == [None]


def test_of_two_the_tenant_has_the_word(audited) -> None:
    assert asked(audited, {"X-Org-Id": "sales", "X-Tenant-Id": "acme"}).result == ["acme"]


@pytest.mark.parametrize(
    "better", [{"X-User": "alice"}, {"X-Account-User": "alice"}, {"Authorization": "Basic YWxpY2U6cHc="}]
)
def test_a_user_has_it_before_any_tenant(audited, better: dict[str, str]) -> None:
    """Also over requests that name nobody but a tenant, from then on."""
    tenant = {"X-Tenant-Id": "acme"}
    done = asked(audited, tenant, tenant | better, tenant)
    assert done.result == ["acme", "alice", None]


def test_what_somebody_of_a_tenant_comes_with_is_not_the_tenants(audited) -> None:
    """A session that goes on with another tenant is no credential that two users share."""
    cookie = {"Cookie": "sessionid=8f3e9a71c04d4b0e"}
    done = asked(audited, cookie | {"X-Tenant-Id": "acme"}, cookie | {"X-Tenant-Id": "globex"}, cookie)
    assert done.result == ["acme", "globex", None]
    assert done.auditor.runtime.part(sources).learned.unlearned == 0


class Settings:
    """Reads a tenant's settings once; ``leaking`` forgets for whom."""

    def __init__(self, *, leaking: bool) -> None:
        self.leaking = leaking
        self.kept: dict[str, Any] = {}

    def __call__(self, tenant: str) -> Any:
        key = "settings" if self.leaking else tenant
        return self.kept.setdefault(key, {"tenant": tenant, "mail": KEYS[tenant]})


@pytest.mark.parametrize("leaking", [True, False])
def test_settings_of_another_tenant(audited, leaking: bool) -> None:
    async def scenario() -> list[Any]:
        async with serving(application(Settings(leaking=leaking))) as url:
            answers = []
            for tenant in KEYS:
                browser = Browser(url, **{"X-Tenant-Id": tenant})
                answers.append(json.loads(await browser.get("/settings"))["tenant"])
                browser.close()
            return answers

    done = audited(scenario, NAMED)
    assert done.result == (["acme", "acme"] if leaking else ["acme", "globex"])
    assert told(done.findings) == ([("IA203", "globex", "acme")] if leaking else [])
