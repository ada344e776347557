"""Three users of one company: parties and their addresses, each other's too, preferences and menus, by JSON-RPC."""

import base64
import json

from driving import Answer, answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = {"password": "correct horse battery"}
PARTY, USER, MENU = "model.party.party", "model.res.user", "model.ir.ui.menu"


def drive(web, number):
    for user in USERS:
        if number == 0:
            log_in(web, user)
            web.signed_in(user)
        address = {"street": f"{number} Long Street of {user}", "city": "London"}
        party = {"name": f"party {number} of {user}", "addresses": [["create", [address]]]}
        ask(web, user, f"{PARTY}.create", [party])
        ask(web, user, f"{USER}.get_preferences", False)
    for user in USERS:
        own = 1 + USERS.index(user)
        ask(web, user, f"{PARTY}.search_read", [], 0, 100, [["id", "ASC"]], ["name", "code", "create_uid.rec_name"])
        ask(web, user, f"{PARTY}.search_read", [["name", "ilike", "%alice%"]], 0, 100, None, ["name", "addresses"])
        ask(web, user, "model.party.address.search_read", [], 0, 100, [["id", "ASC"]], ["street", "party.rec_name"])
        ask(web, user, f"{PARTY}.write", [own], {"lang": 1})
        ask(web, user, f"{PARTY}.read", [1, 2, 3], ["name", "write_uid.rec_name", "lang"])
        ask(web, user, f"{USER}.search_read", [], 0, 50, [["id", "ASC"]], ["name", "login", "email"])
        ask(web, user, f"{MENU}.search_read", [], 0, 50, [["id", "ASC"]], ["name", "icon"])
        ask(web, user, f"{PARTY}.fields_view_get", None, "form")


def log_in(web, user):
    def act(side):
        response = call(side, user, "common.db.login", [user, PASSWORD, "en"])
        number, key, *_rest = response.json()["result"]
        side.kept[user] = base64.b64encode(f"{user}:{number}:{key}".encode()).decode()
        return Answer(response.status_code, {}, "")

    return web.do(user, "login", act)


def ask(web, user, method, *parameters):
    return web.do(user, method, lambda side: answer(call(side, user, method, [*parameters, {}])))


def call(side, user, method, parameters):
    session = {"authorization": f"Session {side.kept[user]}"} if user in side.kept else {}
    content = json.dumps({"id": 1, "method": method, "params": parameters})
    return side.client(user).post(
        "/desk/rpc/", content=content, headers={"content-type": "application/json", **session}
    )


def leak(web):
    ask(web, USERS[0], f"{USER}.get_preferences", False)
    assert USERS[0] in ask(web, USERS[1], f"{USER}.get_preferences", False).body
    ask(web, USERS[1], f"{MENU}.search_read", [], 0, 1, None, ["name"])
    assert USERS[1] in ask(web, USERS[2], f"{MENU}.search_read", [], 0, 1, None, ["name"]).body
