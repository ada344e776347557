"""Which frames of a stack are the application's own, and what they went through."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest

from isolation_audit.analysis.frames import installed_place, is_installed, own_place, package_of

if TYPE_CHECKING:
    from pathlib import Path

STANDARD = sysconfig.get_path("stdlib")
PACKAGES = "/venv/lib/python3.11/site-packages"


def step(file: str, name: str = "f") -> Any:
    code = compile("0", file, "exec")
    return code.replace(co_name=name, co_qualname=name), 0


def files(place: Any) -> Any:
    return None if place is None else [code.co_filename for code, _lasti in place.stack]


APP, LIBRARY = step("/srv/app.py", "View.get"), step(f"{PACKAGES}/requests/sessions.py", "Session.get")
ADAPTER = step(f"{PACKAGES}/requests/adapters.py", "send")
SERVER = step(f"{PACKAGES}/uvicorn/server.py", "Server.run")
LOOP = step(f"{STANDARD}/asyncio/events.py", "Handle._run")
MAIN = step("/srv/main.py", "main")


def test_the_own_frame_comes_first_and_the_library_that_it_called_is_what_it_went_through() -> None:
    place = own_place((ADAPTER, LIBRARY, APP, LOOP, MAIN))
    assert place is not None
    assert (files(place)[0], place.through) == ("/srv/app.py", LIBRARY)
    direct = own_place((APP, LOOP))
    assert direct is not None
    assert direct.through is None


@pytest.mark.parametrize(
    "runner", [LOOP, SERVER, step(f"{PACKAGES}/werkzeug/test.py"), step(f"{STANDARD}/asyncio/runners.py")]
)
def test_what_runs_one_work_after_the_other_hides_what_called_it(runner: Any) -> None:
    assert own_place((ADAPTER, runner, MAIN)) is None
    assert own_place((runner, MAIN)) is None


def test_no_more_is_hidden_than_what_runs_work() -> None:
    server = step(f"{PACKAGES}/uvicorn/protocols/http/h11_impl.py", "RequestResponseCycle.send")
    assert files(own_place((server, APP))) == ["/srv/app.py"]


def test_an_application_that_is_installed_is_told_from_its_frameworks() -> None:
    tracking = step(f"{PACKAGES}/mlflow/server/handlers.py", "search")
    django = step(f"{PACKAGES}/django/core/handlers/base.py", "_get_response")
    flask = step(f"{PACKAGES}/flask/app.py", "Flask.wsgi_app")
    assert own_place((flask, tracking, django)) is None
    assert files(installed_place((flask, tracking, django)))[0].endswith("mlflow/server/handlers.py")
    assert installed_place((flask, django)) is None


def test_the_package_of_the_view_counts_where_it_is_known() -> None:
    helper, view = step(f"{PACKAGES}/smallhelper.py"), step(f"{PACKAGES}/wagtail/views.py")
    assert files(installed_place((helper, view), "wagtail"))[0].endswith("wagtail/views.py")
    assert files(installed_place((helper, view)))[0].endswith("smallhelper.py")


def test_where_code_comes_from() -> None:
    assert is_installed("<frozen importlib._bootstrap>")
    assert is_installed(f"{STANDARD}/json/decoder.py")
    assert is_installed("/usr/lib/python3/dist-packages/django/views.py")
    assert not is_installed("/srv/app.py")
    assert not is_installed("<string>")
    assert (package_of(f"{PACKAGES}/bottle.py"), package_of("/srv/app.py")) == ("bottle", None)
    assert package_of("/usr/lib/python3/dist-packages/django/views.py") == "django"


def test_the_script_is_known_when_python_has_run_it_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        "import atexit\nfrom isolation_audit.analysis.frames import script\n"
        "assert script() == __file__\natexit.register(lambda: print('__file__' in globals(), script()))\n"
    )
    late = tmp_path / "asked_late.py"
    late.write_text(
        "import atexit\nfrom isolation_audit.analysis.frames import script\natexit.register(lambda: print(script()))\n"
    )
    said = [subprocess.check_output([sys.executable, one], text=True).split() for one in (file, late)]
    assert said == [["False", str(file)], [str(late)]]
