"""Small leaks of every kind of state, each found; their twins, and what is shared by design, silent."""

import pytest
from healthy import HEALTHY
from small_leaks import LEAKS


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_found(audited, kind):
    findings, _said = audited(LEAKS[kind][0])
    assert [one.rule for one in findings if one.rule == "IA402"], findings
    finding = next(one for one in findings if one.rule == "IA402")
    assert "47-11" not in finding.message
    assert finding.site.top.line > 1
    assert finding.origin.top.line > 1


@pytest.mark.parametrize("kind", LEAKS)
def test_its_twin_is_silent(audited, kind):
    assert audited(LEAKS[kind][1])[0] == []


@pytest.mark.parametrize("kind", HEALTHY)
def test_what_is_shared_by_design_is_silent(audited, kind):
    assert audited(HEALTHY[kind])[0] == []
