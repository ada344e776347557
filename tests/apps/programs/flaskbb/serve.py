"""FlaskBB, with a forum, an administrator, a moderator and members."""

import collections
import sys
import warnings
from collections import abc
from pathlib import Path

warnings.simplefilter("ignore")
for name in ("Callable", "Iterable", "Mapping", "MutableMapping", "Sequence"):
    setattr(collections, name, getattr(abc, name))  # as until Python 3.9, for which it was written

from flaskbb.app import create_app
from flaskbb.configs.default import DefaultConfig
from flaskbb.extensions import db

USERS = (("alice.liddell", "admin"), ("bob.builder", "mod"), ("carol.kane", "member"), ("dan.brown", "member"))


class Config(DefaultConfig):
    """In the running folder, without what only a mail server or Redis would serve."""

    SQLALCHEMY_DATABASE_URI = f"sqlite:///{Path.cwd() / 'forum.sqlite'}"
    WHOOSHEE_DIR = str(Path.cwd() / "index")
    SECRET_KEY = WTF_CSRF_SECRET_KEY = "x" * 30
    LOG_DEFAULT_CONF = {"version": 1}
    RATELIMIT_ENABLED = False
    PLUGINS_FOLDER = str(Path.cwd())
    REDIS_ENABLED = False


def application():
    """The application; what it installs once is there."""
    return create_app(Config)


def prepare() -> None:
    """Tables, settings, users and a forum."""
    from flaskbb.utils import populate

    with application().app_context():
        db.create_all()
        populate.create_default_groups()
        populate.create_default_settings()
        for name, group in USERS:
            populate.create_user(name, "correct horse", f"{name}@example.org", group)
        populate.create_welcome_forum()


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        application().run("127.0.0.1", int(sys.argv[1]), threaded=True)
