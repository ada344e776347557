# requires: (stdlib only)
# Caches as they should be: constants for everyone; the user's own data under the user's own key; one object a user.
import functools
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)


@functools.lru_cache
def price_list(country):
    return {"country": country, "milk": 119}


@functools.cache
def profile(user):
    return {"name": user, "seen_by": current_user.get()}


class Settings:
    def __init__(self, user):
        self.user = user

    @functools.cached_property
    def theme(self):
        return {"of": current_user.get()}


OF_USER = {}


def request(user):
    current_user.set(user)
    settings = OF_USER.setdefault(user, Settings(user))
    return price_list("de")["milk"], profile(user)["seen_by"], settings.theme["of"]


got = [copy_context().run(request, user) for user in ("alice", "bob", "carol", "alice")]
print(got, "->", "OK" if got == [(119, user, user) for user in ("alice", "bob", "carol", "alice")] else "LEAK")
