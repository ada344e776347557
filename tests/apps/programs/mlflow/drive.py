"""Experiments and runs: an administrator and three users who log, read each other's, search, and grant permissions."""

from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane", "dan.brown")
PASSWORD = "correct horse battery"
API = "/api/2.0/mlflow"


def ask(web, user, method, path, **options):
    return web.call(user, method, API + path, auth=(user, PASSWORD), **options)


def drive(web, number):
    for user in USERS:
        web.signed_in(user)
        ask(web, user, "POST", "/experiments/create", json={"name": f"experiment {number} of {user}"})
        for side in web.sides:
            found = side.client(user).get(
                f"{API}/experiments/get-by-name?experiment_name=experiment {number} of {user}", auth=(user, PASSWORD)
            )
            side.kept[user] = found.json()["experiment"]["experiment_id"]
        web.authenticated[user] += 1
    for user in reversed(USERS):  # the administrator last: the server has read her record at its start

        def start(side, user=user):
            body = {"experiment_id": side.kept[user], "run_name": f"run of {user}", "start_time": len(web.steps)}
            made = side.client(user).post(f"{API}/runs/create", json=body, auth=(user, PASSWORD))
            side.kept["run"] = made.json()["run"]["info"]["run_id"]
            return answer(made)

        def tag(side, user=user):
            body = {"run_id": side.kept["run"], "key": "note", "value": f"by {user}"}
            return answer(side.client(user).post(f"{API}/runs/set-tag", json=body, auth=(user, PASSWORD)))

        web.do(user, "POST runs/create", start)
        web.do(user, "POST runs/set-tag", tag)
        ask(web, user, "GET", "/runs/get?run_id={run}")
        ask(web, user, "POST", "/experiments/search", json={"max_results": 100})
        ask(web, user, "GET", "/experiments/get?experiment_id=1")
        ask(web, user, "GET", "/experiments/get?experiment_id=2")
        ask(web, user, "POST", "/runs/search", json={"experiment_ids": ["1", "2", "3", "4"]})
        ask(web, user, "GET", f"/users/get?username={user}")
        ask(web, user, "GET", "/users/current")
        ask(web, user, "POST", "/registered-models/create", json={"name": f"model {number} of {user}"})
        ask(web, user, "GET", "/registered-models/search")
        web.get(user, "/health")
    ask(web, USERS[0], "GET", "/users/list")
    grant = {"experiment_id": "2", "username": USERS[2], "permission": "EDIT"}
    ask(web, USERS[1], "POST", "/experiments/permissions/create", json=grant)
    ask(web, USERS[1], "GET", f"/experiments/permissions/get?experiment_id=2&username={USERS[2]}")
    ask(web, USERS[3], "GET", "/users/list")


def leak(web):
    assert USERS[3] in ask(web, USERS[2], "GET", "/users/current").body
    web.get(USERS[2], "/version", auth=(USERS[2], PASSWORD))
    assert USERS[2] in web.get(USERS[3], "/version", auth=(USERS[3], PASSWORD)).body
