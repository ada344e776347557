"""Where findings point: the application's own code, whoever has called it and whoever sends what it has made."""

from __future__ import annotations

import asyncio
import sys
import tomllib
from functools import partial, update_wrapper, wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from isolation_audit import user_scope
from isolation_audit.auditor import Auditor
from isolation_audit.config import parse_config
from isolation_audit.instrument.work.routes import Endpoint, code_of
from isolation_audit.rules.places import located

PACKAGES = "/venv/lib/python3.11/site-packages"


def load(file: str, source: str) -> Any:
    name = Path(file).stem + "_of_places"
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    exec(compile(source, file, "exec"), vars(module))
    return module


def step(file: str, name: str = "f") -> Any:
    return compile("0", file, "exec").replace(co_name=name, co_qualname=name), 0


LIBRARY = load(
    f"{PACKAGES}/django/views.py",
    "class View:\n    def get(self, request): pass\n    @classmethod\n    def as_view(cls):\n"
    "        def view(request): pass\n        view.view_class = cls\n        return view\n",
)
SENDING = (step(f"{PACKAGES}/django/handlers.py", "send"), step(f"{PACKAGES}/gunicorn/workers/sync.py", "run"))


SITE = load(
    f"{PACKAGES}/django/contrib/admin/sites.py",
    "from functools import update_wrapper\nclass Site:\n    def history(self, request): pass\n"
    "    def wrapped(self):\n        def wrapper(*args): pass\n        return update_wrapper(wrapper, self.history)\n",
)


REST = load(
    f"{PACKAGES}/rest_framework/decorators.py",
    "def api_view(func):\n    def handler(self, *args): return func(*args)\n"
    "    made = type(func.__name__, (), {'get': handler, '__module__': func.__module__})\n"
    "    def view(request): pass\n    view.cls = made\n    return view\n",
)


class OwnSite(SITE.Site):  # type: ignore[misc, name-defined]
    def history(self, request: Any) -> None:
        pass


class ColouredSite(SITE.Site):  # type: ignore[misc, name-defined]
    """Leaves the views to the library."""

    def colour(self) -> str:
        return "red"


class Notes(LIBRARY.View):  # type: ignore[misc, name-defined]
    def post(self, request: Any) -> None:
        pass


class Items(Notes):
    pass


def page(request: Any) -> None:
    pass


LIBRARY.View.put = page


def decorated(view: Any) -> Any:
    @wraps(view)
    def inner(*args: Any) -> Any:
        return view(*args)

    return inner


class Counted:
    """A decorator that is a class, and looks like what it wraps."""

    def __init__(self, view: Any) -> None:
        update_wrapper(self, view)
        self.view = view

    def __call__(self, request: Any) -> Any:
        return self.view(request)


SERVICES = load(
    f"{PACKAGES}/services.py",
    "from functools import update_wrapper\nclass Unbound:\n    def __init__(self, view): update_wrapper(self, view)\n"
    "def serving(view):\n    def wrapper(request): pass\n    return update_wrapper(wrapper, Unbound(view))\n",
)


class Handler:
    def __call__(self, request: Any) -> None:
        pass

    def handle(self, request: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("view", "method", "name"),
    [
        (page, "GET", "page"),
        (decorated(page), "GET", "page"),
        (partial(page, 1), "GET", "page"),
        (Handler(), "GET", "Handler.__call__"),
        (Handler().handle, "GET", "Handler.handle"),
        (Notes, "POST", "Notes.post"),
        (Notes.as_view(), "POST", "Notes.post"),
        (Items.as_view(), "POST", "Items.post"),
        (Items.as_view(), "GET", "Items.get"),
        (Notes, None, "Notes"),
        (decorated(Notes.as_view()), "POST", "Notes.post"),
        (OwnSite().wrapped(), "GET", "OwnSite.history"),
        (decorated(partial(OwnSite().history)), "GET", "OwnSite.history"),
        (ColouredSite().wrapped(), "GET", "ColouredSite.history"),
        (ColouredSite().history, "GET", "ColouredSite.history"),
        # What an application wraps around a library's view from outside, and puts into a library's class.
        (decorated(SITE.Site().history), "GET", "decorated.<locals>.inner"),
        (decorated(LIBRARY.View.as_view()), "GET", "decorated.<locals>.inner"),
        (LIBRARY.View.as_view(), "PUT", "View.put"),
        (Counted(page), "GET", "page"),
        (decorated(Counted(page)), "GET", "page"),
        (SERVICES.serving(Handler.handle), "GET", "Handler.handle"),
        # What a library has made of a function.
        (REST.api_view(page), "GET", "page"),
    ],
)
def test_the_view_of_an_answer(view: Any, method: str | None, name: str) -> None:
    site = located(SENDING, Endpoint("/notes", method, view), answer=True, limit=16)
    assert site is not None
    assert (site.top.file, site.top.function) == (__file__, name)
    assert site.through is not None
    assert site.through.function == "send"


