"""State between requests: of users, and of sessions that nobody knows."""

from requesting import ALICE, BOB, FIRST, SECOND, note


def test_one_users_note_is_anothers(asked):
    findings = asked(note("the+pin+is+4711", ALICE), note("buy+milk", BOB))
    assert {one.rule for one in findings} == {"IA402", "IA203"}, "where it was read, and where it has left"
    assert {one.route for one in findings} == {"/note"}


def test_ones_own_note(asked):
    assert asked(note("the+pin+is+4711", ALICE), note("buy+milk", ALICE)) == []


def test_two_sessions_of_nobody_are_two(asked):
    assert [one.rule for one in asked(note("the+pin+is+4711", FIRST), note("buy+milk", SECOND))] == ["IA402"]


def test_one_session_of_nobody_is_one(asked):
    assert asked(note("the+pin+is+4711", FIRST), note("buy+milk", FIRST)) == []


def test_requests_without_any_sign_are_not_told_apart(asked):
    assert asked(note("the+pin+is+4711", {}), note("buy+milk", {})) == []


def test_a_visitor_finds_what_a_user_has_left(asked):
    assert [one.rule for one in asked(note("the+pin+is+4711", ALICE), ("/look", "", {}))] == ["IA402"]


def test_a_session_that_was_nobodys_becomes_its_users(asked):
    assert asked(note("the+pin+is+4711", FIRST), ("/look", "", {**FIRST, **ALICE})) == []


def test_what_has_come_in_with_the_reader_too_is_explained(asked):
    assert asked(note("tea+no+4711", ALICE), note("tea+no+4711", BOB)) == []


def test_what_a_third_user_has_sent_too_is_known_to_many(asked):
    carol = {"x-user": "carol-3"}
    assert asked(note("tea+no+4711", carol), note("tea+no+4711", ALICE), ("/look", "", BOB)) == []


def test_a_user_whose_id_is_a_number_is_looked_for_by_name(asked):
    """The number may stand anywhere in what comes in: here it is a part of the reader's own."""
    findings = asked(("/seen", "number=8", {}), ("/seen", "number=80", {}))
    assert [one.rule for one in findings if one.rule == "IA402"] == ["IA402"]


def test_the_same_user_again(asked):
    assert asked(("/seen", "number=8", {}), ("/seen", "number=8", {})) == []


def test_a_short_text_that_was_left_in_a_thread(asked):
    (finding,) = asked(("/tenant", "of=zorro", ALICE), ("/tenant", "", BOB))
    assert (finding.rule, finding.severity.value) == ("IA402", "error")
    assert "was left in this thread" in finding.message


def test_a_thread_whose_own_place_is_set_each_time(asked):
    assert asked(("/tenant", "of=zorro", ALICE), ("/tenant", "of=initech", BOB)) == []
