"""What a unit's inputs tell: the values that the client has sent, and what is its own."""

from isolation_audit.content import request_texts
from isolation_audit.model.inputs import REQUEST, ROWS, STORE, Input, Inputs
from isolation_audit.model.users import User
from isolation_audit.rules.state.read_inputs import ReadInputs

SCOPE = {
    "type": "http",
    "path": "/rooms/tea",
    "query_string": b"text=call+the+bank",
    "headers": [(b"cookie", b"theme=dark; sid=a1b2c3d4e5f6g7"), (b"user-agent", b"Browser/120.0 (4711)")],
}


def unit(*inputs):
    made = Inputs()
    made.kept += inputs
    return made


def asgi():
    return Input(REQUEST, SCOPE, texts=request_texts.of_asgi)


def test_values_and_own_atoms():
    asked = ReadInputs(unit(asgi()), None, None)
    assert {"rooms", "tea", "call the bank"} <= asked.values()
    assert asked.holds("call the bank")
    assert hash("call the bank") in asked.own()
    assert hash("4711") not in asked.own(), "a browser's number is nobody's"


def test_rows_are_ones_own_where_they_name_the_user():
    rows = [["alice-1", "4812"], ["carol-3", "5923"]]
    asked = ReadInputs(unit(asgi(), Input(ROWS, rows)), User("alice-1"), None)
    assert hash("4812") in asked.own()
    assert hash("5923") not in asked.own()
    assert asked.holds("5923")


def test_a_request_is_read_once_however_much_is_asked_of_it():
    read = []
    one = Input(REQUEST, SCOPE, texts=lambda scope: [read.append(scope), request_texts.of_asgi(scope)][1])
    asked = ReadInputs(unit(one), None, None)
    assert asked.own()
    assert asked.holds("call the bank")
    assert "call the bank" in asked.values()
    assert asked.values() is asked.values()
    assert len(read) == 1


def test_of_a_large_form_the_first_fields_are_values():
    fields = [f"f{number}=v{number}" for number in range(3_000)]
    asked = ReadInputs(unit(Input(REQUEST, "&".join(fields), texts=lambda body: [body])), None, None)
    assert {"v0", "v1999"} <= asked.values()
    assert "v2000" not in asked.values()
    assert asked.holds("v2999")


def test_what_was_sent_and_what_was_read_are_told_apart():
    asked = ReadInputs(unit(asgi(), Input(ROWS, [["alice-1", "4812"]])), User("alice-1"), None)
    assert hash("4812") in asked.own() - asked.sent()
    assert hash("call the bank") in asked.sent()


def test_a_librarys_own_file_has_everybody_in_it_and_tells_of_nobody():
    asked = ReadInputs(unit(asgi(), Input(STORE, ["carol-3 said 5923"])), User("alice-1"), None)
    assert not asked.holds("carol-3")
    assert hash("5923") not in asked.own()
