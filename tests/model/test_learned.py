"""Whom a credential belongs to, once a request with it has named its user."""

from __future__ import annotations

import gc
import re

import pytest

from isolation_audit.model.bindings import Bindings
from isolation_audit.model.learned import LearnedUsers
from isolation_audit.model.pseudonyms import Pseudonyms
from isolation_audit.model.requests import Request
from isolation_audit.model.sources import AMBIENT, LOGIN, SCOPES, TOKEN, UNPRESENTED, Sources
from isolation_audit.model.user_names import Name
from isolation_audit.model.user_sources import SOURCES, USER_HEADERS
from isolation_audit.model.users import Kind, Users, same

ALICE = "session=alice-1f3a9c"
BOB = "session=bob-77e0d2"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def users():
    return Users()


@pytest.fixture
def learned(clock):
    return LearnedUsers(limit=100, age=60.0, clock=clock)


@pytest.fixture
def sources(users, learned):
    return Sources(users, Bindings(), SOURCES, USER_HEADERS, learned=learned)


def request(sources, scope=None, query="", **headers):
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(sources, lambda: given, scope={} if scope is None else scope, query=lambda: query)


def who(one):
    user = one.user()
    return None if user is None else user.id


def log_in(sources, user, rank=LOGIN, **headers):
    one = request(sources, **headers)
    one.told(rank, Name(user))
    one.end()


@pytest.mark.parametrize(
    "given",
    [
        {"cookie": ALICE},
        {"authorization": "Bearer opaque-1f3a9c"},
        {"x_api_key": "key-1f3a9c"},
        {"query": "access_token=opaque-1f3a9c"},
    ],
)
def test_what_came_with_a_user_once_comes_with_them_again(sources, given):
    assert who(request(sources, **given)) is None
    log_in(sources, "alice", **given)
    later = request(sources, **given)
    assert who(later) == "alice"
    assert later.recognised


def test_the_same_key_in_another_place_is_the_same_key(sources):
    log_in(sources, "alice", authorization="Bearer opaque-1f3a9c")
    assert who(request(sources, query="token=opaque-1f3a9c")) == "alice"


def test_two_sessions_are_two_users(sources):
    log_in(sources, "alice", cookie=ALICE)
    log_in(sources, "bob", cookie=BOB)
    assert [who(request(sources, cookie=one)) for one in (ALICE, BOB, f"{ALICE}x")] == ["alice", "bob", None]


def test_credentials_of_two_users_in_one_request_tell_nothing(sources):
    log_in(sources, "alice", cookie=ALICE)
    log_in(sources, "bob", x_api_key="key-77e0d2")
    assert who(request(sources, cookie=ALICE, x_api_key="key-77e0d2")) is None


def test_a_request_that_is_under_way_learns_from_others(sources):
    early = request(sources, cookie=ALICE)
    assert who(early) is None
    log_in(sources, "alice", cookie=ALICE)
    assert who(early) == "alice"


def test_what_the_request_itself_says_has_the_word(sources):
    log_in(sources, "alice", cookie=ALICE)
    assert who(request(sources, {"user": "bob"}, cookie=ALICE)) == "bob"


def test_a_token_that_the_request_did_not_come_with_says_nothing_of_what_it_came_with(sources, learned):
    log_in(sources, "bob", UNPRESENTED, cookie=ALICE)  # she opens an invitation of his
    assert who(request(sources, cookie=ALICE)) is None
    log_in(sources, "alice", cookie=ALICE)
    assert who(request(sources, cookie=ALICE)) == "alice"
    assert learned.unlearned == 0


def test_a_key_with_which_several_come_is_nobody_s_and_counted(sources, learned):
    log_in(sources, "alice", authorization="Bearer service-1f3a9c")
    log_in(sources, "bob", authorization="Bearer service-1f3a9c")
    assert who(request(sources, authorization="Bearer service-1f3a9c")) is None
    log_in(sources, "alice", authorization="Bearer service-1f3a9c")
    assert who(request(sources, authorization="Bearer service-1f3a9c")) is None
    assert learned.unlearned == 1


def test_a_gateway_that_names_users_in_a_header_has_a_key_of_its_own(sources):
    named = request(sources, x_user="alice", x_api_key="gateway-1f3a9c", cookie=ALICE)
    assert who(named) == "alice"
    assert who(request(sources, x_api_key="gateway-1f3a9c")) is None
    assert who(request(sources, cookie=ALICE)) == "alice"