def test_a_view_that_is_still_running_is_told_where_it_is() -> None:
    running = (step("/srv/app.py", "helper"), (code_of(page), 0), *SENDING)
    site = located(running, Endpoint("/notes", "GET", page), answer=True, limit=16)
    assert site is not None
    assert site.top.function == "helper"


def test_what_is_no_answer_points_to_the_stack_first_and_to_the_view_without_it() -> None:
    endpoint = Endpoint("/notes", "GET", page)
    inside = located((step("/srv/app.py", "helper"), *SENDING), endpoint, answer=False, limit=16)
    outside = located(SENDING, endpoint, answer=False, limit=16)
    assert inside is not None
    assert outside is not None
    assert (inside.top.function, outside.top.function) == ("helper", "page")


def test_a_framework_s_own_view_is_shown_last() -> None:
    schema = step("/srv/schema.py", "resolve")
    endpoint = Endpoint("/graphql", "GET", LIBRARY.View.as_view())
    own = located((schema, *SENDING), endpoint, answer=True, limit=16)
    none = located(SENDING, endpoint, answer=True, limit=16)
    assert own is not None
    assert none is not None
    assert (own.top.function, none.top.function) == ("resolve", "View.get")


def test_an_application_that_is_installed_is_shown_by_its_view_s_package() -> None:
    application = load(f"{PACKAGES}/wagtail/views.py", "def page(request): pass\n")
    stack = (step(f"{PACKAGES}/small/helper.py"), step(f"{PACKAGES}/wagtail/models.py", "save"), *SENDING)
    site = located(stack, Endpoint("/", "GET", application.page), answer=False, limit=16)
    assert site is not None
    assert (site.top.file, site.top.function) == (f"{PACKAGES}/wagtail/models.py", "save")
    answer = located(stack, Endpoint("/", "GET", application.page), answer=True, limit=16)
    assert answer is not None
    assert answer.top.file == f"{PACKAGES}/wagtail/views.py"


def test_nothing_is_nowhere_and_stacks_are_cut() -> None:
    assert located((), None, answer=False, limit=16) is None
    site = located(SENDING * 10, Endpoint("/", "GET", page), answer=True, limit=3)
    assert site is not None
    assert len(site.stack) == 3


def test_what_an_event_loop_calls_is_the_application_s_own(load_app: Any) -> None:
    app = load_app("class Agent:\n    def ask(self):\n        return 'answer'\n")
    config = f'[[engines]]\ntarget = "{app.__name__}:Agent"\n'
    with Auditor(parse_config(tomllib.loads(config))) as auditor:
        agent = app.Agent()

        async def main() -> None:
            for user in ("alice", "bob"):
                with user_scope(user):
                    asyncio.get_running_loop().call_soon(agent.ask)
            await asyncio.sleep(0)

        asyncio.run(main())
        (entry,) = auditor.recorder.entries()
    assert entry.finding.rule == "IA201"
    assert (entry.finding.site.top.file, entry.finding.site.top.function) == (
        app.Agent.ask.__code__.co_filename,
        "Agent.ask",
    )
