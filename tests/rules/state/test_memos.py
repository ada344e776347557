"""Memos: what a function keeps the first time; it is a leak where it is made from whoever was there."""

import pytest

DICT = """
    {before}
    KEPT = {{}}

    def plan_of(user):
        {memo}
        return KEPT["plan"]

    def handle(user, text):
        return {{"plan": plan_of(user)}}
    """

OBJECT = """
    {before}
    class Service:
        plan = None

        def plan_of(self, user):
            {memo}
            return self.plan

    service = Service()

    def handle(user, text):
        return {{"plan": service.plan_of(user)}}
    """

FORMS = {
    "not in": (DICT, 'if "plan" not in KEPT: KEPT["plan"] = made'),
    "get": (DICT, 'KEPT["plan"] = KEPT.get("plan") or made'),
    "setdefault": (DICT, 'KEPT.setdefault("plan", None)\n        if KEPT["plan"] is None: KEPT["plan"] = made'),
    "except": (DICT, 'try: KEPT["plan"]\n        except KeyError: KEPT["plan"] = made'),
    "is None": (OBJECT, "if self.plan is None: self.plan = made"),
    "not": (OBJECT, "if not self.plan: self.plan = made"),
    "or": (OBJECT, "self.plan = self.plan or made"),
    "getattr": (OBJECT, 'if getattr(self, "plan", None) is None: self.plan = made'),
}
OF_THE_USER = "made = [len(user) * 3]"
OF_NOBODY = "made = [len('plans') * 3]"


def program(form, made):
    template, memo = FORMS[form]
    margin = 8 if template is DICT else 12
    return template.format(
        before="", memo=f"{made}\n{' ' * margin}{memo.replace(chr(10), chr(10) + ' ' * (margin - 8))}"
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_of_the_user_is_kept_for_everybody(audited, form):
    findings, said = audited(program(form, OF_THE_USER))
    assert said == [{"plan": [15]}] * 2
    assert ["kept where everybody finds it" in one.witnesses.provenance for one in findings] == [True]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_made_of_nobody_may_be(audited, form):
    findings, said = audited(program(form, OF_NOBODY))
    assert said == [{"plan": [15]}] * 2
    assert findings == []


def test_who_stores_each_time_keeps_no_memo(audited):
    template, _memo = FORMS["is None"]
    memo = "before, self.plan = self.plan, [len(user) * 3]\n            return before"
    findings, said = audited(template.format(before="", memo=memo))
    assert said == [{"plan": None}, {"plan": [15]}]
    assert findings == []


def test_a_key_that_tells_users_apart(audited):
    source = program("not in", OF_THE_USER).replace('"plan"', "user", 3).replace('KEPT["plan"]', "KEPT[user]")
    findings, said = audited(source)
    assert [*said[0].values(), *said[1].values()] == [[15], [9]]
    assert findings == []