def test_logged_out_is_revoked(sources):
    log_in(sources, "alice", cookie=ALICE)
    leaving = request(sources, cookie=ALICE)
    leaving.told(LOGIN, None)
    assert who(leaving) is None
    assert who(request(sources, cookie=ALICE)) is None
    log_in(sources, "bob", cookie=ALICE)
    assert who(request(sources, cookie=ALICE)) == "bob", "one browser, one session, the next user"


def test_a_login_that_knows_nobody_says_nothing_of_keys(sources):
    log_in(sources, "alice", TOKEN, authorization="Bearer opaque-1f3a9c", cookie=ALICE)
    anonymous = request(sources, {"user": object()}, authorization="Bearer opaque-1f3a9c", cookie=ALICE)
    assert who(anonymous) == "alice"
    assert who(request(sources, cookie=ALICE)) is None


def test_logged_in_as_somebody_else_is_revoked_and_the_new_cookie_is_theirs(sources):
    log_in(sources, "alice", cookie=ALICE)
    switching = request(sources, {"user": "alice"}, cookie=ALICE)
    assert who(switching) == "alice"
    switching.told(LOGIN, Name("bob"))
    switching.answered([f"{BOB}; Path=/; HttpOnly"])
    assert who(request(sources, cookie=ALICE)) is None
    assert who(request(sources, cookie=BOB)) == "bob"


def test_a_session_that_is_emptied_is_revoked(sources):
    session = {"user_id": "alice"}
    one = request(sources, {"session": session}, cookie=ALICE)
    assert who(one) == "alice"
    assert who(request(sources, cookie=ALICE)) == "alice"
    session.clear()
    one.answered([BOB])
    one.end()
    assert [who(request(sources, cookie=cookie)) for cookie in (ALICE, BOB)] == [None, None]


def test_the_cookie_of_a_login_s_answer_is_known_before_it_comes_back(sources):
    one = request(sources)
    one.told(LOGIN, Name("alice"))
    one.answered([ALICE, "theme=dark", "csrftoken=1f3a9c1f3a9c1f3a9c1f3a9c"])
    assert who(request(sources, cookie=ALICE)) == "alice"
    assert who(request(sources, cookie="csrftoken=1f3a9c1f3a9c1f3a9c1f3a9c")) is None


def test_a_cookie_that_is_rotated_goes_on_with_its_user_and_one_that_is_taken_away_does_not(sources):
    log_in(sources, "alice", cookie=ALICE)
    public = request(sources, cookie=ALICE)
    public.answered(["session=alice-rotated"])
    assert who(request(sources, cookie="session=alice-rotated")) == "alice"
    public = request(sources, cookie="session=alice-rotated")
    public.answered(["session=; Max-Age=0"])
    assert who(request(sources, cookie="session=alice-rotated")) is None


def test_what_an_administrator_hands_out_is_whose_request_comes_with_it_first(sources, learned, users):
    learned.learn([learned.digest("key-1f3a9c")], users.token("admin"), used=False)
    log_in(sources, "alice", x_api_key="key-1f3a9c")
    assert who(request(sources, x_api_key="key-1f3a9c")) == "alice"
    assert learned.unlearned == 0


def test_the_application_s_own_variable_is_learned_from_and_two_users_in_one_request_are_not(sources, users):
    one = request(sources, cookie=ALICE)
    one.meet(users.token("alice"), AMBIENT)
    assert who(request(sources, cookie=ALICE)) == "alice"
    other = request(sources, cookie=BOB)
    other.meet(users.token("bob"), AMBIENT)
    other.meet(users.token("carol"), AMBIENT)
    assert who(request(sources, cookie=BOB)) == "bob"


def test_where_the_application_says_another_user_nobody_is_guessed(sources, users):
    log_in(sources, "alice", cookie=ALICE)
    one = request(sources, cookie=ALICE)
    one.meet(users.token("bob"), AMBIENT)
    assert who(one) is None


