# requires: (stdlib only)
# The one service of the process keeps what it worked out for whoever came first.
# An auditor should find: the value computed for alice is given to bob.
import functools
from contextvars import ContextVar, copy_context

current_user = ContextVar("current_user", default=None)


class Settings:
    @functools.cached_property
    def theme(self):
        return {"of": current_user.get(), "color": "green"}


settings = Settings()


def request(user):
    current_user.set(user)
    return settings.theme


copy_context().run(request, "alice")
got = copy_context().run(request, "bob")
print(got, "->", "LEAK" if got["of"] == "alice" else "OK")
