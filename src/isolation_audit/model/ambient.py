"""The ambient witness: whose work is running now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isolation_audit.model.contexts import current_moment, current_scope, current_unit
from isolation_audit.model.remembered import remembered
from isolation_audit.model.scopes import UNSET
from isolation_audit.model.sources import AMBIENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from isolation_audit.model.contexts import Moment
    from isolation_audit.model.scopes import Scope
    from isolation_audit.model.users import User, Users


class Ambient:
    """Answers from the innermost of two sources: our scopes and the application's own ContextVar.

    Where neither says anything, the request that is being served may: see :mod:`isolation_audit.model.requests`. It
    is told what the application says, to compare.

    Which one is inner is told by the value that the application's variable had when our scope began: as long as it is
    still that very object, our scope came later and wins; once the application has set another one, it wins.
    """

    def __init__(self, users: Users) -> None:
        self.variable: ContextVar[Any] | None = None
        """The application's own variable, once it is known."""
        self.told = False
        """True once the variable has named a user."""
        self.enter: Callable[[User], None] = _nothing
        """Told each user whom the application's variable names."""
        self.learned: Callable[[], None] = _nothing_learned
        """Called when there is one more to be asked."""
        self._token = users.token
        self._known = users.known
        self._read_adopted: Callable[..., Any] | None = None
        self._user_of: Callable[[Any], Any] | None = None
        self._held: tuple[Callable[[], Any], ...] = ()
        self._last: tuple[Any, object, User | None] = (UNSET, None, None)
        """What the application's variable has named last, a string, since when it is sure, and whom."""
        self.asks = False
        """True where somebody else than our scopes may name a user."""
        self.read: Callable[[Any], Any] = _nothing_read
        """Gives the value of the application's variable, or what it is given: where that alone says who is at work."""

    def hold(self, read: Callable[[], Any]) -> None:
        """Ask one more holder of the user at work, after those that there are; ``read`` gives the id, or no id."""
        self._held = (*self._held, read)
        self.read = _nothing_read
        remembered.forget()
        self.asks = True
        self.learned()

    def adopt(self, variable: ContextVar[Any], user_of: Callable[[Any], Any] | None) -> None:
        """Use the application's variable; ``user_of`` gets the user id out of its value (None: the value is the id)."""
        self.variable = variable
        self._user_of = user_of
        self._last = (UNSET, None, None)
        self._adopt_reader(variable.get)
        remembered.forget()
        self.asks = True
        self.learned()

    def expect(self, find: Callable[[], ContextVar[Any] | None], user_of: Callable[[Any], Any] | None) -> None:
        """Adopt the variable that ``find`` gives, as soon as a reading finds it.

        For a script's own variable: nobody tells when the script has made it. From then on a reading costs what it
        costs with a variable that was known from the start.
        """

        def read(default: Any) -> Any:
            variable = find()
            if variable is None:
                return default
            self.adopt(variable, user_of)
            return variable.get(default)

        self._adopt_reader(read)
        remembered.forget()
        self.asks = True
        self.learned()

    def expect_no_more(self) -> None:
        """Nobody makes the variable that was expected."""
        if self.variable is None:
            self._adopt_reader(None)
            self.asks = bool(self._held)

    def current(self) -> User | None:
        """The user whose work is running, or None if unknown."""
        # Asked some ten times in each request, and at each layer of an event: as a rule it is whoever it was last time.
        moment: Moment | None = current_moment()
        if moment is not None and moment.ambient is not None:
            asked, version, read, value, user, said = moment.ambient
            if asked is self and version is remembered.users and (read is None or read(UNSET) is value):
                request = current_unit().request if said else None
                if request is None or request.said is user:
                    found: User = user
                    return found
        # What has nothing to say is passed by without a call: most often no scope runs, and the variable has no value.
        says = self.asks or current_scope() is not None
        if says and not self._held and (read := self._read_adopted) is not None and current_scope() is None:
            value = read(UNSET)
            says = value is not UNSET and value is not None
        if says:
            user = self.in_context()
            if user is not None:
                return user
        request = current_unit().request
        return None if request is None else request.user()

    def is_as_kept(self, moment: Moment, kept: tuple[Any, ...] | None) -> bool:
        """True where this moment's user is whoever it was when ``kept`` was its ``ambient``, without asking anybody."""
        if not self.asks:
            return True  # nobody but the request says whose work it is
        if kept is None or moment.ambient is not kept:
            return False
        version, read, value = kept[1:4]
        return version is remembered.users and (read is None or read(UNSET) is value)

    def plain_value(self) -> Any:
        """The value of the application's variable, where nothing but that and the scope decides who is at work.

        None where it has none; UNSET where something else decides: a request, a holder, a path below the value.
        """
        value = None
        if self._read_adopted is not None:
            value = None if self.variable is None or self._user_of is not None else self.variable.get(None)
            if type(value) is not str and (value is not None or self.variable is None or self._user_of is not None):
                return UNSET
        scope = current_scope()
        request = current_unit().request
        if value is not None and (scope is None or value is not scope.adopted):
            user = self._known(value)
            said = user is not None and user.login and (request is None or request.said is user)
            return value if said else UNSET
        return value if scope is not None or (request is None and not self._held) else UNSET

    def _adopt_reader(self, read: Callable[..., Any] | None) -> None:
        self._read_adopted = read
        self.read = _nothing_read if read is None or self._held else read

    def party(self) -> User | None:
        """The user whose work is running; where nobody knows, whoever has come with the request's credentials."""
        user = self.current()
        if user is not None:
            return user
        request = current_unit().request
        return None if request is None else request.party()

    def in_context(self) -> User | None:  # noqa: C901 - a call for each step would cost more than all of them
        """The user whom the context itself has; what a request's headers, session or login say is none of it."""
        version = remembered.users
        scope = current_scope()
        value = UNSET if self._read_adopted is None else self._read_adopted(UNSET)
        if value is not UNSET and value is not None and (scope is None or value is not scope.adopted):
            last, known_at, user = self._last
            if last is not value or known_at is not version:
                user = self._told(value)
            if user is not None:
                if type(value) is str:
                    self._last = value, version, user
                    # As _keep(), which is not called for the usual value: this is asked several times in each request.
                    moment: Moment | None = current_moment()
                    if moment is not None and (
                        (kept := moment.ambient) is None or kept[3] is not value or kept[1] is not version
                    ):
                        moment.ambient = (self, version, self._read_adopted, value, user, True)
                else:
                    self._keep(version, value, user, said=True)
                if (request := current_unit().request) is not None and request.said is not user:
                    request.meet(user, AMBIENT)
                return user
        if scope is not None:
            user = self._token(scope.user_id)
            if user is not None:
                self._keep(version, value, user, said=False)
            return user
        for ask in self._held:
            user = self._token(ask())
            if user is not None:
                self.enter(user)
                self.told = True
                return self._said(user)
        return None

    def _told(self, value: Any) -> User | None:
        """The user whom a value of the application's variable names."""
        if self._user_of is not None:
            value = self._user_of(value)
        known = self._known
        user = (known(value) if type(value) is str else None) or self._token(value)
        if user is not None:
            if not user.login:
                self.enter(user)
            self.told = True
        return user

    def _keep(self, version: object, value: Any, user: User, *, said: bool) -> None:
        """Remember who is at work for as long as nothing changes; ``said``: and as the running request agrees.

        The variable's value is compared by identity, and kept for it: so no object of the application's.
        """
        moment: Moment | None = current_moment()
        if moment is not None and (value is UNSET or value is None or type(value) is str):
            moment.ambient = (self, version, self._read_adopted, value, user, said)

    @staticmethod
    def _said(user: User) -> User:
        request = current_unit().request
        if request is not None and request.said is not user:
            request.meet(user, AMBIENT)
        return user

    def adopted(self) -> User | None:
        """The user that the application's own variable names at this moment, whatever our scopes say."""
        if self._read_adopted is None:
            return None
        value = self._read_adopted(UNSET)
        known = self._known(value) if type(value) is str and self._user_of is None else None
        return known or self._user(value)

    def _user(self, value: Any) -> User | None:
        if value is UNSET or value is None:
            return None
        return self._token(value if self._user_of is None else self._user_of(value))

    def stamp(self, scope: Scope) -> None:
        """Note on a beginning scope what the application's variable holds at this moment."""
        if self._read_adopted is not None:
            scope.adopted = self._read_adopted(UNSET)
            moment: Moment | None = current_moment()
            if moment is not None:
                moment.ambient = None  # it may have been asked before
            if not self.told:
                self.told = self._user(scope.adopted) is not None


def _nothing(_user: User) -> None:
    pass


def _nothing_read(default: Any) -> Any:
    return default


def _nothing_learned() -> None:
    pass
