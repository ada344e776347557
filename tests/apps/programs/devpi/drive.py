"""Three users with an index each: they upload, change titles, and look at each other's."""

import io
import tarfile
from base64 import b64encode

from driving import answer

USERS = ("alice.liddell", "bob.builder", "carol.kane")
PASSWORD = "correct horse"
JSON = {"accept": "application/json"}


def sign_up(web, user):
    web.call(user, "PUT", f"/{user}", json={"password": PASSWORD, "email": f"{user}@example.org"}, headers=JSON)

    def login(side):
        got = side.client(user).post("/+login", json={"user": user, "password": PASSWORD}, headers=JSON)
        token = got.json()["result"]["password"]
        side.client(user).headers.update(JSON)
        side.client(user).headers["x-devpi-auth"] = b64encode(f"{user}:{token}".encode()).decode()
        hidden = answer(got)
        hidden.body = hidden.body.replace(token, "a token")
        return hidden

    web.do(user, "POST /+login", login)
    web.signed_in(user)
    web.call(user, "PUT", f"/{user}/dev", json={"bases": [], "volatile": True, "title": f"index of {user}"})


def package(name, version, author):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        about = f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\nAuthor: {author}\n".encode()
        entry = tarfile.TarInfo(f"{name}-{version}/PKG-INFO")
        entry.size = len(about)
        archive.addfile(entry, io.BytesIO(about))
    return file.getvalue()


def drive(web, number):
    for user in USERS:
        if number == 0:
            sign_up(web, user)
        name, version = f"notes{number}", f"1.{number}"
        web.post(
            user,
            f"/{user}/dev/",
            data={":action": "file_upload", "name": name, "version": version, "author": user, "filetype": "sdist"},
            files={"content": (f"{name}-{version}.tar.gz", package(name, version, user))},
        )
    for user in USERS:
        for path in (
            "/",
            "/+api",
            f"/{user}",
            f"/{user}/dev",
            f"/{USERS[0]}",
            f"/{USERS[0]}/dev",
            f"/{USERS[0]}/dev/notes0",
            f"/{USERS[1]}/dev/+simple/notes0/",
        ):
            web.get(user, path)
        web.call(user, "PATCH", f"/{user}/dev", json=[f"title=changed by {user} in round {number}"])
        web.call(user, "PATCH", f"/{USERS[0]}/dev", json=[f"title=round {number} of {user}"])


def leak(web):
    web.get(USERS[0], f"/{USERS[0]}")
    assert USERS[0] in web.get(USERS[1], f"/{USERS[1]}").body
    web.get(USERS[0], "/+api")
    assert USERS[0] in web.get(USERS[1], "/+api").body
