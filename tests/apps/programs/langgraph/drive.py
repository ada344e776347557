"""Three people with tokens: threads, runs whole and streamed, histories, searches, a store, and notes of their own."""

from driving import Answer, answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")


def drive(web, number):
    for user in USERS:
        web.signed_in(user)
        new_thread(web, user, number)
        said = {"role": "user", "content": f"{user} plans trip number {number} to the sea"}
        run = {"assistant_id": "desk", "input": {"messages": [said]}}
        ask(web, user, "POST", f"/threads/{{{user}}}/runs/wait", json=run)
        every = {**run, "stream_mode": ["updates", "messages", "values"]}
        ask(web, user, "POST", f"/threads/{{{user}}}/runs/stream", json=every)
        ask(web, user, "POST", "/runs/wait", json=run)
        ask(web, user, "POST", "/runs/stream", json={**run, "stream_mode": "values"})
        kept = {"namespace": ["notes", user.partition(".")[0]], "key": f"n{number}", "value": {"text": f"by {user}"}}
        ask(web, user, "PUT", "/store/items", json=kept)
        ask(web, user, "POST", "/notes", json={"text": f"{user} has to buy {number} pairs of shoes"})
    for user, other in zip(USERS, (*USERS[1:], USERS[0]), strict=True):
        ask(web, user, "GET", f"/threads/{{{user}}}/state")
        ask(web, user, "POST", f"/threads/{{{user}}}/history", json={"limit": 5})
        ask(web, user, "GET", f"/threads/{{{other}}}")
        ask(web, user, "GET", f"/threads/{{{user}}}/runs")
        ask(web, user, "POST", "/threads/search", json={"limit": 20})
        ask(web, user, "POST", "/assistants/search", json={})
        ask(web, user, "POST", "/store/items/search", json={"namespace_prefix": ["notes", user.partition(".")[0]]})
        ask(web, user, "GET", "/whoami")
        ask(web, user, "GET", "/notes")


def new_thread(web, user, number):
    def act(side):
        made = call(side, user, "POST", "/threads", json={"metadata": {"title": f"plans of {user} {number}"}})
        side.kept[user.replace(".", "_")] = made.json()["thread_id"]
        return Answer(made.status_code, {}, "")

    return web.do(user, "POST /threads", act)


def ask(web, user, method, path, **options):
    return web.do(user, f"{method} {path}", lambda side: answer(call(side, user, method, path, **options)))


def call(side, user, method, path, **options):
    # Braces in a name would be looked up as attributes where it has a dot.
    for name, thread in side.kept.items():
        path = path.replace(f"{{{name.replace('_', '.')}}}", thread)
    headers = {"authorization": f"Bearer token-9fk3Zq81x77b-of-{user}"}
    return side.client(user).request(method, path, headers=headers, **options)


def leak(web):
    ask(web, USERS[0], "GET", "/whoami")
    assert USERS[0] in ask(web, USERS[1], "GET", "/whoami").body
    ask(web, USERS[0], "GET", "/notes")
    assert USERS[0] in ask(web, USERS[1], "GET", "/notes").body
