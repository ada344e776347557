"""Holders: which user is behind a session id, from whoever runs in its handlers, and from what its session says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from isolation_audit.model.owner_tags import drop_first
from isolation_audit.model.users import Kind, User, same

if TYPE_CHECKING:
    from isolation_audit.instrument.runtime import Runtime

_KEYS: Final = ("user_id", "userId", "uid", "user", "username", "sub", "email", "login")
"""Where sessions keep their user; the first that can be believed counts."""

_FORMER: Final = 4
"""Earlier users of one session id that are remembered."""


class SessionUsers:
    """Session id -> user. Bounded by the sessions that end, and by ``limits.bindings``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._users: dict[str, User] = {}
        self._said: dict[str, dict[str, User]] = {}
        self._former: dict[str, tuple[User, ...]] = {}
        """Who was behind it before, told in the same way: another name of the same user is none."""
        self._believed: set[str] = set()
        """Keys of sessions that have named the very user who was running."""
        self._refuted: set[str] = set()
        """Keys that have named somebody else: they hold names of another kind, such as what is shown on screens."""

    def of(self, sid: object) -> User | None:
        """The user behind a session id, as far as it is known."""
        if type(sid) is not str:
            return None
        user = self._users.get(sid)
        said = None if user is not None else self._said.get(sid)
        if said is None:
            return user
        # Where nobody has ever been seen running, there is no other kind of id that the sessions' could differ from.
        keys = self._believed or said.keys() - self._refuted if not self._users else self._believed
        return next((said[key] for key in _KEYS if key in keys and key in said), None)

    def running(self, sid: str) -> None:
        """A handler of this session id runs: the running user, if there is one, is behind it."""
        ambient = self._runtime.ambient.current()
        if ambient is None or ambient.kind is not Kind.USER:
            return
        before = self._users.get(sid)
        if before is ambient:
            return
        self._keep(self._users, sid, ambient)
        if before is not None:
            self._left(sid, before, ambient)
        for key, user in self._said.get(sid, {}).items():
            if same(user, ambient):
                self._believed.add(key)
            else:
                self._refuted.add(key)
        self._believed -= self._refuted

    def told(self, sid: str, session: Any) -> None:
        """A session was saved."""
        kind = type(session)
        if not issubclass(kind, dict):
            return
        said = {}
        for key in _KEYS:
            user = self._user(dict.get(session, key))
            if user is not None and user.kind is Kind.USER:
                said[key] = user
        if said:
            before = self._said.get(sid, {})
            self._keep(self._said, sid, said)
            for key in before.keys() & said.keys():
                self._left(sid, before[key], said[key])
                running = self._users.get(sid)
                if running is not None and same(running, before[key]):
                    self._users[sid] = said[key]  # somebody else has logged in there, and has yet to run

    def former(self, sid: object) -> tuple[User, ...]:
        """Those who were behind a session id before its user logged in there.

        Not whom a weaker source had told of, such as the id of a browser: it has turned out to be none's.
        """
        former = self._former.get(sid, ()) if type(sid) is str and self._former else ()
        return tuple([user for user in former if user.kind is Kind.USER and user.login])

    def _left(self, sid: str, before: User, now: User) -> None:
        if not same(before, now):
            known = [one for one in self._former.get(sid, ()) if not same(one, now) and not same(one, before)]
            self._keep(self._former, sid, (*known[1 - _FORMER :], before))

    def forget(self, sid: str) -> None:
        """The client has left."""
        self._former.pop(sid, None)
        self._users.pop(sid, None)
        self._said.pop(sid, None)

    def _user(self, value: Any) -> User | None:
        if type(value) is dict:
            value = next((value[key] for key in ("id", *_KEYS) if key in value), None)
        return self._runtime.users.token(value)

    def _keep(self, table: dict[str, Any], sid: str, value: Any) -> None:
        table[sid] = value
        if len(table) > self._runtime.config.limits.bindings:
            drop_first(table)
            self._runtime.bindings.evicted += 1