def test_after_its_age_it_is_forgotten_and_each_use_renews_it(sources, learned, clock):
    log_in(sources, "alice", cookie=ALICE)
    clock.now = 50.0
    assert who(request(sources, cookie=ALICE)) == "alice"
    clock.now = 100.0
    assert who(request(sources, cookie=ALICE)) == "alice"
    clock.now = 161.0
    assert who(request(sources, cookie=ALICE)) is None
    assert len(learned) == 0


def test_the_table_is_bounded_and_counts_what_it_drops(sources, learned):
    for number in range(250):
        log_in(sources, f"user-{number}", cookie=f"session=secret-{number}")
    assert len(learned) == 100
    assert learned.evicted == 150
    assert who(request(sources, cookie="session=secret-249")) == "user-249"
    assert who(request(sources, cookie="session=secret-0")) is None


def test_a_user_that_a_better_source_has_taken_back_is_known_no_more(sources):
    one = request(sources, x_user="gateway", cookie=ALICE)
    assert who(one) == "gateway"
    assert who(request(sources, {"user": "alice"}, cookie=BOB)) == "alice"
    assert who(request(sources, cookie=ALICE)) is None


def test_switched_off_nothing_is_learned(users):
    sources = Sources(users, Bindings(), ("login",), ())
    log_in(sources, "alice", cookie=ALICE)
    assert who(request(sources, cookie=ALICE)) is None
    assert len(sources.learned) == 0


def test_nothing_is_kept_of_a_credential(sources, learned):
    secret = "hunter2-" + "9c1f3a"
    log_in(sources, "alice", cookie=f"session={secret}", authorization=f"Bearer {secret}")
    held = [repr(learned), *map(repr, learned._table), *map(repr, learned._table.values()), repr(learned._key)]
    assert not any(secret in text for text in held)
    texts = [one for one in gc.get_objects() if type(one) is dict and one.get("learned") is learned]
    assert not any(secret in repr(list(one)) for one in texts)


def test_two_processes_have_two_keys():
    assert LearnedUsers().digest("1f3a9c") != LearnedUsers().digest("1f3a9c")
    assert len(LearnedUsers().digest("1f3a9c")) * 8 >= 128


def test_whoever_comes_with_a_credential_is_a_party_of_their_own(sources, learned):
    one, again, other = (request(sources, cookie=cookie).party() for cookie in (ALICE, ALICE, BOB))
    assert (one.id, one.kind) == (again.id, Kind.USER)
    assert one.id != other.id
    assert request(sources).party() is None
    assert learned.party([]) is None


def test_a_service_s_key_is_no_party(sources):
    log_in(sources, "alice", x_api_key="service-1f3a9c")
    log_in(sources, "bob", x_api_key="service-1f3a9c")
    assert request(sources, x_api_key="service-1f3a9c").party() is None


def test_a_party_turns_out_to_be_a_user(sources, users):
    before = request(sources, cookie=ALICE).party()
    other = request(sources, cookie=BOB).party()
    assert not same(before, users.token("alice"))
    log_in(sources, "alice", cookie=ALICE)
    assert same(before, users.token("alice"))
    assert not same(other, users.token("alice"))
    assert not same(before, other)


def test_a_party_is_called_by_a_digest_even_where_raw_ids_are_asked_for(sources):
    label = Pseudonyms(raw=True).label(request(sources, cookie=ALICE).party())
    assert re.fullmatch("session-[0-9a-f]{12}", label)


def test_who_the_variable_has_named_is_the_user_of_the_answer_as_well(sources, users):
    one = request(sources)
    one.meet(users.token("alice"), AMBIENT)
    assert who(one) == "alice"
    one.meet(users.token("bob"), AMBIENT)
    assert who(one) is None


def test_what_a_scope_does_for_somebody_says_nothing_of_the_answer(sources, users):
    one = request(sources)
    one.meet(users.token("alice"), SCOPES)
    assert who(one) is None


def test_what_waits_for_the_user_is_judged_once_and_not_at_all_where_nobody_is_known(sources):
    judged = []
    one = request(sources)
    one.when_known(lambda: judged.append(who(one)))
    one.settle_waiting()
    assert judged == []
    one.told(LOGIN, Name("alice"))
    one.settle_waiting()
    one.settle_waiting()
    assert judged == ["alice"]
    never = request(sources)
    never.when_known(lambda: judged.append("nobody"))
    never.settle_waiting()
    never.end()
    assert judged == ["alice"]
