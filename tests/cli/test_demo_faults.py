"""``demo --fault``: every mistake of the example is caught by the rule that is meant, and by no other error."""

import json

import pytest

from doors import cli
from isolation_audit.cli.faults import known_faults

KNOWN = [fault.name for fault in known_faults().values() if fault.has_rule]


def provoke(name, users, folder):
    done = cli("demo", "--fault", name, "--users", str(users), "--json", "--report", str(folder), cwd=folder)
    said = json.loads(done.out)
    assert (said["fault"], said["users"]) == (name, users)
    assert said["as_expected"], said
    assert said["findings"][said["expected"]] > 0
    assert done.code == 0
    return said


@pytest.mark.parametrize("name", ["anonymous_user", "kept_emitter", "lost_tool_completed", "swallowed_delivery"])
def test_a_fault_is_caught(name, tmp_path):
    provoke(name, 10, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("users", [10, 50])
@pytest.mark.parametrize("name", KNOWN)
def test_every_fault_is_caught(name, users, tmp_path):
    provoke(name, users, tmp_path)


def test_the_list_for_programs_and_for_people(tmp_path):
    listed = json.loads(cli("demo", "--list-faults", "--json", cwd=tmp_path).out)
    assert listed["schema"] == 1
    assert len(listed["faults"]) >= 15
    assert {"name", "description", "rule", "engine", "has_rule"} == set(listed["faults"][0])
    text = cli("demo", "--list-faults", cwd=tmp_path).out.decode()
    assert all(fault["name"] in text for fault in listed["faults"])


def test_an_unknown_fault_is_one_line(tmp_path):
    done = cli("demo", "--fault", "no_such", cwd=tmp_path)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("error: the example has no fault 'no_such'; it has anonymous_user,")
    assert "Traceback" not in done.err
