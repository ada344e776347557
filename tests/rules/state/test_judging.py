"""The judge of state: each verdict with its words, and what is next to it and silent."""

import importlib
import itertools
import os
import sys
import textwrap

import pytest
from small_leaks import LEAKS

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import load_config
from isolation_audit.model.rules import Severity

_numbers = itertools.count()
PIN = "the pin of my card is 47-11"


def told(findings):
    return {(one.rule, one.severity, one.witnesses.provenance) for one in findings}


VERDICTS = {
    "global": (Severity.ERROR, "had come in with the writer's own work, and has not come in with this one"),
    "queue": (Severity.WARNING, "had come in with the writer's own work, and has not come in with this one"),
    "kept in a dict by whoever came first": (Severity.ERROR, "it was made from who was there, the writer"),
    "rows that name their owners": (Severity.WARNING, "what the application keeps under the writer's name"),
    "a context that is kept": (Severity.WARNING, "it is built around the writer's id"),
    "a name by which something is looked up": (Severity.WARNING, "the writer's has overwritten it meanwhile"),
}


@pytest.mark.parametrize("kind", VERDICTS)
def test_a_verdict_says_what_it_is_made_of(audited, kind):
    severity, words = VERDICTS[kind]
    ((rule, given, why),) = told(audited(LEAKS[kind][0])[0])
    assert (rule, given) == ("IA402", severity)
    assert words in why


NAMED = """
    last = {{"user": None}}

    def handle(user, text):
        {first}
        before = last["user"]
        last["user"] = user
        return {{"before": before, "text": text}}
    """


def test_a_name_that_nothing_has_brought_in(audited):
    (finding,) = audited(NAMED.format(first="pass"))[0]
    assert finding.severity is Severity.ERROR
    assert finding.witnesses.provenance == "it names the writer, and nothing that has come in with this work does"


@pytest.mark.parametrize("text", ["alice", "what has Alice said?"])
def test_whoever_has_asked_for_somebody_by_name_is_told(audited, text):
    assert audited(NAMED.format(first="pass"), asked={"alice": PIN, "bob": text})[0] == []


def test_a_name_that_stands_in_the_code(audited):
    assert audited(NAMED.format(first="owners = ['alice', 'bob']"))[0] == []


GLOBAL = LEAKS["global"][0]


def test_what_has_come_in_with_the_reader_too(audited):
    assert audited(GLOBAL, asked={"alice": PIN, "bob": f"is it that {PIN}?"})[0] == []


def test_what_a_third_user_has_said_too_is_known_to_many(audited):
    keeps = """
        first = []

        def handle(user, text):
            if user == "bob":
                return first[0]
            first.append(text)
        """
    assert audited(keeps, asked={"alice": PIN, "carol": PIN, "bob": "good morning"})[0] == []
    assert audited(keeps, asked={"alice": PIN, "carol": "good evening", "bob": "good morning"})[0]


def test_what_stands_in_the_code_is_nobodys(audited):
    hint = f"def handle(user, text):\n            hint = '{PIN}'"
    assert audited(GLOBAL.replace("def handle(user, text):", hint))[0] == []


def test_what_is_about_the_reader(audited):
    assert audited(GLOBAL, asked={"alice": f"tell bob that {PIN}", "bob": "good morning"})[0] == []


THREAD = """
    import threading

    local = threading.local()

    def handle(user, text):
        {first}
        before = getattr(local, "colour", None)
        local.colour = text
        return before
    """


def test_a_short_text_that_was_left_in_a_thread(audited):
    asked = {"alice": "teal", "bob": "pink"}
    (finding,) = audited(THREAD.format(first="pass"), asked=asked)[0]
    assert "was left in this thread" in finding.witnesses.provenance
    assert audited(THREAD.format(first="local.colour = text"), asked=asked)[0] == []
    assert audited(THREAD.format(first='known = ["teal", "pink"]'), asked=asked)[0] == []


LOOKED_UP = """
    answers = {{}}

    def handle(user, text):
        key = {key}
        if key in answers:
            return answers[key]
        answers[key] = "well, " + text
        return {returned}
    """


