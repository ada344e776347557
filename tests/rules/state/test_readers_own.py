"""Objects in the reader's name: what others put there is handed over."""

import pytest

from isolation_audit.instrument.rewrite.listener import ATTRIBUTE, ITEM
from isolation_audit.model.users import User
from isolation_audit.rules.state.readers_own import is_of_reader, lies_under
from isolation_audit.rules.state.records import StateEntry, Write
from isolation_audit.rules.state.units import Unit

ALICE, BOB = User("alice"), User("bob")


class Session:
    def __init__(self, user):
        self.user, self.partner = user, None


def nothing(_identity):
    return None


def entry(*writers):
    made = StateEntry(Unit(None, ALICE))
    made.slots[(ATTRIBUTE, "user")] = [Write(Unit(None, one), 1, one.id) for one in writers]
    return made


def test_an_object_in_ones_own_name_is_ones_own():
    assert is_of_reader(Session("alice"), nothing, ALICE)
    assert is_of_reader(Session("alice"), lambda _: entry(ALICE), ALICE)


def test_a_current_user_that_others_store_too_is_nobodys_own():
    assert not is_of_reader(Session("alice"), lambda _: entry(BOB, ALICE), ALICE)


@pytest.mark.parametrize("reader", [BOB, None])
def test_anothers_name_says_nothing(reader):
    assert not is_of_reader(Session("alice"), nothing, reader)


PAIRS = """
    import asyncio

    class Session:
        def __init__(self, user):
            self.user, self.partner = user, None

    sessions = []

    async def handle(user, text):
        if user == "bob":
            sessions[0].partner = Session({name})
            return ""
        mine = Session(user)
        sessions.append(mine)
        await asyncio.sleep(0.05)
        return mine.partner.user
    """


@pytest.mark.parametrize(("name", "found"), [("user", False), ("text", True)])
def test_a_partner_that_is_given_to_somebody_in_their_session(audited, name, found):
    findings, said = audited(PAIRS.format(name=name), asked={"alice": "who is it?", "bob": "bob, the pin is 47-11"})
    assert said[0].startswith("bob")
    assert bool(findings) is found


def test_an_entry_under_ones_own_name_is_ones_own():
    assert lies_under(ITEM, "alice", ALICE)
    assert not lies_under(ITEM, "alice", BOB)
    assert not lies_under(ITEM, "alice", None)
    assert not lies_under(ATTRIBUTE, "alice", ALICE)


LOADED = """
    class Account:
        def __init__(self, name, secret):
            self.{name}, self.secret = name, secret

    class Accounts:
        def __init__(self):
            self.kept = {{}}

        def load(self, text):
            for name in ("alice", "bob"):
                self.kept[name] = Account(name, f"{{text}} of {{name[::-1]}}")

    accounts = Accounts()

    def handle(user, text):
        if not accounts.kept:
            accounts.load(text)
        which = {which}
        account = accounts.kept[which]
        return account.secret
    """


@pytest.mark.parametrize(
    ("which", "name", "found"),
    [
        ("user", "name", False),
        ("user", "shown", False),
        ("'alice'", "name", True),
        ("sorted(accounts.kept)[0]", "a", True),
    ],
)
def test_whoever_comes_first_loads_all_accounts(audited, which, name, found):
    assert bool(audited(LOADED.format(which=which, name=name))[0]) is found
