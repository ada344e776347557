"""Three users of a board: log in, load the page, and have callbacks called, as Dash's own code in the browser does."""

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
CLICK = [("add", "n_clicks", 1)]


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.submit(user, "/login", username=user, password=PASSWORD)
            web.signed_in(user)
        for path in ("/", "/_dash-layout", "/_dash-dependencies"):
            web.get(user, path)
        add(web, user, f"the {number}th watering can of {user}")
    for user in USERS:
        add(web, user, None)
        for other in USERS:
            call(web, user, [("counts", "figure")], [("who", "value", other)])
        for name in ("greeting", "latest"):
            call(web, user, [(name, "children")], CLICK)
        web.get(user, "/_dash-layout")
    web.get("nobody", "/_dash-layout")


def add(web, user, note):
    state = [("note", "value", note), ("kept", "data", {"latest": f"a draft of {user}"})]
    return call(web, user, [("list", "children"), ("kept", "data")], CLICK, state)


def call(web, user, outputs, inputs, state=()):
    """One callback, with what the browser says of the page."""
    names = [f"{name}.{kind}" for name, kind in outputs]
    places = [{"id": name, "property": kind} for name, kind in outputs]
    said = {
        "output": names[0] if len(names) == 1 else f"..{'...'.join(names)}..",
        "outputs": places[0] if len(places) == 1 else places,
        "inputs": [{"id": name, "property": kind, "value": value} for name, kind, value in inputs],
        "state": [{"id": name, "property": kind, "value": value} for name, kind, value in state],
        "changedPropIds": [f"{name}.{kind}" for name, kind, _value in inputs],
    }
    return web.post(user, "/_dash-update-component", json=said)


def leak(web):
    for _ in range(2):
        for user in USERS:
            greeted = call(web, user, [("greeting", "children")], CLICK).body
            told = call(web, user, [("latest", "children")], CLICK).body
    assert USERS[0] in greeted
    assert f"after {USERS[1]}" in told
