"""Tryton's server with its module of parties, on SQLite and on werkzeug's server."""

import os
import subprocess
import sys
from pathlib import Path

CONFIGURATION = Path.cwd() / "trytond.conf"
CONFIGURATION.write_text(f"[database]\nuri = sqlite://\npath = {Path.cwd()}\n")
os.environ["TRYTOND_CONFIG"] = str(CONFIGURATION)

from trytond import config

config.update_etc(str(CONFIGURATION))


def prepare() -> None:
    """The database, and three users with all groups."""
    Path("desk.sqlite").touch()
    Path("password").write_text("correct horse battery")
    admin = [str(Path(sys.executable).with_name("trytond-admin")), "-c", str(CONFIGURATION), "-d", "desk"]
    options = ["--email", "admin@example.org", "-u", "party", "--activate-dependencies", "-p"]
    subprocess.run([*admin, *options], check=True, env={**os.environ, "TRYTONPASSFILE": "password"})

    from trytond.pool import Pool
    from trytond.transaction import Transaction

    Pool.start()
    pool = Pool("desk")
    pool.init()
    with Transaction().start("desk", 0) as transaction:
        groups = [group.id for group in pool.get("res.group").search([])]
        for name in ("alice.liddell", "bob.builder", "carol.kane"):
            user = {"name": name.partition(".")[0].title(), "login": name, "email": f"{name}@example.org"}
            pool.get("res.user").create([{**user, "password": "correct horse battery", "groups": [("add", groups)]}])
        transaction.commit()


def serve(port: int, plant=lambda application: application) -> None:
    """Serve it, or what ``plant`` puts in front of it."""
    # It does not start where it is not the only thread of its process.
    from trytond.application import app
    from trytond.pool import Pool
    from werkzeug.serving import run_simple

    Pool("desk").init()
    run_simple("127.0.0.1", port, plant(app), threaded=True)


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        serve(int(sys.argv[1]))