@pytest.mark.parametrize("key", ["user + text", "(user, text)", "hash((user, text))"])
@pytest.mark.parametrize("returned", ["None", "(user, user) in answers", "key not in answers"])
def test_whether_a_container_has_something_tells_nothing_of_what_else_it_has(audited, key, returned):
    assert audited(LOOKED_UP.format(key=key, returned=returned))[0] == []


def test_a_key_that_two_users_have_in_common(audited):
    assert audited(LOOKED_UP.format(key="len(user) > 9", returned="None"))[0]


OVER = """
    kept = {{}}

    def handle(user, text):
        kept[{key}] = text
        return "saved"
    """


def test_one_place_that_several_overwrite_is_a_note(audited):
    (finding,) = audited(OVER.format(key='"last"'), notes=True)[0]
    assert finding.severity is Severity.NOTE
    assert finding.witnesses.provenance == "units of several users overwrite it"
    assert finding.site_label == "overwritten here"


def test_a_place_for_each_and_one_of_equal_texts_is_not(audited):
    assert audited(OVER.format(key="user"), notes=True)[0] == []
    assert audited(OVER.format(key="len(user) > 9"), notes=True)[0] == [], "it may be a room's, or anything's"
    assert audited(OVER.format(key='"last"'), asked={"alice": PIN, "bob": PIN}, notes=True)[0] == []
    assert audited(OVER.format(key='"last"'), asked={"alice": PIN}, notes=True)[0] == []


def test_what_lies_in_one_of_many_mailboxes_is_meant_for_whoever_opens_it(audited):
    boxes = (
        LEAKS["queue"][0].replace("waiting = queue.Queue()", "boxes = [queue.Queue()]").replace("waiting", "boxes[0]")
    )
    assert audited(LEAKS["queue"][0])[0]
    findings, (_nothing, taken) = audited(boxes)
    assert taken == {"text": PIN}
    assert findings == []


def test_a_writer_whom_a_better_source_has_named_since(tmp_path, monkeypatch):
    """As where a request's header has told the first user, before any login had."""
    source = """
        kept = {}

        def handle(user):
            kept.setdefault("owner", user)
            return "rows of " + kept["owner"]
        """
    name = f"small_app_{os.getpid()}_{next(_numbers)}"
    monkeypatch.syspath_prepend(tmp_path)
    tmp_path.joinpath(f"{name}.py").write_text(textwrap.dedent(source))
    config = tmp_path / "isolation-audit.toml"
    config.write_text('[audit]\ndepth = "state"\n')
    try:
        with Auditor(load_config(config)) as auditor:
            handle = importlib.import_module(name).handle
            with user_scope("alice"):
                handle("alice")
            auditor.runtime.users.forget("alice")
            with user_scope("alice"):
                pass
            with user_scope("bob"):
                assert handle("bob") == "rows of alice"
    finally:
        sys.modules.pop(name, None)
    found = [(entry.finding.rule, entry.finding.severity) for entry in auditor.recorder.entries()]
    assert ("IA402", Severity.ERROR) in found


RACE = """
    import asyncio

    class Account:
        balance = 100

    account = Account()

    async def handle(user, text):
        balance = account.balance
        {waits}
        account.balance = balance - 10
        return {{"ok": True}}
    """


def test_an_update_is_lost_across_an_await(audited):
    findings, _said = audited(RACE.format(waits="await asyncio.sleep(0.03)"))
    assert [(one.rule, one.severity) for one in findings] == [("IA402", Severity.WARNING)]
    assert "an update is lost" in findings[0].message
    assert "account.balance" in findings[0].message


def test_an_update_without_a_wait_is_not(audited):
    assert audited(RACE.format(waits="pass"))[0] == []


def test_a_counter_that_several_users_count_is_silent(audited):
    source = RACE.format(waits="account.balance += 1").replace("account.balance = balance - 10", "return balance")
    assert audited(source)[0] == []


def test_a_number_that_is_set_without_a_look_at_it_is_silent(audited):
    source = RACE.format(waits="await asyncio.sleep(0.03)").replace(
        "balance = account.balance", "balance = len(user)", 1
    )
    assert audited(source)[0] == []
