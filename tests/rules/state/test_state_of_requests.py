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


def test_a_page_that_is_kept_by_its_path_has_left_for_another_user(asked):
    """The path was asked for; that the page has the first one's name in it, what has left tells."""
    findings = asked(("/page", "", ALICE), ("/page", "", BOB))
    assert [(one.rule, one.severity.value) for one in findings] == [("IA203", "error"), ("IA402", "error")]
    assert ".pages[...]" in findings[1].message
    assert "it has left with this work's answer" in findings[1].message


def test_a_page_that_is_kept_and_given_to_its_user_alone(asked):
    assert asked(("/page", "", ALICE), ("/page", "", ALICE)) == []


def test_what_has_waited_for_somebody_is_handed_to_whoever_comes(asked):
    findings = asked(("/leave", "text=my+pin+is+4711+since+may", ALICE), ("/collect", "to=me", BOB))
    assert [one.rule for one in findings] == ["IA203", "IA402"]
    assert ".waiting" in findings[1].message


def test_what_has_waited_is_handed_on_and_leaves_with_no_answer(asked):
    assert asked(("/leave", "text=my+pin+is+4711+since+may", ALICE), ("/collect", "to=all", BOB)) == []


CAROL = {"x-user": "carol-3"}
ACTS = [("/act", "text=the+pin+is+4711", ALICE), ("/act", "text=buy+milk+and+tea", BOB)]


def test_staff_reads_what_all_have_done(asked):
    assert asked(*ACTS, ("/audit", "", CAROL)) == []


def test_anybody_reads_what_all_have_done(asked):
    assert "IA402" in [one.rule for one in asked(*ACTS, ("/own", "", CAROL))]


DEPOSITS = [("/deposit", "n=4711&memo=salary+for+may+12", ALICE), ("/deposit", "n=8822&memo=from+aunt+mary", BOB)]


def test_a_log_is_replayed_for_a_number(asked):
    assert asked(*DEPOSITS, ("/replay", "", CAROL)) == []


def test_a_log_is_replayed_for_its_memos(asked):
    assert {"IA203", "IA402"} == {one.rule for one in asked(*DEPOSITS, ("/memos", "", CAROL))}
