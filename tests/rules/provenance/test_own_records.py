"""What an application keeps under users' names, and gives to others without naming anybody."""

from __future__ import annotations

import cProfile
import pstats

import pytest
from visiting import visit

from isolation_audit.rules.provenance import own_records

ALICE, BOB = "own-alice", "own-bob"
HEAD = f"""
from collections import Counter

from cachelib import SimpleCache
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

OWED = {{"{ALICE}": 81230, "{BOB}": 41177}}
CARDS = {{
    "{ALICE}": {{"number": "4929-1182", "plan": "plan-2024-x"}},
    "{BOB}": {{"number": "5100-7731", "plan": "plan-2024-x"}},
}}
ROWS = [{{"seller": "{ALICE}", "price": 77120}}, {{"seller": "{BOB}", "price": 31415}}]
BILLS = [{{"owner": "{ALICE}", "amount": 88012}}, {{"owner": "{BOB}", "amount": 3}}]
POSTS = [{{"owner": "{ALICE}", "views": 48213, "public": True}}, {{"owner": "{BOB}", "views": 7, "public": False}}]
BOUGHT = {{"{ALICE}": ["lamp-4471", "bulb-e27-60w", "vase-9-k-5"], "{BOB}": ["lamp-4471"]}}
BESIDE = {{"lamp-4471": Counter(["bulb-e27-60w"])}}
kept = {{}}

class Bill:
    def __init__(self, owner, amount):
        self.owner = owner
        self.amount = amount

OBJECTS = [Bill("{ALICE}", 77423), Bill("{BOB}", 4)]

def is_admin(user):
    return user != "nobody"

class Ledger:
    def __init__(self):
        self.years = {{"{ALICE}": [55911], "{BOB}": [66822]}}

ledger = Ledger()

def who(request):
    return request.headers["x-user"]

def first(request):
    return kept.setdefault("user", who(request))

def bills_of(user):
    return [bill["amount"] for bill in BILLS if bill["owner"] == user]

cache = SimpleCache()

def cached(make):
    held = cache.get("page")
    if held is None:
        held = make()
        cache.set("page", held)
    return held

def best():
    return max(owed for user, owed in OWED.items())

"""
LEAKS = {
    "a number": "return JSONResponse({'owed': OWED[first(request)]})",
    "a field of a record": "return JSONResponse({'card': CARDS[first(request)]['number']})",
    "an object's own table": "return JSONResponse(ledger.years[first(request)])",
    "records that are selected by the last user": "return JSONResponse(bills_of(first(request)))",
    "objects that are": "return JSONResponse([one.amount for one in OBJECTS if first(request) == one.owner])",
    "an entry that her own work has put into a cache": "return JSONResponse("
    "{'owed': cached(lambda: OWED[who(request)])})",
    "what nobody has counted": "return JSONResponse({'bought': BOUGHT[first(request)][2]})",
    "within a text": "return JSONResponse({'text': f'You owe {OWED[first(request)]} euros.'})",
}
CLEAN = {
    "the user's own": "return JSONResponse({'owed': OWED[who(request)]})",
    "what is counted": "return JSONResponse({'also': [*BESIDE['lamp-4471']], 'seen': first(request)[:3]})",
    "what several have": "return JSONResponse({'plan': CARDS[first(request)]['plan']})",
    "everybody's": "return JSONResponse(list(OWED.values()))",
    "the best of all": "return JSONResponse({'best': max(OWED.values()), 'seen': first(request)[:3]})",
    "the best of all, by a function": "return JSONResponse({'best': best(), 'seen': first(request)[:3]})",
    "the best of all, out of a cache": "return JSONResponse({'best': cached(best)})",
    "of whoever the view is written with": f"return JSONResponse({{'owed': OWED['{ALICE}']}})",
    "rows that others may read": "return JSONResponse([row['price'] for row in ROWS if row['seller'] != who(request)])",
    "records that are selected by their own user": "return JSONResponse(bills_of(who(request)))",
    "records that no owner selects": "return JSONResponse([one['amount'] for one in BILLS if one['amount'] > 3])",
    "records that are for all": "return JSONResponse("
    "[one['views'] for one in POSTS if one['owner'] == first(request) or one['public']])",
    "records for an administrator": "return JSONResponse(bills_of(first(request)) if is_admin(who(request)) else [])",
    "what the view is written with": "return JSONResponse({'limit': 81230, 'seen': first(request)[:3]})",
}
APP = """
async def page(request):
    {}

app = Starlette(routes=[Route("/page", page)])
"""


@pytest.fixture
def found_in(load_app, monkeypatch):
    """What an audit finds of a page with this body, which alice asks for, and then bob: a module with a file."""

    def found(body: str) -> list[tuple[str, str, str | None, str | None, str]]:
        module = load_app(HEAD + APP.format(body))
        module.__file__ = module.best.__code__.co_filename
        # The tests' own modules hold more than is looked at once.
        monkeypatch.setattr(own_records, "application_modules", lambda: [module])
        return visit(module.app, "/page", ALICE, BOB)

    return found


@pytest.mark.parametrize("body", LEAKS.values(), ids=LEAKS)
def test_what_stands_under_another_users_name(found_in, body: str) -> None:
    ((rule, severity, reader, other, message),) = found_in(body)
    assert (rule, severity, reader, other) == ("IA203", "warning", BOB, ALICE)
    assert "keeps it under the other user's name" in message


@pytest.mark.parametrize("body", CLEAN.values(), ids=CLEAN)
def test_what_may_be_given(found_in, body: str) -> None:
    assert found_in(body) == []


def test_a_profiler_of_the_application_goes_on(found_in) -> None:
    profile = cProfile.Profile()
    profile.enable()
    try:
        assert found_in(LEAKS["a number"])
        _is_profiled()
    finally:
        profile.disable()
    assert any(name == "_is_profiled" for _file, _line, name in pstats.Stats(profile).stats)  # type: ignore[attr-defined]


def _is_profiled() -> None:
    """Called after the look."""
