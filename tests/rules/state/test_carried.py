"""What is stored back where it was read: who has put something in stays known, whoever has stored it back."""

import pytest

ASKED = {
    "alice": "the pin of my card is 47-11",
    "bob": "please buy some milk",
    "carol": "where is my blue umbrella",
}

SHARED = """
    class Agent:
        def __init__(self):
            self.history = {empty}

        def ask(self, text):
            {add}
            self.history = {back}
            return {answer}

    def model(messages):
        return f"{{len(messages)}} messages"

    agent = Agent()

    def handle(user, text):
        return agent.ask(text)
    """
LIST = {"empty": "[]", "add": "self.history.append(text)"}
WAYS = {
    "the last of a list": LIST | {"back": "self.history[-9:]"},
    "a list of those that are wanted": LIST | {"back": "[one for one in self.history if one]"},
    "a function's": LIST | {"back": "list(reversed(self.history))"},
    "one more": {"empty": "[]", "add": "pass", "back": "[*self.history, text]"},
    "a dict with one more": {"empty": "{}", "add": "pass", "back": "{**self.history, len(self.history): text}"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_is_asked_with_it_is_told(audited, way):
    findings, _said = audited(SHARED.format(**WAYS[way], answer="model(self.history)"), asked=ASKED)
    assert {one.rule for one in findings} == {"IA402"}


@pytest.mark.parametrize("way", WAYS)
def test_the_first_one_who_stores_it_back_is_told_at_once(audited, way):
    two = dict(list(ASKED.items())[:2])
    source = SHARED.format(**WAYS[way], answer='"saved" if len(self.history) < 2 else model(self.history)')
    assert {one.rule for one in audited(source, asked=two)[0]} == {"IA402"}


@pytest.mark.parametrize("way", WAYS)
def test_who_keeps_it_in_order_alone_is_silent(audited, way):
    assert audited(SHARED.format(**WAYS[way], answer="len(self.history)"), asked=ASKED)[0] == []


@pytest.mark.parametrize("way", WAYS)
def test_one_users_own_is_silent(audited, way):
    own = SHARED.format(**WAYS[way], answer="model(self.history)").replace(
        "agent.ask(text)", "agents.setdefault(user, Agent()).ask(text)"
    )
    assert audited(own.replace("agent = Agent()", "agents = {}"), asked=ASKED)[0] == []
