"""What users share by design, or by no means, as the configuration says it."""

import pytest
from small_leaks import LEAKS

from isolation_audit.model.rules import Severity

SHARED = '[[shared]]\ntarget = "{{app}}:last"\npolicy = "{}"\n{}'


def test_what_is_shared_by_design_can_be_said(audited):
    findings, _said = audited(LEAKS["global"][0])
    assert 'policy = "allow"' in findings[0].remedy
    allowed = SHARED.format("allow", 'reason = "everybody reads it"\n')
    assert audited(LEAKS["global"][0], allowed)[0] == []


@pytest.mark.parametrize("target", [":lasting", ":las"])
def test_an_entry_for_something_else_allows_nothing(audited, target):
    other = SHARED.format("allow", 'reason = "x"\n').replace(":last", target)
    findings, _said = audited(LEAKS["global"][0], other)
    assert [one.rule for one in findings] == ["IA402"]


def test_the_class_of_an_object_on_the_way_allows_what_it_holds(audited):
    by_class = '[[shared]]\ntarget = "{app}:Agent"\npolicy = "allow"\nreason = "x"\n'
    assert audited(LEAKS["a frozen object"][0])[0]
    assert audited(LEAKS["a frozen object"][0], by_class)[0] == []


def test_what_is_guarded_is_an_error(audited):
    (finding,) = audited(LEAKS["queue"][0])[0]
    assert finding.severity is Severity.WARNING
    (guarded,) = audited(LEAKS["queue"][0], SHARED.format("guard", "").replace(":last", ":waiting"))[0]
    assert guarded.severity is Severity.ERROR
